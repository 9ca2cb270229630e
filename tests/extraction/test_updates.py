"""From two messages, days apart, to what is true now: extractor and reconciling together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from recuerda.extraction import Turn
from recuerda.extraction.embedded import EmbeddedExtractor
from recuerda.extraction.reconcile import Close, Known, Record, reconcile
from recuerda.models import FactStatus, Review, Source

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
    ("my budget is 40 pounds", "we can do 60 pounds from now on", {"budget": "60 GBP"}),
]


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
