"""Agents: made, changed, disabled, signed in, locked out, signed out.

A session's cookie is a random token; the database holds only its SHA-256. Passwords are argon2id.
"""

import asyncio
import functools
import hashlib
import secrets
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlmodel import col, delete, select

from recuerda.access.rights import Right, Role, rights_of
from recuerda.customers import normalise
from recuerda.db import Session
from recuerda.errors import BadInput, Conflict, NotFound, Unauthorized
from recuerda.models import Agent, AgentSession, IdentityKind, now

SESSION_LIFE = timedelta(hours=12)
MAX_FAILURES = 5
LOCKED_FOR = timedelta(minutes=5)
MIN_PASSWORD = 10
MAX_PASSWORD = 200  # argon2 takes longer ones; nobody types them

_hasher = PasswordHasher()


@functools.cache
def _nobody() -> str:
    """Checked when nobody has the address, so that an unknown one takes as long as a wrong password."""
    return _hasher.hash(secrets.token_hex(16))


def new_password() -> str:
    return secrets.token_urlsafe(12)


async def create_agent(
    session: Session,
    email: str,
    name: str,
    password: str,
    role: str = Role.REVIEWER,
    *,
    special: bool = False,
) -> Agent:
    """Raises `BadInput` for an address or password that cannot be used, `Conflict` when it is taken."""
    try:
        email = normalise(IdentityKind.EMAIL, email)
    except BadInput as error:
        raise BadInput(
            "That is not an e-mail address. Agents sign in with one, such as ana@example.com."
        ) from error
    if await by_email(session, email):
        raise Conflict("There is an agent with this e-mail address already.")
    hashed = await _hashed(password)
    agent = Agent(
        email=email, name=name.strip() or email, password_hash=hashed, role=Role(role), special=special
    )
    session.add(agent)
    await session.flush()
    return agent


async def _hashed(password: str) -> str:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise BadInput(f"Choose a password of {MIN_PASSWORD} to {MAX_PASSWORD} characters.")
    return await asyncio.to_thread(_hasher.hash, password)


async def every(session: Session) -> list[Agent]:
    return list((await session.exec(select(Agent).order_by(col(Agent.email)))).all())


async def get(session: Session, agent_id: str) -> Agent:
    agent = await session.get(Agent, agent_id)
    if agent is None:
        raise NotFound("There is no agent with this id.")
    return agent


async def set_role(session: Session, agent: Agent, role: Role, *, special: bool) -> None:
    """In force from the agent's next request on."""
    agent.role, agent.special = role, special
    await session.flush()


async def set_password(session: Session, agent: Agent, password: str) -> None:
    """Whoever is signed in as this agent is signed out, and a lock-out ends."""
    agent.password_hash = await _hashed(password)
    agent.failed_logins, agent.locked_until = 0, None
    await _end_sessions(session, agent)


async def disable(session: Session, agent: Agent) -> None:
    """The agent is signed out and cannot sign in; what they did stays under their name."""
    agent.disabled_at = agent.disabled_at or now()
    await _end_sessions(session, agent)


async def enable(session: Session, agent: Agent) -> None:
    agent.disabled_at = None
    await session.flush()


async def _end_sessions(session: Session, agent: Agent) -> None:
    await session.flush()
    await session.exec(delete(AgentSession).where(col(AgentSession.agent_id) == agent.id))


def rights(agent: Agent) -> frozenset[Right]:
    return rights_of(agent.role, special=agent.special)


async def check_password(session: Session, email: str, password: str) -> Agent | None:
    """The agent with these; None when either is wrong, and while the agent is locked out or disabled.

    These are not told apart, in words or in time: that would tell which addresses are agents'.
    The caller commits in every case: a failure that is rolled back would never lock anybody out.
    """
    agent, nobody = await by_email(session, email), await asyncio.to_thread(_nobody)
    right = await asyncio.to_thread(_verify, agent.password_hash if agent else nobody, password)
    if agent is None or agent.disabled_at or (agent.locked_until and agent.locked_until > now()):
        return None
    if not right:
        _count_failure(agent)
        return None
    agent.failed_logins, agent.locked_until = 0, None
    if _hasher.check_needs_rehash(agent.password_hash):
        agent.password_hash = await asyncio.to_thread(_hasher.hash, password)
    return agent


def _count_failure(agent: Agent) -> None:
    agent.failed_logins += 1
    if agent.failed_logins >= MAX_FAILURES:
        agent.failed_logins, agent.locked_until = 0, now() + LOCKED_FOR


def _verify(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password[: MAX_PASSWORD + 1])
    except VerificationError:
        return False


async def by_email(session: Session, email: str) -> Agent | None:
    query = select(Agent).where(Agent.email == email.strip().lower())
    return (await session.exec(query)).first()


async def start_session(session: Session, agent: Agent) -> tuple[str, datetime]:
    """A new session's token, for the cookie, and when it ends. Sessions that ended are cleared away."""
    await session.exec(delete(AgentSession).where(col(AgentSession.expires_at) < now()))
    token, expires = secrets.token_urlsafe(32), now() + SESSION_LIFE
    session.add(
        AgentSession(
            token_hash=_digest(token), agent_id=agent.id, csrf=secrets.token_urlsafe(24), expires_at=expires
        )
    )
    await session.flush()
    return token, expires


async def who(session: Session, token: str | None) -> tuple[Agent, AgentSession]:
    """Whose session this is. Raises `Unauthorized`."""
    signed_in = await session.get(AgentSession, _digest(token)) if token else None
    if signed_in is None or signed_in.expires_at < now():
        raise Unauthorized("Sign in first.")
    agent = await session.get_one(Agent, signed_in.agent_id)
    if agent.disabled_at:
        raise Unauthorized("Sign in first.")
    return agent, signed_in


async def end_session(session: Session, token: str) -> None:
    await session.exec(delete(AgentSession).where(col(AgentSession.token_hash) == _digest(token)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
