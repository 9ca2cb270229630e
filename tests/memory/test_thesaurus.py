"""Other words for what a question says, within a language and across."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from recuerda.embeddings import SentenceEncoder
from recuerda.language import Language
from recuerda.memory.history import History, Item
from recuerda.memory.index import Index
from recuerda.memory.terms import term
from recuerda.memory.thesaurus import number_words, related, thesaurus


def item(id: str, text: str, language: Language) -> Item:
    return Item(id, text, datetime(2026, 5, 4, tzinfo=UTC), "turn", "customer", None, language)


@pytest.mark.parametrize(
    ("asked", "word", "said", "other"),
    [
        ("en", "zipper", "es", "cierre"),
        ("pt", "liquidificador", "es", "licuadora"),
        ("es", "boda", "en", "wedding"),
    ],
)
def test_a_word_is_translated(asked: Language, word: str, said: Language, other: str) -> None:
    assert term(other, said) in related(term(word, asked), asked, said)[0]


def test_a_kind_answers_for_what_it_is_a_kind_of() -> None:
    same, kin = related(term("appliance", "en"), "en", "pt")
    assert term("liquidificador", "pt") in kin - same


def test_numbers_in_words_count() -> None:
    assert term("quince", "es") in number_words("es")


def test_every_line_says_it_in_three_languages() -> None:
    groups = thesaurus()._stems
    assert all(all(group.values()) for group in groups)
    assert Counter(len(group) for group in groups) == {3: len(groups)}


def test_an_index_marks_other_words_and_kinds_of_the_items_own_language() -> None:
    index = Index([item("a", "La licuadora se quemó", "es"), item("b", "Me encanta el pan", "es")])
    counts = index.counts("which appliance burned?", "en")
    assert counts.tf.sum() == 0
    assert counts.alike[counts.terms.index(term("burned", "en"))].tolist() == [True, False]
    assert counts.akin[counts.terms.index(term("appliance", "en"))].tolist() == [True, False]


def test_a_question_finds_what_was_said_in_another_language() -> None:
    said = ["La licuadora se incendió mientras hacía una sopa", "El sofá llegó con una pata floja"]
    encoder = SentenceEncoder()
    history = History([item(str(i), t, "es") for i, t in enumerate(said)], encoder.embed(said))
    query = "Que eletrodoméstico pegou fogo?"
    hits = history.search(query, encoder.embed([query]), now=history.items[-1].at, language="pt")
    assert hits[0].item.id == "0"
