"""Recall over files, without a database: the very `History.search` the product answers with."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np

from recuerda.embeddings import Embedder
from recuerda.errors import BadInput
from recuerda.language import LANGUAGES, Language, detect
from recuerda.memory.history import History, Item

_BATCH = 256
_DEPTH = 50
_START = datetime(2000, 1, 1, tzinfo=UTC)


def rank_files(
    memories: Path,
    queries: Path,
    out: Path,
    embedder: Embedder,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Ranks each customer's memories for each of their queries.

    `memories`: JSON lines of {customer, id, conversation, at, speaker, text}, of which customer, id and text
    are needed; `queries`: {customer, id, query}. Both may carry `lang` (en, es, pt), else it is told from the
    text. Writes {id, ranked: [memory ids, best first, up to 50]} in the order of the queries.
    `progress(done, total)` counts texts read and queries answered. Raises BadInput with the line's number.
    """
    asked = list(_lines(queries, "customer", "id", "query"))
    wanted = {row["customer"] for row in asked}
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in _lines(memories, "customer", "id", "text"):
        if row["customer"] in wanted:
            rows.setdefault(row["customer"], []).append(row)
    total = sum(map(len, rows.values())) + len(asked)
    done = 0

    def tick(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, total)

    histories = {customer: _history(own, embedder, tick) for customer, own in rows.items()}
    with out.open("w", encoding="utf-8") as file:
        for start in range(0, len(asked), _BATCH):
            batch = asked[start : start + _BATCH]
            for row, vector in zip(batch, embedder.embed([row["query"] for row in batch]), strict=True):
                history = histories.get(row["customer"])
                ranked = _rank(history, row, vector) if history else []
                file.write(json.dumps({"id": row["id"], "ranked": ranked}, ensure_ascii=False) + "\n")
            tick(len(batch))


def _rank(history: History, row: dict[str, Any], vector: np.ndarray) -> list[str]:
    language = _given(row) or detect(row["query"], history.items[-1].language)
    # A file's queries carry no time of their own: they are asked when the history ends.
    now = max(item.at for item in history.items)
    hits = history.search(row["query"], vector, now=now, language=language, limit=_DEPTH)
    return [hit.item.id for hit in hits]


def _history(rows: list[dict[str, Any]], embedder: Embedder, tick: Callable[[int], None]) -> History:
    spoken: dict[str, list[str]] = {}
    for row in rows:
        spoken.setdefault(_conversation(row), []).append(row["text"])
    # Words such as "ok" say nothing of their language; the whole conversation does.
    usual = {name: detect(" ".join(texts)[:2000], "en") for name, texts in spoken.items()}
    items = [_item(row, usual[_conversation(row)]) for row in rows]
    parts = []
    for start in range(0, len(items), _BATCH):
        batch = items[start : start + _BATCH]
        parts.append(embedder.embed([item.text for item in batch]))
        tick(len(batch))
    return History(items, np.concatenate(parts))


def _conversation(row: dict[str, Any]) -> str:
    return str(row.get("conversation") or row["id"])


def _item(row: dict[str, Any], usual: Language) -> Item:
    language = _given(row) or detect(row["text"], usual)
    kind = str(row.get("kind") or "turn")
    return Item(
        str(row["id"]), row["text"], row["at"], kind, row.get("speaker"), row.get("conversation"), language
    )


def _given(row: dict[str, Any]) -> Language | None:
    return cast(Language, row["lang"]) if row.get("lang") in LANGUAGES else None


def _lines(path: Path, *needed: str) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                if missing := [name for name in needed if row.get(name) is None]:
                    raise ValueError(f"needs {', '.join(missing)}")
                # Without a time, the order of the file is the order of time.
                said = (
                    datetime.fromisoformat(str(row["at"])) if row.get("at") else _START + timedelta(0, number)
                )
                row["at"] = said if said.tzinfo else said.replace(tzinfo=UTC)
            except (ValueError, AttributeError) as error:
                raise BadInput(f"{path.name}, line {number}: {error}") from error
            yield row
