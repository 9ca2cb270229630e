"""Decisions on facts."""

from fastapi import APIRouter

from recuerda import reviews
from recuerda.api.auth import MayWrite, Running
from recuerda.api.schemas import NewDecision
from recuerda.facts import profile
from recuerda.facts.profile import FactView

router = APIRouter(prefix="/v1/facts", tags=["facts"])


@router.post("/{fact_id}/decisions")
async def decide(fact_id: str, body: NewDecision, recuerda: Running, asking: MayWrite) -> FactView:
    """Confirm, edit, reject or forget a fact. Kept with who decided, when and why."""
    async with recuerda.db.write() as session:
        fact = await reviews.decide(
            session,
            fact_id,
            body.decision,
            actor=asking.name,
            owner=asking.customer_id,
            statement=body.statement,
            value=body.value,
            reason=body.reason,
        )
        return (await profile.view(session, [fact]))[0]
