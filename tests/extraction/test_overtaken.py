"""How sure it must be that a message makes a fact untrue, and how many facts one message may end."""

from collections.abc import Sequence

import numpy as np
import pytest

from recuerda.extraction.changes import Close, Known
from recuerda.extraction.outdated import Outdated, Said
from recuerda.extraction.overtaken import overtake
from recuerda.models import Category, Review
from tests.extraction.test_reconcile import CATALOGUE, NOW, draft, known

CHANGE, REMARK = "I sold it last week", "The weather was fine last week"
FACTS = [known(draft(f"I own thing {n}", category=Category.POSSESSION), f"fct_{n}") for n in range(3)]


def _ended(
    monkeypatch: pytest.MonkeyPatch, text: str, facts: Sequence[Known], likely: Sequence[float]
) -> list[str]:
    monkeypatch.setattr(Outdated, "judge", lambda *_: list(likely))
    said = Said(text, np.zeros(4, np.float32), {}, [])
    return [c.fact_id for c in overtake(facts, [], said, NOW, CATALOGUE) if isinstance(c, Close)]


def test_one_message_ends_the_two_likeliest_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _ended(monkeypatch, REMARK, FACTS, [0.6, 0.9, 0.8]) == ["fct_1", "fct_2"]


def test_what_says_of_a_change_ends_its_likeliest_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    likely = [0.35, 0.4, 0.1]
    assert _ended(monkeypatch, REMARK, FACTS, likely) == []
    assert _ended(monkeypatch, CHANGE, FACTS, likely) == ["fct_1"]


def test_what_a_person_vouched_for_takes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    vouched = [known(draft("I own a van", category=Category.POSSESSION), review=Review.DONE)]
    assert _ended(monkeypatch, CHANGE, vouched, [0.6]) == []
    assert _ended(monkeypatch, CHANGE, vouched, [0.8]) == ["fct_1"]


def test_a_health_fact_takes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    ill = [known(draft("I have asthma", "condition", "asthma"))]
    assert _ended(monkeypatch, CHANGE, ill, [0.6]) == []
    assert _ended(monkeypatch, CHANGE, ill, [0.8]) == ["fct_1"]
