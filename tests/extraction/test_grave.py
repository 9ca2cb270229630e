"""An allergy, a diet, what somebody cannot eat: only what speaks of it may end it."""

import numpy as np
import pytest

from recuerda.extraction import Draft
from recuerda.extraction.changes import Close
from recuerda.extraction.grave import is_grave
from recuerda.extraction.outdated import Outdated, Said
from recuerda.extraction.overtaken import overtake
from recuerda.extraction.reconcile import reconcile
from recuerda.models import Category
from tests.extraction.test_reconcile import CATALOGUE, NOW, draft, known

ALLERGY = draft("I'm allergic to hazelnuts", "allergy", "hazelnut")
EATS_NO_PRAWNS = draft("No puedo comer langostinos, me hincho")
ILL_FROM_MILK = draft("Leite me faz mal", category=Category.HEALTH)
HYPERTENSION = draft("Tengo la presión alta", "condition", "hypertension")
VEGAN = draft("Sou vegana", "diet", "vegan")
ASTHMA = draft("I have asthma", "condition", "asthma")


@pytest.mark.parametrize(
    ("fact", "text", "ends"),
    [
        (ALLERGY, "I stopped taking the vitamins", False),
        (ALLERGY, "no mustard for me either, it showed up on the patch test", False),
        (ALLERGY, "they tested me again, I can have hazelnuts now", True),
        (EATS_NO_PRAWNS, "resulta que ya puedo comer pan normal", False),
        (ILL_FROM_MILK, "deixei de tomar a vitamina C", False),
        (ILL_FROM_MILK, "o leite já não me incomoda", True),
        (HYPERTENSION, "ya no uso lentes", False),
        (HYPERTENSION, "la presión ya la tengo normal", True),
        (VEGAN, "agora moro em Belém", False),
        (VEGAN, "agora como ovo e frango", True),
        (ASTHMA, "I sold it last week", False),
        (ASTHMA, "turns out it was never asthma", True),
    ],
)
def test_it_ends_by_what_speaks_of_it(
    monkeypatch: pytest.MonkeyPatch, fact: Draft, text: str, ends: bool
) -> None:
    """However likely the classifier finds it."""
    monkeypatch.setattr(Outdated, "judge", lambda _, facts, __: [0.95] * len(facts))
    said = Said(text, np.zeros(4, np.float32), {}, [])
    assert is_grave(known(fact))
    assert bool(overtake([known(fact)], [], said, NOW, CATALOGUE)) is ends


@pytest.mark.parametrize(
    ("fact", "text", "ends"),
    [
        ("Dairy upsets my stomach", "I can have cheese again", True),
        ("Shrimp makes me ill", "I can have cheese again", False),
        ("El gluten me cae mal", "ahora puedo comer pan otra vez", True),
        ("Não posso comer camarão", "já posso comer camarão", True),
        ("I love prawns", "I can eat prawns again", False),
    ],
)
def test_what_may_be_had_again_ends_what_forbade_it(fact: str, text: str, ends: bool) -> None:
    changes = reconcile([known(draft(fact))], [draft(text)], NOW, CATALOGUE)
    assert any(isinstance(c, Close) for c in changes) is ends
