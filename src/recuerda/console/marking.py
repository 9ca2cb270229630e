"""A message's words cut into pieces: those that are evidence stand out, special ones stay hidden."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlmodel import col, select

from recuerda.db import Session
from recuerda.models import Evidence, Fact, Message, Sensitivity

Span = tuple[int, int]
_AROUND = 90  # characters of context shown on either side of a quote


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    marked: bool = False
    hidden: bool = False


def pieces(text: str, marks: Sequence[Span] = (), hidden: Sequence[Span] = ()) -> list[Piece]:
    """`text` whole, cut where a span starts or ends. Spans count characters and may overlap."""
    cuts = sorted({0, len(text), *(min(max(at, 0), len(text)) for span in (*marks, *hidden) for at in span)})
    return [
        Piece(text[start:end], _covers(marks, start, end), _covers(hidden, start, end))
        for start, end in pairwise(cuts)
    ]


def _covers(spans: Sequence[Span], start: int, end: int) -> bool:
    return any(s <= start and end <= e for s, e in spans)


def excerpt(text: str, span: Span, hidden: Sequence[Span] = ()) -> list[Piece]:
    """The span with some words of context on either side."""
    first, last = max(0, span[0] - _AROUND), min(len(text), span[1] + _AROUND)
    first = 0 if first == 0 else max(text.find(" ", first, span[0]), first)
    last = last if last == len(text) else max(text.rfind(" ", span[1], last), span[1])
    inside = [(max(s, first) - first, min(e, last) - first) for s, e in hidden if s < last and e > first]
    found = pieces(text[first:last], [(span[0] - first, span[1] - first)], inside)
    before = [Piece("… ")] if first else []
    after = [Piece(" …")] if last < len(text) else []
    return [*before, *found, *after]


async def special_spans(session: Session, message_ids: Sequence[str]) -> dict[str, list[Span]]:
    """Where these messages say something of a special category, such as health: message id -> spans."""
    query = (
        select(Evidence.message_id, Evidence.start, Evidence.end)
        .join(Fact, col(Fact.id) == col(Evidence.fact_id))
        .where(col(Evidence.message_id).in_(message_ids), Fact.sensitivity == Sensitivity.SPECIAL)
    )
    found: dict[str, list[Span]] = {}
    for message_id, start, end in (await session.exec(query)).all():
        found.setdefault(message_id, []).append((start, end))
    await _repeated(session, message_ids, found)
    return found


async def _repeated(session: Session, message_ids: Sequence[str], found: dict[str, list[Span]]) -> None:
    """Adds where a reply, or the customer again, says those words: "you told us: ..."."""
    messages = (await session.exec(select(Message).where(col(Message.id).in_(message_ids)))).all()
    special = select(Fact.customer_id, Fact.statement, Evidence.quote).join(
        Evidence, col(Evidence.fact_id) == col(Fact.id), isouter=True
    )
    owners = {message.customer_id for message in messages}
    rows = await session.exec(
        special.where(col(Fact.customer_id).in_(owners), Fact.sensitivity == Sensitivity.SPECIAL)
    )
    words: dict[str, set[str]] = {}
    for customer_id, statement, quote in rows.all():
        words.setdefault(customer_id, set()).update(w for w in (statement, quote) if w)
    for message in messages:
        for said in words.get(message.customer_id, ()):
            for match in re.finditer(re.escape(said), message.text, re.IGNORECASE):
                found.setdefault(message.id, []).append(match.span())
