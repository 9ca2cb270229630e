"""`recuerda extract`: conversations in, facts out, one JSON object a line; no database."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from recuerda.errors import BadInput, Unavailable
from recuerda.extraction import Draft, Extractor, Role, Turn
from recuerda.language import from_locale


@dataclass(slots=True)
class Extracted:
    """How many conversations were read, and of which the engine failed: (line, id, why)."""

    read: int = 0
    failed: list[tuple[int, Any, str]] = field(default_factory=list)


async def extract_file(
    in_path: Path,
    out_path: Path,
    extractor: Extractor,
    fallback: Extractor,
    progress: Callable[[int], None] | None = None,
) -> Extracted:
    """Facts of every conversation in `in_path`, written to `out_path`.

    `progress` is called with the number done so far. The output appears once all were read. A conversation of
    which `extractor` failed is read by `fallback`: its line says so (`engine`), and so does what returns.
    Raises `BadInput` naming the line that is not a conversation, before any is read for its facts.
    """
    done = Extracted()
    conversations = [(number, record, _turns(record, number)) for number, record in _records(in_path)]
    unfinished = out_path.with_name(out_path.name + ".part")
    with unfinished.open("w", encoding="utf-8") as out:
        for number, record, turns in conversations:
            language, line = from_locale(record.get("lang")), {"id": record.get("id")}
            try:
                drafts = await extractor.extract(turns, language=language)
            except Unavailable as error:
                done.failed.append((number, record.get("id"), error.detail))
                drafts = await fallback.extract(turns, language=language)
                line["engine"] = fallback.name
            line["facts"] = [as_fact(draft) for draft in drafts]
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            done.read += 1
            if progress:
                progress(done.read)
    os.replace(unfinished, out_path)
    return done


def as_fact(draft: Draft) -> dict[str, Any]:
    return {
        "category": draft.category.value,
        "attribute": draft.attribute,
        "value": draft.value,
        "statement": draft.statement,
        "quote": draft.quote,
        "turn": draft.turn,
        "start": draft.start,
        "end": draft.end,
        "confidence": draft.confidence,
        "sensitivity": draft.sensitivity.value,
        "subject": draft.subject,
    }


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        file = path.open(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    with file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                raise BadInput(f"Line {number} of {path} is not JSON: {error.msg}.") from error
            if not isinstance(record, dict):
                raise BadInput(f"Line {number} of {path} is not an object.")
            yield number, record


def _turns(record: dict[str, Any], number: int) -> list[Turn]:
    turns = record.get("turns")
    if not isinstance(turns, list):
        raise BadInput(f"Line {number} has no list `turns`.")
    for turn in turns:
        known = isinstance(turn, dict) and turn.get("role") in get_args(Role)
        if not known or not isinstance(turn.get("text"), str):
            raise BadInput(f"Line {number} has a turn without a known `role` and a `text`.")
    return [Turn(turn["role"], turn["text"]) for turn in turns]
