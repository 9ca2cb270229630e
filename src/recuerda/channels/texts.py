"""Replies made fit for SMS and WhatsApp: plain instead of Markdown, in parts that are not too long."""

import re
import unicodedata

from recuerda.language import Language

MAX_UNITS = 1600  # Twilio's bound on a message's body, counted as UTF-16 does

ASK_FOR_TEXT: dict[Language, str] = {
    "en": "Thanks for writing. I can only read text for now: could you tell me in words what you need?",
    "es": "Gracias por escribir. Por ahora solo puedo leer texto: ¿me cuentas con palabras qué necesitas?",
    "pt": "Obrigado pela mensagem. Por enquanto só consigo ler texto: pode escrever do que precisa?",
}

_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\s]+)\)")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_SENTENCE_END = re.compile(r"[.!?…][\"'»”)]*\s")
_JOINER = "\u200d"


def plain(text: str, channel: str, public_url: str = "") -> str:
    """Markdown links written out, bold as the channel has it. A path without `public_url` is left out."""

    def link(match: re.Match[str]) -> str:
        title, target = match.groups()
        if target.startswith("/"):
            target = f"{public_url.rstrip('/')}{target}" if public_url else ""
        return title if target in ("", title) else f"{title} ({target})"

    bold = r"*\1*" if channel == "whatsapp" else r"\1"
    return _BOLD.sub(bold, _LINK.sub(link, text))


def split(text: str, most: int = MAX_UNITS) -> list[str]:
    """Parts of at most `most` UTF-16 units: cut between paragraphs, else lines, sentences, words.

    No word is lost; a part holds at least one character however small `most` is.
    """
    parts, rest = [], text.strip()
    while _units(rest) > most:
        cut = _cut(rest, _fitting(rest, most))
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [part for part in [*parts, rest] if part]


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _fitting(text: str, most: int) -> int:
    """How many characters from the start fit; at least one."""
    used = 0
    for index, char in enumerate(text):
        used += 2 if ord(char) > 0xFFFF else 1
        if used > most:
            return max(index, 1)
    return len(text)


def _cut(text: str, longest: int) -> int:
    """The best place to cut in the first `longest` characters; a part is not left less than half full
    for the sake of a better one."""
    window = text[: longest + 1]
    for found in (
        window.rfind("\n\n"),
        window.rfind("\n"),
        max((m.end() - 1 for m in _SENTENCE_END.finditer(window)), default=-1),
    ):
        if found > longest // 2:
            return found
    spaces = [i for i, char in enumerate(window) if char.isspace()]
    if spaces and spaces[-1] > 0:
        return spaces[-1]
    cut = longest
    while cut > 1 and (text[cut - 1] == _JOINER or _joins(text[cut])):
        cut -= 1
    return cut


def _joins(char: str) -> bool:
    """Whether the character belongs to the one before it: an accent, an emoji's variant."""
    return char == _JOINER or unicodedata.category(char) in ("Mn", "Me", "Sk")
