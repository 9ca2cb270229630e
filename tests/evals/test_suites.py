"""The eval suites themselves: counting, judging, showing. What they measure is not tested here."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from evals import report, run
from evals.scorers.replies import Answer, _numbers
from evals.scorers.replies import score as score_reply
from evals.scorers.updates import score as score_update
from evals.tasks import Failure, Result, Sample

from recuerda.errors import BadInput
from recuerda.turns import Context, Used


def outcome(**metrics: tuple[float, float]) -> run.Outcome:
    failure = Failure("<b>dije</b>", "esto", "aquello")
    results = [Result("es-1", "es", metrics), Result("pt-1", "pt", {"right": (0.0, 1.0)}, failure)]
    return run.Outcome("s", "About.", 2, 0.1, run.totals(results), {"right": 0.5}, [results[1]])


def test_totals_are_ratios_of_sums() -> None:
    totals = outcome(right=(1.0, 1.0), f1=(3.0, 4.0)).metrics
    assert totals["right"] == {"all": (0.5, 2.0), "es": (1.0, 1.0), "pt": (0.0, 1.0)}
    assert totals["f1"]["all"] == (0.75, 4.0)


def test_a_threshold_is_met_or_missed() -> None:
    assert outcome(right=(1.0, 1.0)).missed == []
    assert outcome(right=(0.0, 1.0)).missed == ["right"]


def test_a_threshold_for_what_is_not_measured_is_missed() -> None:
    found = run.Outcome("s", "", 0, 0.0, {}, {"f1": 0.5}, [])
    assert found.missed == ["f1"]


def test_page_stands_alone_and_escapes_words() -> None:
    results = [outcome(right=(1.0, 1.0))]
    about = {"version": "1", "engine": "embedded", "at": "now", "seconds": 1.0, "passed": True}
    page = report.page(results, about)
    assert "&lt;b&gt;dije&lt;/b&gt;" in page
    assert not re.search(r"<script|src=|href=|url\(|@import", page)
    assert report.table(results).row_count == 1


def test_unknown_suite_says_which_there_are() -> None:
    with pytest.raises(BadInput, match="extraction, updates, recall"):
        run.main(["nothing"])


def test_thresholds_name_suites_that_exist() -> None:
    assert set(run._thresholds("embedded")) <= set(run.SUITES)
    assert set(run._thresholds("llm")) <= set(run.SUITES)


def test_datasets_have_unique_ids_in_three_languages() -> None:
    for task in run.SUITES.values():
        samples = task.dataset()
        assert len({s.id for s in samples}) == len(samples), task.name
        assert {s.language for s in samples} == {"en", "es", "pt"}, task.name


def test_relevant_memories_exist() -> None:
    for sample in run.SUITES["recall"].dataset():
        ids = {memory["id"] for memory in sample.data["memories"]}
        assert ids.issuperset(sample.data["relevant"]), sample.id


def fact(attribute: str | None, value: str | None, statement: str) -> dict[str, Any]:
    return {
        "attribute": attribute,
        "value": value,
        "statement": statement,
        "evidence": [],
        "category": "fit",
        "status": "active",
    }


@pytest.mark.parametrize(
    ("facts", "right"),
    [
        ([fact("shoe_size", "43", "soy 43")], 1.0),
        ([fact(None, None, "es 43")], 1.0),
        ([fact("shoe_size", "43", "soy 43"), fact("shoe_size", "42", "uso 42")], 0.0),
        ([fact("shoe_size", "43", "soy 43"), fact(None, None, "uso 42")], 0.0),
        ([], 0.0),
    ],
)
def test_updates_want_the_newest_and_nothing_outdated(facts: list[dict[str, Any]], right: float) -> None:
    data = {
        "conversations": [{"days_ago": 1, "turns": ["uso 42", "perdón, es 43"]}],
        "current": [{"attribute": "shoe_size", "value": "43", "words": ["43"]}],
        "outdated": [{"attribute": "shoe_size", "value": "42", "words": ["42"]}],
    }
    assert score_update(Sample("es-1", "es", data), facts).metrics["right"] == (right, 1.0)


def test_numbers_are_read_however_they_are_written() -> None:
    assert _numbers("R$ 1.299,90, 459.000 COP, $109, talla 42 y 2 pares") == {
        "1299.9",
        "459000",
        "109",
        "42",
    }


def test_a_reply_may_not_invent_numbers() -> None:
    context = Context(
        brand="",
        message="¿tienen 42?",
        language="es",
        now=datetime(2026, 11, 22, tzinfo=UTC),
        customer_name=None,
        transcript=[],
        facts=[],
        heard=[],
        memories=[],
        orders=[],
        knowledge=[],
        products=[],
    )
    sample = Sample("es-1", "es", {"message": "¿tienen 42?", "expect": {"mentions": [["talla", "número"]]}})
    good = score_reply(sample, Answer("Sí, en talla 42.", Used(), context))
    bad = score_reply(sample, Answer("Sí, talla 42 a 37 pesos.", Used(), context))
    assert good.metrics["right"] == (1.0, 1.0)
    assert bad.metrics["grounded"] == (0.0, 1.0)
    assert bad.failure is not None
    assert "37" in bad.failure.wanted
