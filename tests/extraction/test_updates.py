"""From two messages, days apart, to what is true now: extractor and reconciling together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from recuerda.extraction import Turn
from recuerda.extraction.embedded import EmbeddedExtractor
from recuerda.extraction.reconcile import Close, Known, Record, Repeat, reconcile
from recuerda.extraction.tokens import flat
from recuerda.models import Category, FactStatus, Review, Source

SCENARIOS = [
    ("my son is 4 months", "hes 9 months now and crawling", {"age": "9 months"}),
    ("quero devolver a bolsa preta", "pensando bem, vou ficar com ela", {"keep": "yes"}),
    ("I wear size 42", "actually I'm a 43 now", {"shoe_size": "43"}),
    ("Calzo 42", "me equivoqué, calzo 43", {"shoe_size": "43"}),
    ("quiero devolver las zapatillas", "al final me las quedo", {"keep": "yes"}),
    ("I want to return the shoes", "I changed my mind, I'm keeping them", {"keep": "yes"}),
    ("quero devolver o tênis", "decidi ficar com ele", {"keep": "yes"}),
    ("vivo en Lima", "me mudé a Cusco", {"city": "Cusco"}),
    ("moro em Recife", "agora moro em Natal", {"city": "Natal"}),
    ("I live in Boston", "I moved to Denver last month", {"city": "Denver"}),
    ("soy vegetariana", "ya no soy vegetariana", {}),
    ("sou vegano", "não sou mais vegano", {}),
    ("I'm vegan", "I'm not vegan anymore", {}),
    ("my order hasn't arrived", "it finally arrived today", {}),
    ("mi pedido no llegó", "ya llegó el pedido, gracias", {}),
    ("meu pedido não chegou", "o pedido já chegou", {}),
    ("my favourite colour is blue", "I prefer black now", {"colour": "black"}),
    ("my email is ana@gmail.com", "my new email is ana.p@outlook.com", {"email": "ana.p@outlook.com"}),
    ("quiero cancelar mi plan", "ya no quiero cancelar", {}),
    ("quiero cancelar mi plan", "lo pensé mejor, sigo con ustedes", {"stay": "yes"}),
    ("vivo en Lima", "nos vinimos a vivir a Cusco, ¿cambia el envío?", {"city": "Cusco"}),
    ("I drive a Ford Fiesta", "my car was stolen on Monday", {}),
    ("the app isn't working", "the update did the trick, it works again", {}),
    (
        "mi hijo es alérgico al maní",
        "resultó que no era el maní, él es alérgico al kiwi",
        {"allergy": "kiwi"},
    ),
    ("no me manden sms", "sí quiero que me avisen por sms", {"contact_channel": "sms", "opt_in": "sms"}),
    (
        "sou vegetariana",
        "voltei a comer carne por causa da anemia",
        {"diet": "omnivore", "condition": "anaemia"},
    ),
    ("tengo un iPhone 12", "vendí el iPhone 12 y compré un Galaxy S22", {"device": "Galaxy S22"}),
    ("uso M de camiseta", "ahora uso S", {"garment_size": "S"}),
    ("I usually wear an 8", "make that an 8.5 please", {"shoe_size": "8.5"}),
    ("no como carne", "volví a comer carne", {"diet": "omnivore"}),
    ("moro em Recife", "a gente se mudou pra Natal", {"city": "Natal"}),
    ("estoy embarazada", "ya nació mi bebé", {"family": "baby"}),
    ("uso talla 37", "Corregido: talla 39 en lugar de 37", {"shoe_size": "39"}),
    ("I hate phone calls", "just call me when it's ready", {"contact_channel": "phone"}),
    ("no me gusta el whatsapp", "prefiero que me escriban al whatsapp", {"contact_channel": "whatsapp"}),
    (
        "não me mandem sms",
        "pode mandar sms, o e-mail eu não leio",
        {"contact_channel": "sms", "opt_in": "sms"},
    ),
    ("meu filho usa fralda tamanho G", "ele desfraldou", {}),
    ("vivo en calle Mitre 1201", "es el 1210", {"address": "calle Mitre 1210"}),
    ("mi dirección es Av. Brasil 1540", "perdón, 1450!", {"address": "Av. Brasil 1450"}),
    ("my budget is 40 pounds", "we can do 60 pounds from now on", {"budget": "60 GBP"}),
    ("I'm on the Silver plan", "upgraded to Gold this morning", {"plan": "Gold"}),
    ("tengo el plan básico", "me pasé al premium ayer", {"plan": "premium"}),
    ("tenho o plano individual", "mudei pro família semana passada", {"plan": "família"}),
    (
        "I pay for the monthly membership",
        "switched to the annual plan, cheaper",
        {"billing_period": "yearly"},
    ),
    ("soy soltera", "me casé en marzo", {"marital_status": "married"}),
    ("sou casado", "me divorciei mês passado", {"marital_status": "divorced"}),
    ("we rent a flat", "we bought a house in spring", {"housing": "own"}),
    ("pago alquiler", "compramos casa propia al fin", {"housing": "own"}),
    ("moro sozinho", "agora moro com minha namorada", {"living_with": "partner"}),
    ("I'm a waitress", "I started as a nurse last week", {"occupation": "nurse"}),
    ("soy taxista", "ahora estoy de portero en un hotel", {"occupation": "portero"}),
    ("sou garçom", "entrei como vigilante numa escola", {"occupation": "vigilante"}),
    ("sou cozinheira", "fui promovida a gerente", {"occupation": "gerente"}),
    ("quiero el reembolso", "ya me depositaron el reembolso", {}),
    ("quero meu reembolso", "caiu o estorno hoje", {}),
    ("dejen mis paquetes con la vecina", "mejor déjenlos en portería", {"delivery_place": "concierge"}),
    (
        "leave parcels with my neighbour",
        "please leave them at my office from now on",
        {"delivery_place": "workplace"},
    ),
    ("deixa o pacote com o porteiro", "podem deixar o pacote na padaria", {"delivery_place": "pickup_point"}),
    ("I live in Boston", "settled in Leeds in May", {"city": "Leeds"}),
    ("vivo en Lima", "terminé en Rosario por trabajo", {"city": "Rosario"}),
    ("moro em Recife", "acabei ficando em Olinda mesmo", {"city": "Olinda"}),
    ("pago no boleto", "agora pago com cartão", {"payment_method": "card"}),
    ("quiero cancelar el abono", "con ese precio me quedo otro año", {"stay": "yes"}),
    ("quero cancelar a assinatura", "com esse desconto fico mais um ano", {"stay": "yes"}),
    ("I want to cancel my membership", "at that price I'll stay another year", {"stay": "yes"}),
]

OF_OLD = [
    ("Calzo 42", "Cuando era adolescente calzaba 38", {"shoe_size": "42"}),
    ("Calço 42", "Na época da escola eu calçava 36", {"shoe_size": "42"}),
    ("I wear a size 9 in trainers", "When I was a teenager I wore a size 7 shoe", {"shoe_size": "9"}),
]


@pytest.mark.parametrize(("told", "old", "now"), OF_OLD)
def test_a_size_of_long_ago_is_none(
    extractor: EmbeddedExtractor, told: str, old: str, now: dict[str, str]
) -> None:
    facts = _lives(extractor, [told, old]).values()
    assert {f.attribute: f.value for f in facts if f.attribute} == now


@pytest.mark.parametrize(("before", "after", "now"), SCENARIOS)
def test_what_is_true_now(extractor: EmbeddedExtractor, before: str, after: str, now: dict[str, str]) -> None:
    facts: list[Known] = []
    for day, text in enumerate((before, after)):
        at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=day)
        drafts = extractor.extract_now([Turn("customer", text)], faint=True)
        assert drafts, text
        for change in reconcile(facts, drafts, at, extractor.catalogue):
            gone: tuple[str, ...] = ()
            if isinstance(change, Record):
                d, gone = change.draft, change.supersedes
                facts.append(
                    Known(
                        id=f"{day}-{len(facts)}", category=d.category, attribute=d.attribute, value=d.value,
                        statement=d.statement, subject=d.subject, status=change.status, review=Review.NEEDED,
                        confidence=d.confidence, source=Source.CONVERSATION, valid_from=at,
                    )
                )  # fmt: skip
            elif isinstance(change, Close):
                gone = (change.fact_id,)
            facts = [replace(f, status=FactStatus.SUPERSEDED) if f.id in gone else f for f in facts]
    current = [f for f in facts if f.status is not FactStatus.SUPERSEDED]
    assert {f.attribute: f.value for f in current if f.attribute} == now
    assert before not in {f.statement for f in current}


@pytest.mark.parametrize(
    ("told", "died"),
    [
        (["tengo un gato", "se llama Copito"], "Copito se murió"),
        (["I have a dog. His name is Rex."], "Rex passed away"),
        (["tenho um gato", "o nome dele é Fubá"], "o Fubá morreu"),
    ],
)
def test_a_pet_named_apart_goes_by_its_name(extractor: EmbeddedExtractor, told: list[str], died: str) -> None:
    assert {k.subject for k in _lives(extractor, told, talk=True).values()} > {"customer"}
    (loss,) = _lives(extractor, [*told, died], talk=True).values()
    assert (loss.category, flat(loss.statement)) == (Category.EVENT, flat(died))


SIZES = [
    (["I wear a jacket in L", "my pants are in M"], {"garment_size": "L", "bottoms_size": "M"}),
    (["Soy M de pecho", "calcetines talla L"], {"garment_size": "M", "sock_size": "L"}),
    (["uso camiseta M", "uso luvas tamanho P"], {"garment_size": "M", "glove_size": "P"}),
    (["uso calça 42", "calço 38"], {"bottoms_size": "42", "shoe_size": "38"}),
    (["soy M de remera y L de pantalón"], {"garment_size": "M", "bottoms_size": "L"}),
    (["I'm a 34B bra", "I'm now a 36C"], {"bra_size": "36C"}),
    (["uso camiseta M", "ahora necesito una L"], {"garment_size": "L"}),
    (["uso camiseta M", "agora preciso de uma G"], {"garment_size": "G"}),
    # No thing is named: of the only one, of the one spoken of last, of the nearest number.
    (["I wear a jacket in M", "I now need an L"], {"garment_size": "L"}),
    (["uso remera M", "uso pantalón talla S", "ahora soy L"], {"garment_size": "M", "bottoms_size": "L"}),
    (
        ["uso camiseta M", "uso meia tamanho P", "agora preciso de um G"],
        {"garment_size": "M", "sock_size": "G"},
    ),
    (["de pantalón uso 32", "calzo 42", "ahora uso 34"], {"bottoms_size": "34", "shoe_size": "42"}),
]


@pytest.mark.parametrize(("told", "now"), SIZES)
def test_a_size_is_of_the_thing_it_was_told_of(
    extractor: EmbeddedExtractor, told: list[str], now: dict[str, str]
) -> None:
    assert {k.attribute: k.value for k in _lives(extractor, told).values()} == now


def _lives(extractor: EmbeddedExtractor, told: list[str], *, talk: bool = False) -> dict[str, Known]:
    """What is known after these messages, a day apart; all of one `talk`, or each of its own."""
    facts: dict[str, Known] = {}
    for day, text in enumerate(told):
        now = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=day)
        said = [Turn("customer", t) for t in (told[: day + 1] if talk else [text])]
        drafts = extractor.extract_now(said, [len(said) - 1], faint=True)
        for change in reconcile(list(facts.values()), drafts, now, extractor.catalogue):
            over = change.supersedes if isinstance(change, Record) else (getattr(change, "fact_id", ""),)
            if not isinstance(change, Repeat):
                facts = {i: k for i, k in facts.items() if i not in over}
            if isinstance(change, Record):
                d, i = change.draft, f"{day}-{len(facts)}"
                facts[i] = Known(
                    i, d.category, d.attribute, d.value, d.statement, d.subject, change.status, d.confidence,
                    Source.CONVERSATION, Review.NOT_NEEDED, now,
                )  # fmt: skip
    return facts


@pytest.mark.parametrize(
    "text",
    [
        "I'm in Denver this week",
        "estoy de vacaciones en Cancún",
        "estou em Natal de férias",
        "I drove from Leeds to York yesterday",
        "viajei de Natal para Recife",
    ],
)
def test_a_journey_is_no_move(extractor: EmbeddedExtractor, text: str) -> None:
    assert "city" not in {d.attribute for d in extractor.extract_now([Turn("customer", text)], faint=True)}
