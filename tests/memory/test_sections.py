"""The section of a document that answers, told from its neighbours by what only it says."""

import pytest

from recuerda.memory.places import OTHER, countries
from recuerda.memory.sections import Sections, question
from recuerda.models import Passage

_DELIVERY = {
    "When it leaves": "Orders paid before 2 pm leave the same day.",
    "Colombia": "In Bogotá it takes 2 days. You can pay with Nequi.",
    "Peru": "In Lima it takes 3 days. You can pay with Yape.",
    "What is not delivered": "Batteries are not delivered by air.",
    "Other countries": "We do not ship between countries.",
}


@pytest.mark.parametrize(
    ("asked", "country", "heading"),
    [
        ("when do orders leave", None, "When it leaves"),
        ("how long does it take to Cali?", "PE", "Colombia"),
        ("do you ship to Germany", "CO", "Other countries"),
        ("are batteries not delivered", None, "What is not delivered"),
        ("how are things delivered", None, "When it leaves"),
        ("how many days does it take", "PE", "Peru"),
        ("can I pay with Nequi", "PE", "Peru"),
        ("when do orders leave", "PE", "When it leaves"),
    ],
)
def test_the_section_that_differs_answers(asked: str, country: str | None, heading: str) -> None:
    passages = [
        Passage(
            document_id="d",
            position=n,
            title=f"Delivery › {title}",
            text=text,
            language="en",
            embedding=b"",
            embedder="none",
        )
        for n, (title, text) in enumerate(_DELIVERY.items())
    ]
    sections = Sections(passages, "en", lambda term: 3.0)
    best = sections.best(question(asked, "en", country), [0.0] * len(passages))
    assert passages[best].title == f"Delivery › {heading}"


def test_places_are_countries() -> None:
    assert countries("¿Hacen envíos a Cali o a Cuzco?") == {"CO", "PE"}
    assert countries("Porto Alegre") == {"BR"}
    assert countries("No enviamos a otro país") == {OTHER}
    assert countries("devuélvanme la plata") == set()
