"""How recall, writing, memory and restart grow from ten thousand memories to a million.

    python -m evals.bench.scale --sizes 10000,100000,1000000 --peers PYTHON

For each size: a shop of customers with 10 to 5,000 memories each (100 on average), written to SQL and
built into the index; then a fresh process that serves it is measured, embedding excluded. Beside it, on
the same vectors, one Chroma collection with a filter on the customer, which is what LangChain's and
mem0's Chroma stores do; and, up to `--mem0-up-to` memories (it takes them one at a time), mem0 itself, when
PYTHON is an interpreter that has `mem0ai chromadb langchain-core`. Needs about 12 GB of disk for a million.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import numpy as np
from evals.bench import scale_rivals
from evals.bench.scale_shop import Source, build, sizes_of_customers, texts

from recuerda.embeddings import SentenceEncoder
from recuerda.settings import Settings

_ASKED = 100  # customers the rivals are asked about
_RIVALS = {"one_collection": "one collection", "mem0": "mem0"}


def measure(folder: Path, size: int, source: Source, rivals: dict[str, str]) -> dict[str, Any]:
    """`rivals` names the interpreter of each."""
    settings = Settings(data_dir=folder / f"recuerda-{size}")
    result: dict[str, Any] = {"size": size}
    if not settings.data_dir.exists():
        settings.data_dir.mkdir(parents=True)
        result["build"] = asyncio.run(build(settings, size, source))
    with tempfile.TemporaryDirectory(dir=folder) as shared, contextlib.ExitStack() as stack:
        built = {}
        if rivals:
            _share(Path(shared), size, source)
        for name, python in rivals.items():
            built[name] = stack.enter_context(_Rival([python, scale_rivals.__file__, name, shared]))
        # Filling takes them up to an hour: all are asked after it, one right after the other.
        module = [sys.executable, "-m", "evals.bench.scale_serve"]
        command = [*module, str(settings.data_dir), str(time.time())]
        served = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        result["recuerda"] = json.loads(served.stdout.splitlines()[-1])
        for name, rival in built.items():
            result[name] = rival.asked()
    return result


class _Rival:
    """A process that has filled its store once it is entered, and then waits to be asked."""

    def __init__(self, command: list[str]) -> None:
        self._command = command

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        for line in self._process.stdout:
            if line == scale_rivals.FILLED:
                return self
        raise SystemExit(f"{self._command[2]} stopped while it was filled")

    def asked(self) -> dict[str, Any]:
        said, _ = self._process.communicate("go\n")
        if self._process.returncode:
            raise SystemExit(f"{self._command[2]} stopped while it was asked")
        result: dict[str, Any] = json.loads(said.splitlines()[-1])
        return result

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def _share(folder: Path, size: int, source: Source) -> None:
    """Writes down what the rivals are to keep and to find."""
    sizes = sizes_of_customers(size)
    np.save(
        folder / "vectors.npy", np.concatenate([source.vectors(n, int(of)) for n, of in enumerate(sizes)])
    )
    np.save(folder / "owners.npy", np.repeat(np.arange(len(sizes)), sizes))
    asked = np.random.default_rng(11).permutation(len(sizes))[:_ASKED]
    np.save(folder / "asked.npy", asked)
    np.save(folder / "queries.npy", SentenceEncoder().embed(list(texts(len(asked), seed=5))))


def table(results: list[dict[str, Any]]) -> str:
    head = [
        "memories",
        "warm p95",
        "cold p95",
        "exact",
        "write to findable",
        "peak memory",
        "restart to answer",
    ]
    head += [f"{name} p95 | its recall@10" for name in _RIVALS.values()]
    lines = [
        "| " + " | ".join(head) + " |",
        "|---:|---:|---:|---|" + "---:|" * (len(head) - 4 + len(_RIVALS)),
    ]
    for result in results:
        ours = result["recuerda"]
        cells = [f"{result['size']:,}", f"{ours['warm_ms']['p95']} ms", f"{ours['cold_ms']['p95']} ms"]
        cells += ["no" if ours["not_exact"] else "yes", f"{ours['findable_s']} s", f"{ours['peak_mb']} MB"]
        cells.append(f"{ours['first_answer_s']} s")
        for name in _RIVALS:
            rival = result.get(name)
            cells.append(f"{rival['query_ms']['p95']} ms | {rival['recall_at_10']}" if rival else "– | –")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(results: list[dict[str, Any]], path: Path) -> None:
    """What a question costs, and how much of the right answer it gets, against how much is kept."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (waits, found) = plt.subplots(1, 2, figsize=(10, 4))
    sizes = [r["size"] for r in results]
    for kind in ("warm", "cold"):
        at = [r["recuerda"][f"{kind}_ms"]["p95"] for r in results]
        waits.plot(sizes, at, "o-", label=f"Recuerda, {kind}")
    found.plot(
        sizes, [1 if not r["recuerda"]["not_exact"] else np.nan for r in results], "o-", label="Recuerda"
    )
    for name, shown in _RIVALS.items():
        have = [r for r in results if name in r]
        at = [r["size"] for r in have]
        waits.plot(at, [r[name]["query_ms"]["p95"] for r in have], "o--", label=shown)
        found.plot(at, [r[name]["recall_at_10"] for r in have], "o--", label=shown)
    waits.set_yscale("log")
    waits.set_ylabel("ms a question, 95 % at most")
    found.set_ylabel("share of the ten nearest that is found")
    found.set_ylim(0, 1.05)
    for axis in (waits, found):
        axis.set_xscale("log")
        axis.set_xlabel("memories kept")
        axis.grid(alpha=0.3)
        axis.legend()
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="10000,100000")
    parser.add_argument("--data", type=Path, default=Path("evals/results/scale"), help="kept between runs")
    parser.add_argument(
        "--results", type=Path, default=Path("evals/results"), help="folder of scale.json, .svg"
    )
    parser.add_argument("--no-compare", action="store_true", help="leave out the rivals")
    parser.add_argument("--peers", metavar="PYTHON", help="an interpreter that has mem0")
    parser.add_argument("--mem0-up-to", type=int, default=10_000)
    given = parser.parse_args()
    source, results = Source(), []
    given.data.mkdir(parents=True, exist_ok=True)
    given.results.mkdir(parents=True, exist_ok=True)
    for size in map(int, given.sizes.split(",")):
        rivals = {} if given.no_compare else {"one_collection": sys.executable}
        if given.peers and rivals and size <= given.mem0_up_to:
            rivals["mem0"] = shutil.which(given.peers) or given.peers
        results.append(measure(given.data, size, source, rivals))
        print(json.dumps(results[-1]), flush=True)
        results.sort(key=lambda result: int(result["size"]))
        (given.results / "scale.json").write_text(json.dumps(results, indent=1))
        plot(results, given.results / "scale.svg")
    print(table(results))


if __name__ == "__main__":
    main()
