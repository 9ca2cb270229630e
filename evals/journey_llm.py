"""The runner's story against a real language model: python -m evals.journey_llm --base-url URL

Any OpenAI-compatible server will do. Prints what was said and every step; exits 1 when one failed. A small
model on a laptop takes minutes for each language.
"""

import argparse
import asyncio
import json
import os
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from rich.console import Console

from evals.tasks import Sample
from evals.tasks.journey import TASK, Story
from evals.tasks.world import open_world


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--base-url", default=os.environ.get("RECUERDA_LLM_BASE_URL"), required=False)
    parser.add_argument("--model", default=os.environ.get("RECUERDA_LLM_MODEL"), help="default: its first")
    parser.add_argument("--language", action="append", choices=("en", "es", "pt"), help="default: all")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds to wait for its next words")
    parser.add_argument("--out", type=Path, help="a JSON file for the result")
    given = parser.parse_args()
    if not given.base_url:
        parser.error("--base-url or RECUERDA_LLM_BASE_URL is needed, such as http://127.0.0.1:11434/v1")
    return asyncio.run(_tell(given, given.model or _first_model(given.base_url)))


def _first_model(base_url: str) -> str:
    with urllib.request.urlopen(f"{base_url.rstrip('/')}/models", timeout=30) as answer:
        return str(json.load(answer)["data"][0]["id"])


async def _tell(given: argparse.Namespace, model: str) -> int:
    console = Console()
    firsts = {sample.language: sample for sample in reversed(TASK.dataset())}  # one story a language
    told = []
    settings = {"llm_base_url": given.base_url, "llm_model": model, "llm_timeout": given.timeout}
    async with open_world("llm", **settings) as world:
        world.tell = lambda line: console.print(line, highlight=False, markup=False)
        for language in given.language or sorted(firsts):
            console.rule(language)
            started = time.perf_counter()
            story: Story = await TASK.solve(world, firsts[language])
            told.append(_record(firsts[language], story, time.perf_counter() - started))
            console.print(f"{told[-1]['seconds']} s")
    if given.out:
        given.out.write_text(
            json.dumps({"model": model, "stories": told}, ensure_ascii=False, indent=1), "utf-8"
        )
    return 0 if all(step["passed"] for story in told for step in story["steps"]) else 1


def _record(sample: Sample, story: Story, seconds: float) -> dict[str, Any]:
    steps = [{"what": c.what, "passed": c.passed, "shown": c.shown} for c in story.checks]
    return {"id": sample.id, "seconds": round(seconds, 1), "said": story.said, "steps": steps}


if __name__ == "__main__":
    sys.exit(main())
