"""All that is held about a customer, as plain data."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda import customers
from recuerda.db import Session
from recuerda.facts import profile
from recuerda.language import Language, from_locale
from recuerda.models import (
    AuditEntry,
    Consent,
    Conversation,
    Customer,
    DataRequest,
    Fact,
    FactEvent,
    IdempotencyKey,
    Identity,
    Job,
    Memory,
    Merge,
    Message,
    ModelCall,
    now,
)
from recuerda.privacy.owned import theirs, with_merged

# Name -> table, and the columns left out: whose it is goes without saying, vectors are of the text, the
# rest are the machine's own. Facts bring their evidence with them. A test walks the models for what lacks.
SECTIONS: dict[str, tuple[Any, frozenset[str]]] = {
    "identities": (Identity, frozenset({"customer_id"})),
    "facts": (Fact, frozenset({"embedding", "embedder"})),
    "fact_events": (FactEvent, frozenset({"customer_id"})),
    "conversations": (Conversation, frozenset({"customer_id", "next_position"})),
    "messages": (Message, frozenset({"customer_id"})),
    "memories": (Memory, frozenset({"customer_id", "embedding", "embedder"})),
    "consents": (Consent, frozenset({"customer_id"})),
    "requests": (DataRequest, frozenset({"customer_id"})),
    "merges": (Merge, frozenset({"moved"})),
    "accesses": (AuditEntry, frozenset({"customer_id", "actor", "address"})),  # of others: that, not who
    "jobs": (Job, frozenset({"customer_id", "payload", "lease_token", "dedupe", "lane"})),
    "model_calls": (ModelCall, frozenset({"customer_id", "cost"})),
    "idempotency_keys": (IdempotencyKey, frozenset({"customer_id", "fingerprint"})),
}


async def export(session: Session, customer_id: str) -> dict[str, Any]:
    """Everything tied to the customer and to those merged into them; times in UTC."""
    customer = await customers.get(session, customer_id)
    ids = await with_merged(session, customer.id)
    data: dict[str, Any] = {
        "exported_at": now().isoformat(),
        "customer": customer.model_dump(mode="json", exclude={"memory_version"}),
    }
    for name, (model, without) in SECTIONS.items():
        table: sa.Table = model.__table__
        order = list(sa.inspect(table).primary_key)
        rows = (await session.exec(select(model).where(theirs(table, ids)).order_by(*order))).all()
        if model is Fact:
            data[name] = [view.model_dump(mode="json") for view in await profile.view(session, rows)]
        else:
            data[name] = [row.model_dump(mode="json", exclude=set(without)) for row in rows]
    return data


async def language_of(session: Session, customer: Customer) -> Language | None:
    """The one the customer wrote in last, else their locale's."""
    query = (
        select(Conversation.language)
        .where(Conversation.customer_id == customer.id)
        .order_by(col(Conversation.last_message_at).desc())
    )
    spoken = (await session.exec(query.limit(1))).first()
    return from_locale(spoken or customer.locale)
