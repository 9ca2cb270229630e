"""What was said and is no longer current does not come back: not through the transcript, not by recall."""

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Session, run
from recuerda.models import CURRENT, Evidence, Fact, Memory, Message

_MARK = "[…]"  # for what is blanked out


async def visible(session: Session, found: list[Message]) -> list[tuple[Message, str]]:
    """These messages, each with the text a model may see.

    Words whose fact was since forgotten, rejected or replaced are blanked out, and a reply that
    used such a fact is left out: what is not current does not come back through the transcript.
    """
    blanks = await _stale_spans(session, [m.id for m in found])
    used = [f for m in found for f in (m.receipt or {}).get("facts", [])]
    stale = await _stale_facts(session, found[0].customer_id, used) if found else set()
    return [
        (m, _blank(m.text, blanks.get(m.id, [])))
        for m in found
        if not stale.intersection((m.receipt or {}).get("facts", []))
    ]


async def stale_memories(session: Session, customer_id: str, memory_ids: list[str]) -> set[str]:
    """Of these, those of messages whose fact is no longer current, and of replies that used such a fact."""
    if not memory_ids:
        return set()
    turns = await run(session, _TURNS, {"ids": memory_ids})
    used = {memory_id: set((receipt or {}).get("facts", [])) for memory_id, receipt, _ in turns}
    gone = await _stale_facts(session, customer_id, list(set().union(*used.values())))
    return {memory_id for memory_id, _, withdrawn in turns if withdrawn or gone & used[memory_id]}


async def _stale_facts(session: Session, customer_id: str, fact_ids: list[str]) -> set[str]:
    """Which of these may not be used (any more) for this customer: past, gone, or somebody else's.

    A reply written while two customers were merged may name facts that went back to the other.
    """
    if not fact_ids:
        return set()
    current = await run(session, _STILL_CURRENT, {"ids": fact_ids, "customer": customer_id})
    return set(fact_ids) - set(current.scalars())


async def _stale_spans(session: Session, message_ids: list[str]) -> dict[str, list[tuple[int, int]]]:
    """Where these messages say something that is no longer a current fact: message id -> spans."""
    if not message_ids:
        return {}
    spans: dict[str, list[tuple[int, int]]] = {}
    for message_id, start, end in await run(session, _STALE_SPANS, {"ids": message_ids}):
        spans.setdefault(message_id, []).append((start, end))
    return spans


def _blank(text: str, spans: list[tuple[int, int]]) -> str:
    """`text` with these spans, which may overlap, taken out."""
    for start, end in reversed(_union(spans)):
        text = text[:start] + _MARK + text[end:]
    return text


def _union(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


# Made once: every turn says these, and making them takes longer than running them.
_IDS: sa.BindParameter[str] = sa.bindparam("ids", expanding=True)
_STILL_CURRENT = select(Fact.id).where(
    col(Fact.id).in_(_IDS),
    col(Fact.customer_id) == sa.bindparam("customer"),
    col(Fact.status).in_(CURRENT),
)
_STALE_SPANS = (
    select(Evidence.message_id, Evidence.start, Evidence.end)
    .join(Fact, col(Fact.id) == col(Evidence.fact_id))
    .where(
        col(Evidence.message_id).in_(_IDS),
        col(Fact.status).not_in(CURRENT),
    )
)
_TURNS = (
    select(
        Memory.id,
        Message.receipt,
        sa.exists().where(
            col(Evidence.message_id) == col(Memory.external_id),
            col(Fact.id) == col(Evidence.fact_id),
            col(Fact.status).not_in(CURRENT),
        ),
    )
    .join(Message, col(Message.id) == col(Memory.external_id), isouter=True)
    .where(col(Memory.id).in_(_IDS), col(Memory.kind) == "turn")
)
