"""Customers' stories over several conversations: what they say of themselves, and what later ends it.

A line each: `talks` hold `turns` ({"role", "text"}, with `ends`: words that only end a fact, and `never`:
what must not become one), `facts` where each was said (`talk`, `turn`, `quote`, `categories`) and, once it is
no longer so, the turn that ended it (`over`: [talk, turn]).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Story = dict[str, Any]
_WEIGHT = 0.3  # in the extraction's training: nobody says so much of themselves in so few words


def load() -> list[Story]:
    paths = sorted(Path(__file__).parent.glob("*.jsonl"))
    return [json.loads(line) for path in paths for line in path.open(encoding="utf-8")]


def conversations() -> Iterator[dict[str, Any]]:
    """Each talk by itself, as the extraction's training reads conversations."""
    for story in load():
        for n, talk in enumerate(story["talks"]):
            yield {
                "id": f"{story['id']}-{n}",
                "lang": story["lang"],
                "trade": story["trade"],
                "turns": talk["turns"],
                "facts": [f for f in story["facts"] if f["talk"] == n],
                "never": [phrase for turn in talk["turns"] for phrase in turn.get("never", ())],
                "unjudged": [phrase for turn in talk["turns"] for phrase in turn.get("ends", ())],
                "loose": True,
                "weight": _WEIGHT,
            }
