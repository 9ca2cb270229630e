"""Whether a webhook is Twilio's: its form, signed with the account's token for this very address."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from twilio.request_validator import RequestValidator

from recuerda.errors import BadInput, Forbidden, TooLarge, Unavailable
from recuerda.settings import Settings

_MOST_BYTES = 256 * 1024  # read before the signature is known to be right
_MOST_FIELDS = 500


class Form(dict[str, list[str]]):
    """A form in which a name may stand more than once, as the SDK's validator reads it."""

    def getlist(self, name: str) -> list[str]:
        return self[name]

    def first(self, name: str) -> str:
        return self.get(name, [""])[0].strip()


async def signed_form(request: Request, settings: Settings) -> Form:
    """The form, if it was signed by Twilio for this address. Raises `Forbidden` or `Unavailable`."""
    form = Form()
    if settings.twilio_auth_token is None:
        raise Unavailable(
            "Twilio is not configured here. Set RECUERDA_TWILIO_ACCOUNT_SID, RECUERDA_TWILIO_AUTH_TOKEN "
            "and RECUERDA_TWILIO_FROM."
        )
    for name, value in _pairs(await request.body()):
        form.setdefault(name, []).append(value)
    validator = RequestValidator(settings.twilio_auth_token.get_secret_value())
    signature = request.headers.get("x-twilio-signature", "")
    if not any(_signed(validator, url, form, signature) for url in _addresses(request, settings)):
        raise Forbidden(
            "The signature is not Twilio's for this address. Check RECUERDA_TWILIO_AUTH_TOKEN, and that "
            "RECUERDA_PUBLIC_URL is the address that Twilio's console has."
        )
    return form


def _pairs(body: bytes) -> list[tuple[str, str]]:
    if len(body) > _MOST_BYTES:
        raise TooLarge("Twilio sends no form this large.")
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadInput("This is no form of Twilio's: it has too many fields.") from error


def _signed(validator: Any, url: str, form: Form, signature: str) -> bool:
    try:
        return bool(validator.validate(url, form, signature))
    except ValueError:  # a Host header that is no host
        return False


def _addresses(request: Request, settings: Settings) -> Iterator[str]:
    """The addresses Twilio may have called. Whatever they say, only the token's holder can sign for one,
    so a proxy's headers may be believed here."""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if settings.public_url:
        yield settings.public_url.rstrip("/") + path
        return
    yield f"{request.url.scheme}://{request.headers.get('host', '')}{path}"
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme).split(",")[0].strip()
    host = request.headers.get("x-forwarded-host", request.headers.get("host", "")).split(",")[0].strip()
    yield f"{scheme}://{host}{path}"
