"""How well a language model reads beside the classifier, and how far to trust it.

    RECUERDA_LLM_MODEL=NAME RECUERDA_LLM_BASE_URL=URL python -m evals.bench.llm_extraction --sample 90

Asks the model about every clause it could matter for with the greatest trust tried, once; then counts what
comes of it with each trust, beside the embedded engine alone. `--answers FILE` keeps the answers, so that
what follows them can be changed without asking again, and a run that was stopped goes on. `--pretend 0.9`
asks nobody: it tells what a reader would bring that is right about nine in ten clauses, facts or not.

The last lines say what the model's word is worth: the log of how much likelier it names a fact than something
else (for naming), and how much less likely it is silent about one (for silence). EXTRACTOR_TRUST should be no
more than the smaller of the two.
"""

import argparse
import asyncio
import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evals.scorers import extraction as scorer
from evals.tasks import Sample, read
from rich.console import Console
from rich.table import Table

from recuerda.errors import SetupError, Unavailable
from recuerda.extraction import Turn
from recuerda.extraction.bars import Judged
from recuerda.extraction.embedded import EmbeddedExtractor
from recuerda.extraction.llm import Judgement, LLMExtractor, Place
from recuerda.extraction.offline import as_fact
from recuerda.llm import ChatModel, make_model
from recuerda.meter import metering
from recuerda.models import Category
from recuerda.settings import Settings

TRUSTS = (0.25, 0.5, 1.0, 1.5, 2.0)
_SPENT = ("seconds",), ("input", "output")


class Read(NamedTuple):
    """A conversation, and what both readers say of its clauses."""

    data: Mapping[str, Any]
    turns: list[Turn]
    judged: Judgement
    said: dict[Place, Category | None]
    spent: Mapping[str, float]  # seconds and tokens of the call; empty when none was needed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sample", type=int, default=1000, help="conversations, evenly over the languages")
    parser.add_argument("--answers", type=Path, help="a JSON Lines file for the model's answers")
    parser.add_argument("--pretend", type=float, help="how often an imagined reader is right, 0.5 to 1")
    given = parser.parse_args()
    samples, model = _sample(given.sample), make_model(Settings())
    if given.pretend:
        reads = list(_pretend(samples, given.pretend))
    elif model is not None:
        reads = asyncio.run(_read_all(model, samples, given.answers))
    else:
        raise SetupError("Set RECUERDA_LLM_MODEL and RECUERDA_LLM_BASE_URL.")
    _report(reads)


def _sample(size: int) -> list[Sample]:
    """As many of each language with facts as without, the same ones every time."""
    chosen: list[Sample] = []
    every = read("extraction")
    for language in ("en", "es", "pt"):
        for full in (True, False):
            kind = [s for s in every if s.language == language and bool(s.data["facts"]) is full]
            random.Random(1).shuffle(kind)
            chosen += kind[: math.ceil(size / 6)]
    return chosen


async def _read_all(model: ChatModel, samples: Sequence[Sample], answers: Path | None) -> list[Read]:
    embedded, known = EmbeddedExtractor(), _known(answers)
    reader = LLMExtractor(model, embedded, max(TRUSTS))
    reads = []
    for n, sample in enumerate(samples, 1):
        turns = [Turn(t["role"], t["text"]) for t in sample.data["turns"]]
        judged = embedded.judge(turns, [i for i, t in enumerate(turns) if t.role == "customer"])
        doubtful = list(reader.doubtful(turns, judged))
        record = known.get(sample.id) or (
            await _ask(reader, sample, turns, judged, doubtful) if doubtful else None
        )
        if record and answers and sample.id not in known:
            with answers.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        said = {(i, k): kind and Category(kind) for i, k, kind in record["said"]} if record else {}
        reads.append(Read(sample.data, turns, judged, said, record["spent"] if record else {}))
        if record:
            print(f"{n}/{len(samples)} {sample.id} {record['spent']}", flush=True)
    return reads


def _pretend(samples: Sequence[Sample], right: float) -> Iterator[Read]:
    embedded, chance = EmbeddedExtractor(), random.Random(1)
    for sample in samples:
        turns = [Turn(t["role"], t["text"]) for t in sample.data["turns"]]
        judged = embedded.judge(turns, [i for i, t in enumerate(turns) if t.role == "customer"])
        said: dict[Place, Category | None] = {}
        for i, k in LLMExtractor(_Nobody(), embedded, max(TRUSTS)).doubtful(turns, judged):
            gold, guess = _gold(sample.data, turns, i, judged[i][k]), judged[i][k].category
            if chance.random() < right:
                said[i, k] = Category(gold["categories"][0]) if gold else None
            else:
                said[i, k] = None if gold else guess
        yield Read(sample.data, turns, judged, said, {})


def _known(answers: Path | None) -> dict[str, dict[str, Any]]:
    lines = answers.read_text("utf-8").splitlines() if answers and answers.exists() else []
    return {record["id"]: record for record in map(json.loads, lines)}


async def _ask(
    reader: LLMExtractor, sample: Sample, turns: list[Turn], judged: Judgement, doubtful: list[Place]
) -> dict[str, Any]:
    with metering() as calls:
        try:
            said = await reader.ask(turns, judged, doubtful)
        except Unavailable as error:
            print(f"{sample.id}: {error.__cause__!r}")
            said = {}
    spent = {
        "seconds": round(calls[0].seconds, 1),
        "input": calls[0].input_tokens,
        "output": calls[0].output_tokens,
    }
    return {"id": sample.id, "said": [[*place, kind] for place, kind in said.items()], "spent": spent}


def _report(reads: Sequence[Read]) -> None:
    table = Table("", "F1", "precision", "recall", "category", "leaks", "clean", "asked", "tokens", "seconds")
    embedded = EmbeddedExtractor()
    for trust in (0.0, *TRUSTS):
        reader, score, asked = LLMExtractor(_Nobody(), embedded, trust), scorer.Score(), []
        for one in reads:
            doubtful = [place for place in reader.doubtful(one.turns, one.judged) if trust]
            said = {place: one.said[place] for place in doubtful if place in one.said}
            drafts = reader.weigh(one.turns, one.judged, said, one.data["lang"])
            scorer.score([(one.data, [as_fact(draft) for draft in drafts])], score)
            asked += [one.spent] if doubtful else []
        seconds, tokens = (sum(s.get(k, 0.0) for s in asked for k in ks) / len(reads) for ks in _SPENT)
        table.add_row(
            f"trust {trust}" if trust else "embedded",
            *(f"{share:.3f}" for share in (score.f1, score.precision, score.recall, score.category)),
            f"{score.leaks} of {score.forbidden}", f"{score.clean} of {score.fact_free}",
            f"{len(asked)} of {len(reads)}", f"{tokens:.0f}", f"{seconds:.1f}",
        )  # fmt: skip
    console = Console(width=120)
    console.print(table)
    console.print("Tokens and seconds: of a conversation, those that needed no call included.")
    words = [word for one in reads for word in _words(one)]
    for named, what in ((True, "naming"), (False, "silence")):
        worth = abs(math.log(_share(words, named, fact=True) / _share(words, named, fact=False)))
        console.print(f"Its {what} is worth {worth:.2f} (of {len(words)} clauses).")


class _Nobody:
    """Stands where no model is asked any more."""

    name = "nobody"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def _words(one: Read) -> Iterator[tuple[bool, bool]]:
    """For each clause asked about: whether the model named it, and whether it is a fact."""
    for (i, k), kind in one.said.items():
        yield kind is not None, _gold(one.data, one.turns, i, one.judged[i][k]) is not None


def _gold(data: Mapping[str, Any], turns: Sequence[Turn], i: int, item: Judged) -> dict[str, Any] | None:
    """The fact that a clause of turn `i` states."""
    words = scorer.words_in(turns[i].text, item.clause.start, item.clause.end)
    for gold in data["facts"]:
        span = scorer.span_of(data, gold["quote"], gold.get("turn"))
        if span and span[0] == i and scorer.overlap(words, span[1]):
            return dict(gold)
    return None


def _share(words: Sequence[tuple[bool, bool]], named: bool, *, fact: bool) -> float:
    """Of the clauses that are facts (or are not), how many it named (or was silent about); never 0."""
    these = [said is named for said, is_fact in words if is_fact is fact]
    return (sum(these) + 0.5) / (len(these) + 1)


if __name__ == "__main__":
    main()
