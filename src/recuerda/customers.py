"""Customers and their addresses: found or made by identity, merged when two prove to be one."""

from collections.abc import Mapping
from typing import Any

import phonenumbers
import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlmodel import col, select

from recuerda.db import Session
from recuerda.errors import BadInput, Conflict, NotFound
from recuerda.memory.writing import touch
from recuerda.models import (
    Assurance,
    Consent,
    Conversation,
    Customer,
    DataRequest,
    Evidence,
    Fact,
    FactEvent,
    FactStatus,
    Identity,
    IdentityKind,
    Memory,
    Merge,
    Message,
    now,
)

_MAX_ADDRESS = 320


def normalise(kind: IdentityKind, value: str, *, locale: str | None = None) -> str:
    """One spelling for each address, so that it is found again however it is typed."""
    value = value.strip()
    if not value or len(value) > _MAX_ADDRESS or "\x00" in value:
        raise BadInput(f"The customer's {kind.value} is empty or too long.")
    if kind is IdentityKind.EMAIL:
        try:
            # Demo and test addresses live under reserved names such as example.com.
            found = validate_email(value, check_deliverability=False, test_environment=True)
        except EmailNotValidError as error:
            raise BadInput("The customer's e-mail address is not valid.") from error
        return found.normalized.lower()
    if kind in (IdentityKind.PHONE, IdentityKind.WHATSAPP):
        region = (locale or "").replace("_", "-").partition("-")[2].upper() or None
        try:
            number = phonenumbers.parse(value.removeprefix("whatsapp:"), region)
        except phonenumbers.NumberParseException as error:
            raise BadInput(
                "The customer's phone number cannot be read. Write it with its country code: +573001234567."
            ) from error
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return value


async def get(session: Session, customer_id: str) -> Customer:
    """The customer, following merges. Raises `NotFound`."""
    customer = await session.get(Customer, customer_id)
    while customer is not None and customer.merged_into:
        customer = await session.get(Customer, customer.merged_into)
    if customer is None:
        raise NotFound("There is no customer with this id.")
    return customer


async def find(session: Session, kind: IdentityKind, value: str) -> Customer | None:
    identity = (
        await session.exec(
            select(Identity).where(Identity.kind == kind, Identity.value == normalise(kind, value))
        )
    ).first()
    return None if identity is None else await get(session, identity.customer_id)


async def resolve(
    session: Session,
    addresses: Mapping[IdentityKind, str],
    *,
    name: str | None = None,
    locale: str | None = None,
    assurance: Assurance = Assurance.CLAIMED,
) -> Customer:
    """The customer with these addresses, made when new.

    The strongest address decides (the brand's own id, then the rest as given). A weaker address that
    belongs to somebody else is left with them: it is never a reason to join two people's memories.
    """
    if not addresses:
        raise BadInput("Say who the customer is: give external_id, email, phone or visitor.")
    wanted = {kind: normalise(kind, value, locale=locale) for kind, value in addresses.items()}
    known: dict[IdentityKind, Identity] = {}
    for kind, value in wanted.items():
        query = select(Identity).where(Identity.kind == kind, Identity.value == value)
        if identity := (await session.exec(query)).first():
            known[kind] = identity
    deciding = next((known[kind] for kind in IdentityKind if kind in known), None)
    # An unknown id of the brand's own is a new person, whatever else is said about them.
    if deciding and IdentityKind.EXTERNAL_ID in wanted and IdentityKind.EXTERNAL_ID not in known:
        has_other_id = (
            await session.exec(
                select(Identity.id).where(
                    Identity.customer_id == deciding.customer_id, Identity.kind == IdentityKind.EXTERNAL_ID
                )
            )
        ).first()
        if has_other_id:
            deciding = None
    if deciding:
        customer = await get(session, deciding.customer_id)
    else:
        customer = Customer(name=name, locale=locale)
        session.add(customer)
        await session.flush()
    customer.name = name or customer.name
    customer.locale = locale or customer.locale
    for kind, value in wanted.items():
        if kind not in known:
            session.add(Identity(customer_id=customer.id, kind=kind, value=value, assurance=assurance))
    await session.flush()
    return customer


async def identities(session: Session, customer_id: str) -> list[Identity]:
    query = select(Identity).where(Identity.customer_id == customer_id).order_by(col(Identity.id))
    return list((await session.exec(query)).all())


# What belongs to a customer and moves with a merge.
_OWNED: dict[str, Any] = {
    "identity": Identity,
    "conversation": Conversation,
    "message": Message,
    "fact": Fact,
    "evidence": Evidence,
    "fact_event": FactEvent,
    "memory": Memory,
    "consent": Consent,
    "data_request": DataRequest,
}


async def merge(session: Session, customer_id: str, other_id: str, *, actor: str) -> Merge:
    """Make `other_id` part of `customer_id`, noting every row that moved so that it can be undone."""
    customer, other = await get(session, customer_id), await get(session, other_id)
    if customer.id == other.id:
        raise Conflict("These two are the same customer already.")
    await _keep_memories_apart(session, customer.id, other.id)
    moved: dict[str, Any] = {"superseded": await _one_current_value(session, customer.id, other.id)}
    for name, table in _OWNED.items():
        ids = list((await session.exec(select(table.id).where(table.customer_id == other.id))).all())
        moved[name] = ids
        await session.exec(
            sa.update(table).where(table.customer_id == other.id).values(_of(table, customer.id))
        )
    other.merged_into = customer.id
    customer.remember = customer.remember and other.remember  # who was told not to remember still is
    record = Merge(customer_id=customer.id, other_id=other.id, moved=moved, actor=actor)
    session.add(record)
    await touch(session, customer.id, other.id)
    await session.flush()
    return record


async def unmerge(session: Session, merge_id: str) -> Merge:
    """Give back what a merge moved. What was said after it stays where it was said."""
    record = await session.get(Merge, merge_id)
    if record is None:
        raise NotFound("There is no merge with this id.")
    if record.undone_at:
        raise Conflict("This merge was undone already.")
    for name, table in _OWNED.items():
        ids = record.moved.get(name, [])
        for i in range(0, len(ids), 500):
            await session.exec(
                sa.update(table).where(table.id.in_(ids[i : i + 500])).values(_of(table, record.other_id))
            )
    for fact_id in record.moved["superseded"]:
        await _bring_back(session, fact_id)
    other = await session.get_one(Customer, record.other_id)
    other.merged_into = None
    record.undone_at = now()
    await touch(session, record.customer_id, record.other_id)
    return record


def _of(table: Any, customer_id: str) -> dict[str, Any]:
    """What makes a row this customer's. A memory's version counted the writes of the one it was of: where
    fewer were counted it would be read again at every turn."""
    return {"customer_id": customer_id} | ({"version": 0} if table is Memory else {})


async def _bring_back(session: Session, fact_id: str) -> None:
    """Current again, unless something newer took its place since."""
    fact = await session.get(Fact, fact_id, populate_existing=True)
    if fact is None or fact.status is not FactStatus.SUPERSEDED:
        return
    same = select(Fact.id).where(
        Fact.customer_id == fact.customer_id,
        Fact.subject == fact.subject,
        Fact.attribute == fact.attribute,
        Fact.status == FactStatus.ACTIVE,
    )
    if (await session.exec(same)).first() is None:
        fact.status, fact.valid_to, fact.superseded_by = FactStatus.ACTIVE, None, None


async def _keep_memories_apart(session: Session, customer_id: str, other_id: str) -> None:
    """The same order imported for both is one memory: the other's copy is dropped."""
    mine = select(Memory.kind, Memory.external_id).where(Memory.customer_id == customer_id)
    taken = set((await session.exec(mine)).all())
    theirs = (await session.exec(select(Memory).where(Memory.customer_id == other_id))).all()
    for memory in theirs:
        if (memory.kind, memory.external_id) in taken:
            await session.delete(memory)
    await session.flush()


async def _one_current_value(session: Session, customer_id: str, other_id: str) -> list[str]:
    """Before a merge: of a single-valued attribute that both have, the newer stays current.

    Returns the ids of the older ones.
    """
    query = (
        select(Fact)
        .where(
            col(Fact.customer_id).in_([customer_id, other_id]),
            Fact.status == FactStatus.ACTIVE,
            col(Fact.single),
        )
        .order_by(col(Fact.valid_from).desc(), col(Fact.id).desc())
    )
    newest: dict[tuple[str, str | None], Fact] = {}
    superseded = []
    for fact in (await session.exec(query)).all():
        current = newest.setdefault((fact.subject, fact.attribute), fact)
        if current is not fact:
            fact.status, fact.valid_to, fact.superseded_by = FactStatus.SUPERSEDED, now(), current.id
            superseded.append(fact.id)
    await session.flush()
    return superseded
