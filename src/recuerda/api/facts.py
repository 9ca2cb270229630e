"""Decisions on facts."""

from recuerda import reviews
from recuerda.access.rights import Scope
from recuerda.api.auth import MayRead, MayWrite, Running, api_router
from recuerda.api.schemas import NewDecision
from recuerda.facts import profile
from recuerda.facts.explain import OURS, FactStory, story
from recuerda.facts.profile import FactView
from recuerda.models import Sensitivity

router = api_router("/v1/facts", tag="facts")


@router.get("/{fact_id}")
async def explain(fact_id: str, recuerda: Running, asking: MayRead) -> FactStory:
    """A fact with its words, its history, the facts it replaced and the replies that used it."""
    async with recuerda.db.read() as session:
        told = await story(session, await profile.get(session, fact_id, customer_id=asking.customer_id))
    if asking.customer_id is not None:  # which of the brand's people it was is not for the customer
        for event in told.history:
            event.actor = event.actor if event.actor in OURS else "agent"
    return told


@router.post("/{fact_id}/decisions", responses={409: {}})
async def decide(fact_id: str, body: NewDecision, recuerda: Running, asking: MayWrite) -> FactView:
    """Confirm, edit, reject or forget a fact. Kept with who decided, when and why.

    Confirming or editing a fact of a special category needs a key with the scope `customers:special` too.
    """
    async with recuerda.db.write() as session:
        fact = await profile.get(session, fact_id, customer_id=asking.customer_id)
        if fact.sensitivity is Sensitivity.SPECIAL and body.decision in ("confirm", "edit"):
            asking.require(Scope.SPECIAL)
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
        asking.note(session, f"fact.{body.decision}", fact.customer_id, fact.id)
        return (await profile.view(session, [fact]))[0]
