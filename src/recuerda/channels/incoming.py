"""An incoming SMS or WhatsApp message, read from Twilio's form."""

import re
from dataclasses import dataclass

import phonenumbers

from recuerda.channels.signature import Form
from recuerda.errors import BadInput

_ADDRESS = re.compile(r"(whatsapp:)?(\+[0-9]{5,18})")
_SID = re.compile(r"[A-Za-z0-9]{1,64}")
_MEDIA = {"image": "📷", "audio": "🎤", "video": "🎬"}
_ATTACHED, _PLACE = "📎", "📍"
_REGIONS = {
    "es": "AR BO CL CO CR CU DO EC ES GT HN MX NI PA PE PR PY SV UY VE",
    "pt": "AO BR MZ PT",
    "en": "AU CA GB IE NZ US",
}


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message as Twilio tells it. `marks` stand for what is not text: language-free, for the agents."""

    sid: str
    address: str
    channel: str
    number: str
    text: str
    marks: str
    name: str | None


def read(form: Form) -> Incoming:
    """Raises `BadInput` for what is not a message of a customer's number."""
    sid = form.first("MessageSid") or form.first("SmsMessageSid")
    address = _ADDRESS.fullmatch(form.first("From"))
    if not _SID.fullmatch(sid) or address is None:
        raise BadInput("This is no SMS or WhatsApp message: MessageSid and From (a phone number) are needed.")
    channel = "whatsapp" if address[1] else "sms"
    name = "".join(c for c in form.first("ProfileName") if c.isprintable())[:80].strip()
    text = form.first("Body").replace("\x00", "").strip()
    return Incoming(sid, address[0], channel, address[2], text, _marks(form), name or None)


def _marks(form: Form) -> str:
    count = form.first("NumMedia")
    kinds = [
        _MEDIA.get(form.first(f"MediaContentType{n}").partition("/")[0], _ATTACHED)
        for n in range(min(int(count), 10) if count.isascii() and count.isdigit() and len(count) < 4 else 0)
    ]
    return "".join([*kinds, _PLACE if form.first("Latitude") else ""])


def cut(text: str, most: int) -> str:
    """At most `most` characters; `[+120]` at the end says that 120 more were sent."""
    if len(text) <= most:
        return text
    room = max(most - len(f"… [+{len(text)}]"), 0)
    kept = text[:room].rstrip()
    return f"{kept}… [+{len(text) - len(kept)}]" if kept else text[:most]


def locale_of(number: str) -> str | None:
    """What a new customer probably speaks, and which currency, by the number's country."""
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return None
    spoken = (language for language, regions in _REGIONS.items() if region in regions.split())
    language = next(spoken, None)
    return f"{language}-{region}" if language else None
