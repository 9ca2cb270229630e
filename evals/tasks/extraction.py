"""Facts found in conversations written by hand, half of them with nothing to record."""

from collections.abc import Sequence
from typing import Any

from evals.scorers import extraction as scorer
from evals.tasks import Failure, Result, Sample, Task, read
from evals.tasks.world import World
from recuerda.extraction import Turn
from recuerda.extraction.offline import as_fact


async def solve(world: World, sample: Sample) -> list[dict[str, Any]]:
    turns = [Turn(turn["role"], turn["text"]) for turn in sample.data["turns"]]
    drafts = await world.recuerda.extractor.extract(turns, language=sample.language)
    return [as_fact(draft) for draft in drafts]


def score(sample: Sample, facts: Sequence[dict[str, Any]]) -> Result:
    """F1 counts a hit for both sides; `kept_out` is the forbidden spans that became no fact."""
    s = scorer.score([(sample.data, facts)])
    metrics = {
        "f1": (2.0 * s.hits, float(s.predicted + s.gold)),
        "precision": (float(s.hits), float(s.predicted)),
        "recall": (float(s.hits), float(s.gold)),
        "category": (float(s.category_right), float(s.hits)),
        "kept_out": (float(s.forbidden - s.leaks), float(s.forbidden)),
        "clean": (float(s.clean), float(s.fact_free)),
        "verbatim": _verbatim(sample, facts),
    }
    right = not s.missed and not s.wrong and not s.leaks
    return Result(sample.id, sample.language, metrics, None if right else _failure(sample, facts, s))


def _verbatim(sample: Sample, facts: Sequence[dict[str, Any]]) -> tuple[float, float]:
    texts = [turn["text"] for turn in sample.data["turns"]]
    exact = sum(texts[f["turn"]][f["start"] : f["end"]] == f["quote"] for f in facts)
    return float(exact), float(len(facts))


def _failure(sample: Sample, facts: Sequence[dict[str, Any]], s: scorer.Score) -> Failure:
    said = "\n".join(f"{turn['role']}: {turn['text']}" for turn in sample.data["turns"])
    wanted = [f"{f['quote']} ({'/'.join(f['categories'])})" for f in sample.data["facts"]]
    leaks = [f"never: {span}" for span in sample.data.get("never", ())] if s.leaks else []
    got = [f"{f['quote']} ({f['category']})" for f in facts]
    return Failure(said, "\n".join([*wanted, *leaks]) or "nothing", "\n".join(got) or "nothing")


TASK = Task(
    "extraction",
    "Facts found in hand-written conversations, with their exact words.",
    lambda: read("extraction"),
    solve,
    score,
)
