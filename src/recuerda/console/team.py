"""For admins: the agents and their roles, the API keys, and the audit log."""

from typing import Annotated, Any

from fastapi import Form, Response

from recuerda.access import agents, audit, keys
from recuerda.access.rights import Role, Scope
from recuerda.console.web import AccessPosted, AccessSignedIn, Visit, address, console_router, page, see
from recuerda.errors import BadInput, Conflict, RecuerdaError

_PAGE = 50
router = console_router()


@router.get("/agents")
async def team(visit: AccessSignedIn) -> Response:
    return await _team(visit)


async def _team(visit: Visit, *, status: int = 200, **said: Any) -> Response:
    """`password` and `key_text` are shown on this page only; `failed` names what could not be done."""
    async with visit.recuerda.db.read() as session:
        everybody, all_keys = await agents.every(session), await keys.every(session)
    shown: dict[str, Any] = {"password": None, "whose": "", "key_text": None, "failed": None} | said
    return await page(
        visit,
        "agents.html",
        status=status,
        everybody=everybody,
        roles=list(Role),
        keys=[(key, keys.state(key)) for key in all_keys],
        scopes=list(Scope),
        **shown,
    )


@router.post("/agents")
async def add(
    visit: AccessPosted,
    email: Annotated[str, Form()] = "",
    name: Annotated[str, Form(max_length=80)] = "",
    role: Annotated[Role, Form()] = Role.REVIEWER,
    special: Annotated[bool, Form()] = False,
) -> Response:
    """The password is made here, shown once, and for the admin to hand over."""
    password = agents.new_password()
    try:
        async with visit.recuerda.db.write() as session:
            made = await agents.create_agent(session, email, name, password, role, special=special)
            visit.note(session, "agent.create", target=made.id)
    except (BadInput, Conflict) as error:
        return await _team(visit, status=error.status, failed="agent")
    return await _team(visit, password=password, whose=made.email)


@router.post("/agents/{agent_id}/role")
async def change_role(
    visit: AccessPosted,
    agent_id: str,
    role: Annotated[Role, Form()],
    special: Annotated[bool, Form()] = False,
) -> Response:
    _not_oneself(visit, agent_id)
    async with visit.recuerda.db.write() as session:
        await agents.set_role(session, await agents.get(session, agent_id), role, special=special)
        visit.note(session, f"agent.make-{role}", target=agent_id)
    return see("/console/agents", done="agent")


@router.post("/agents/{agent_id}/password")
async def reset_password(visit: AccessPosted, agent_id: str) -> Response:
    _not_oneself(visit, agent_id)
    password = agents.new_password()
    async with visit.recuerda.db.write() as session:
        agent = await agents.get(session, agent_id)
        await agents.set_password(session, agent, password)
        visit.note(session, "agent.reset-password", target=agent_id)
    return await _team(visit, password=password, whose=agent.email)


@router.post("/agents/{agent_id}/disable")
async def disable(visit: AccessPosted, agent_id: str) -> Response:
    _not_oneself(visit, agent_id)
    async with visit.recuerda.db.write() as session:
        await agents.disable(session, await agents.get(session, agent_id))
        visit.note(session, "agent.disable", target=agent_id)
    return see("/console/agents", done="agent")


@router.post("/agents/{agent_id}/enable")
async def enable(visit: AccessPosted, agent_id: str) -> Response:
    async with visit.recuerda.db.write() as session:
        await agents.enable(session, await agents.get(session, agent_id))
        visit.note(session, "agent.enable", target=agent_id)
    return see("/console/agents", done="agent")


def _not_oneself(visit: Visit, agent_id: str) -> None:
    """So that there is always an admin left."""
    if agent_id == visit.agent.id:
        raise Conflict("Ask another admin, or use `recuerda agent`, to change your own access.")


@router.post("/keys")
async def add_key(
    visit: AccessPosted,
    name: Annotated[str, Form()] = "",
    scope: Annotated[list[Scope], Form()] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    try:
        async with visit.recuerda.db.write() as session:
            key, text = await keys.create(session, name.strip(), scope)
            visit.note(session, "key.create", target=key.id)
    except RecuerdaError as error:
        return await _team(visit, status=error.status, failed="key")
    return await _team(visit, key_text=text)


@router.post("/keys/{key_id}/rotate")
async def rotate_key(visit: AccessPosted, key_id: str) -> Response:
    async with visit.recuerda.db.write() as session:
        key, text = await keys.rotate(session, key_id)
        visit.note(session, "key.rotate", target=key.id)
    return await _team(visit, key_text=text)


@router.post("/keys/{key_id}/revoke")
async def revoke_key(visit: AccessPosted, key_id: str) -> Response:
    async with visit.recuerda.db.write() as session:
        key = await keys.revoke(session, key_id)
        visit.note(session, "key.revoke", target=key.id)
    return see("/console/agents", done="key")


@router.get("/audit")
async def log(visit: AccessSignedIn, customer: str = "", actor: str = "", after: str = "") -> Response:
    """Newest first; `after` is the last entry of the page before."""
    customer, actor = customer.strip(), actor.strip()
    async with visit.recuerda.db.read() as session:
        entries = await audit.find(
            session,
            customer_id=customer or None,
            actor=actor or None,
            after=after or None,
            limit=_PAGE + 1,
        )
    more = None
    if len(entries) > _PAGE:
        more = address("/console/audit", customer=customer, actor=actor, after=entries[_PAGE - 1].id)
    return await page(
        visit, "audit.html", entries=entries[:_PAGE], customer=customer, actor=actor, after=after, more=more
    )
