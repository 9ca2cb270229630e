"""Whether what is believed is what was said last.

A fact is the expected one when attribute and value are, or when its statement or quotes hold all of the
expected words (for what has no attribute, or a value another could spell otherwise).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from evals.tasks import Failure, Result, Sample, yes
from recuerda.language import fold


def score(sample: Sample, facts: Sequence[Mapping[str, Any]]) -> Result:
    missing = [e for e in sample.data["current"] if not any(_is(e, fact) for fact in facts)]
    remaining = [e for e in sample.data["outdated"] if any(_is(e, fact) for fact in facts)]
    wanted, outdated = len(sample.data["current"]), len(sample.data["outdated"])
    metrics = {
        "right": yes(not missing and not remaining),
        "current": (float(wanted - len(missing)), float(wanted)),
        "outdated_gone": (float(outdated - len(remaining)), float(outdated)),
    }
    failure = _failure(sample, facts) if missing or remaining else None
    return Result(sample.id, sample.language, metrics, failure)


def _is(expected: Mapping[str, Any], fact: Mapping[str, Any]) -> bool:
    attribute, value = expected.get("attribute"), expected.get("value")
    if attribute and fact["attribute"] and fact["attribute"] != attribute:
        return False
    if attribute and value and fact["attribute"] and fold(str(fact["value"])) == fold(str(value)):
        return True
    words = [fold(word) for word in expected.get("words", ())]
    said = fold(" ".join([fact["statement"], *(e["quote"] for e in fact["evidence"])]))
    return bool(words) and all(word in said for word in words)


def _failure(sample: Sample, facts: Sequence[Mapping[str, Any]]) -> Failure:
    said = "\n".join(
        f"{talk['days_ago']} days ago: {text}"
        for talk in sample.data["conversations"]
        for text in talk["turns"]
    )
    wanted = [_line(e) for e in sample.data["current"]] + [
        f"not: {_line(e)}" for e in sample.data["outdated"]
    ]
    got = [f"{_name(f, f['category'])}: {f['statement']} ({f['status']})" for f in facts]
    return Failure(said, "\n".join(wanted), "\n".join(got) or "nothing")


def _line(expected: Mapping[str, Any]) -> str:
    return f"{_name(expected, 'a fact')}: {' + '.join(expected['words'])}"


def _name(fact: Mapping[str, Any], otherwise: str) -> str:
    attribute, value = fact.get("attribute"), fact.get("value")
    return f"{attribute}={value}" if attribute and value else attribute or otherwise
