"""The words of permission: what an API key may do (scopes) and what an agent may do (rights of a role)."""

from enum import StrEnum


class Scope(StrEnum):
    """What an API key may do. None includes another."""

    CHAT = "chat"  # open conversations, write and read messages, rate, hand over, resolve, completions
    TOKENS = "tokens"  # issue a customer's token: whoever holds it may do all that this customer may
    READ = "customers:read"  # profiles, facts, recall
    WRITE = "customers:write"  # facts, memories, decisions
    SPECIAL = "customers:special"  # besides: confirm and edit facts of a special category, such as health
    KNOWLEDGE = "knowledge"
    ADMIN = "admin"  # export, erasure, merges, the audit log


EVERY_SCOPE = frozenset(Scope)


class Right(StrEnum):
    """What not every agent may do. Reviewing, talking and looking customers up is every agent's work."""

    SPECIAL = "special"  # see and confirm facts of a special category, such as health
    DATA = "data"  # export, merge and erase customers
    WORK = "work"  # try failed work again
    ACCESS = "access"  # agents, API keys, the audit log


class Role(StrEnum):
    REVIEWER = "reviewer"
    ADMIN = "admin"


def rights_of(role: str, *, special: bool = False) -> frozenset[Right]:
    """An admin's are all; a reviewer has none but, when allowed, the special categories."""
    if role == Role.ADMIN:
        return frozenset(Right)
    return frozenset({Right.SPECIAL}) if special else frozenset()
