"""Vereda, an invented Latin American running brand: the shop that the demo loads. Data only.

Everything here is made up: brand, people, phones, orders, carriers and shop addresses.

`catalogue.json`: a list of products: `id`, `name`, `kind`, `url`, `price` (currency code -> amount),
    `fits` (attribute -> values the product is made for, always strings, in the words of customer facts),
    `description` (language -> text) and `highlights` (language -> short phrases).
    `fits.shoe_size` mixes EU (36 to 47), US unisex (4 to 13) and MX centimetres (22 to 31): the ranges do not
    meet, so one flat list serves. Brazilian sizes (EU minus 2) would collide and are left out on purpose.
    An attribute that is absent means the product is not particular about it.

`articles/LANG/ID.md`: help articles. Front matter of one `key: value` a line (`id`, `language`, `title`,
    `url`, `topic`), then Markdown; the text under each heading makes sense alone. Ids are unique
    across languages.

`customers.jsonl`: a customer a line: `external_id`, `name`, `email`, `phone` (E.164), `locale`, `summary`,
    `memories` (`kind` order|return|ticket|note, `id`, `at`, `text`, optional `data`) and `conversations`
    (`id`, `channel`, `at`, `turns` of `author` customer|assistant|agent, `text`, `at`). Times are UTC.

`questions.jsonl`: a question a line to measure knowledge search: `lang`, `query`, `relevant` (article and
    product ids, any of which answers it, articles in the question's language when there is one; `[]`
    when the shop's knowledge holds no answer).
"""
