"""Whether knowledge search finds the article that answers, beside BM25 and dense search alone.

    python -m evals.bench.knowledge --banking /path/to/tau2_banking

The sample shop's own questions (Spanish, English, Portuguese; hit@1, and whether a question the shop
cannot answer is seen to be one), and tau2-bench's banking articles, where the query is a customer's whole
script and several articles are needed (recall@10; left out when the data is absent).
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from sqlmodel import SQLModel

from recuerda.db import Database
from recuerda.embeddings import Embedder, SentenceEncoder
from recuerda.language import LANGUAGES, Language
from recuerda.memory import Knowledge, NewDocument
from recuerda.memory.lexicon import Lexicon
from recuerda.memory.loaders import load
from recuerda.memory.shelf import FLOOR
from recuerda.memory.terms import analyse
from recuerda.settings import Settings

Ranking = Callable[[str, Language, int], Any]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def bare(id: str) -> str:
    """`cumbre-alta:es` and `cumbre-alta` are one product to whoever wrote the questions."""
    return id.split(":")[0]


async def knowledge_of(folder: str, documents: Sequence[NewDocument], embedder: Embedder) -> Knowledge:
    settings = Settings(data_dir=Path(folder))
    db = Database(settings.database)
    async with db.engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    knowledge = Knowledge(db, embedder, settings)
    await knowledge.put_many(documents)
    return knowledge


def baselines(documents: Sequence[NewDocument], embedder: Embedder) -> dict[str, Ranking]:
    """BM25, and the dense ranking, of whole documents: what one would try first."""
    lexicon = Lexicon([analyse(f"{d.title}\n{d.text}", d.language) for d in documents])
    vectors = embedder.embed([f"{d.title}\n{d.text}" for d in documents])
    ids = [document.id for document in documents]

    def top(scores: Any, limit: int) -> list[str]:
        return [ids[i] for i in np.argsort(-scores, kind="stable")[:limit]]

    return {
        "BM25": lambda query, language, limit: top(lexicon.scores(analyse(query, language)), limit),
        "dense": lambda query, language, limit: top(vectors @ embedder.embed([query])[0], limit),
    }


async def shop(folder: str, embedder: Embedder) -> dict[str, dict[str, float]]:
    home = Path(str(files("recuerda.sample_shop")))
    documents = [*load(home / "articles", "es"), *load(home / "catalogue.json", "es")]
    questions = lines(home / "questions.jsonl")
    knowledge = await knowledge_of(folder, documents, embedder)
    known = [q for q in questions if q["relevant"]]
    report: dict[str, dict[str, float]] = {}
    for name, rank in baselines(documents, embedder).items():
        report[name] = _hits(known, [rank(q["query"], q["lang"], 3) for q in known])
    found = [await knowledge.search(q["query"], language=q["lang"], limit=3, floor=0.0) for q in questions]
    answered = [hits for q, hits in zip(questions, found, strict=True) if q["relevant"]]
    report["Recuerda"] = _hits(known, [[hit.document_id for hit in hits] for hits in answered])
    best = [hits[0].score if hits else 0.0 for hits in found]
    report["Recuerda"] |= {
        "answered": float(
            np.mean([s >= FLOOR for s, q in zip(best, questions, strict=True) if q["relevant"]])
        ),
        "abstained": float(
            np.mean([s < FLOOR for s, q in zip(best, questions, strict=True) if not q["relevant"]])
        ),
    }
    return report


def _hits(questions: Sequence[dict[str, Any]], rankings: Sequence[Sequence[str]]) -> dict[str, float]:
    first = [
        bool(ranked) and bare(ranked[0]) in q["relevant"]
        for q, ranked in zip(questions, rankings, strict=True)
    ]
    third = [
        any(bare(id) in q["relevant"] for id in ranked[:3])
        for q, ranked in zip(questions, rankings, strict=True)
    ]
    scores = {"hit@1": float(np.mean(first)), "hit@3": float(np.mean(third))}
    for language in LANGUAGES:
        mine = [hit for hit, q in zip(first, questions, strict=True) if q["lang"] == language]
        scores[f"hit@1 {language}"] = float(np.mean(mine))
    return scores


async def banking(folder: str, data: Path, embedder: Embedder) -> dict[str, dict[str, float]]:
    documents = [
        NewDocument(id=row["id"], title=row["title"], text=row["text"], language="en")
        for row in lines(data / "documents.jsonl")
    ]
    queries = lines(data / "queries.jsonl")
    knowledge = await knowledge_of(folder, documents, embedder)
    report = {
        name: _recalls(queries, [rank(q["query"], "en", 10) for q in queries])
        for name, rank in baselines(documents, embedder).items()
    }
    started = time.perf_counter()
    found = [await knowledge.search(q["query"], language="en", limit=10, floor=0.0) for q in queries]
    spent = (time.perf_counter() - started) / len(queries) * 1000
    report["Recuerda"] = _recalls(queries, [[hit.document_id for hit in hits] for hits in found])
    report["Recuerda"]["ms a query"] = spent
    return report


def _recalls(queries: Sequence[dict[str, Any]], rankings: Sequence[Sequence[str]]) -> dict[str, float]:
    return {
        f"recall@{k}": float(
            np.mean(
                [
                    len(set(ranked[:k]) & set(q["relevant"])) / len(q["relevant"])
                    for q, ranked in zip(queries, rankings, strict=True)
                    if q["relevant"]
                ]
            )
        )
        for k in (5, 10)
    }


def table(title: str, report: dict[str, dict[str, float]]) -> str:
    columns = list(report["Recuerda"])
    rows = [
        f"| {name} | " + " | ".join(f"{scores[c]:.2f}" if c in scores else "–" for c in columns) + " |"
        for name, scores in report.items()
    ]
    return "\n".join([f"| {title} | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns), *rows])


async def run(data: Path | None) -> None:
    embedder = SentenceEncoder()
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        print(table("sample shop", await shop(one, embedder)))
        if data:
            print("\n" + table("tau2 banking", await banking(two, data, embedder)))
        else:
            print("\ntau2 banking: left out, give its folder with --banking")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--banking", type=Path)
    data: Path | None = parser.parse_args().banking
    asyncio.run(run(data if data and data.exists() else None))


if __name__ == "__main__":
    main()
