"""Why a job failed, in plain words. Only the error's kind is kept: its text may quote a customer."""

from enum import StrEnum


class Why(StrEnum):
    """What an operator can do something about; the console has these words in its own languages."""

    AWAY = "away"
    DATABASE = "database"
    SLOW = "slow"
    CRASHED = "crashed"
    GONE = "gone"
    FAULT = "fault"


WORKER_DIED = "WorkerDied"

_KINDS = {
    Why.AWAY: (
        "Unavailable",
        "ConnectError",
        "ConnectionError",
        "ConnectionRefusedError",
        "APIConnectionError",
        "RateLimitError",
        "TwilioException",
        "TwilioRestException",
        "TransportError",
    ),
    Why.DATABASE: (
        "OperationalError",
        "InterfaceError",
        "DBAPIError",
        "DatabaseError",
        "PendingRollbackError",
    ),
    Why.SLOW: ("TimeoutError", "ConnectTimeout", "ReadTimeout", "PoolTimeout", "APITimeoutError"),
    Why.CRASHED: (WORKER_DIED, "MemoryError"),
    Why.GONE: ("NotFound", "NoResultFound"),
}

_WORDS = {
    Why.AWAY: "Something it needs could not be reached: the model, Chroma or Twilio. Try again later.",
    Why.DATABASE: "The database refused or could not be reached. Try again once it is back.",
    Why.SLOW: "Something it needs did not answer in time. Try again; if it stays slow, look at that service.",
    Why.CRASHED: "The worker stopped in the middle, each time it was tried. Look at its memory and its log.",
    Why.GONE: "What it was about is no longer there. It can be left alone.",
    Why.FAULT: "A fault in the program. The log says where; report it, and try again after an update.",
}


def why(error: str | None) -> Why:
    """`error` is a job's `last_error`."""
    return next((reason for reason, names in _KINDS.items() if error in names), Why.FAULT)


def explain(error: str | None) -> str:
    """One or two sentences: what happened and what to do."""
    return _WORDS[why(error)] if error else ""
