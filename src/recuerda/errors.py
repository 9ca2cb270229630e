"""One error tree. Each error knows its HTTP status and says what to do about it.

RecuerdaError
 ├─ BadInput 422        ├─ Unauthorized 401      ├─ NotFound 404
 │   └─ TooLarge 413    ├─ Forbidden 403         └─ Conflict 409
 ├─ TooMany 429         └─ Unavailable 503
 └─ SetupError (start-up, command line and single sign-on)
"""


class RecuerdaError(Exception):
    """`detail` is one sentence for the person who caused it: what is wrong and what to do."""

    status = 500
    title = "Something went wrong on our side"

    def __init__(self, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra

    @property
    def code(self) -> str:
        """Stable name for programs: the class name in kebab case."""
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in type(self).__name__).lstrip("-")

    def problem(self, instance: str | None = None) -> dict[str, object]:
        """RFC 9457 problem details."""
        body: dict[str, object] = {
            "type": f"urn:recuerda:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if instance:
            body["instance"] = instance
        return body | self.extra


class BadInput(RecuerdaError):
    status = 422
    title = "The request cannot be used as it is"


class TooLarge(BadInput):
    status = 413
    title = "That is too large"


class Unauthorized(RecuerdaError):
    status = 401
    title = "Who is asking is not known"


class Forbidden(RecuerdaError):
    status = 403
    title = "Not allowed"


class NotFound(RecuerdaError):
    status = 404
    title = "Not found"


class Conflict(RecuerdaError):
    status = 409
    title = "That does not fit the present state"


class TooMany(RecuerdaError):
    status = 429
    title = "Too many requests"


class Unavailable(RecuerdaError):
    status = 503
    title = "Not available right now"


class SetupError(RecuerdaError):
    """The configuration or the machine is not as it must be; shown by the command line."""

    title = "Recuerda cannot start like this"
