"""Which of our languages a text is in. The only importer of the detector (lingua, Apache-2.0)."""

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from lingua import LanguageDetector

Language = Literal["en", "es", "pt"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

# Short words the detector's letter statistics get wrong, and that open many chats.
_GREETINGS: dict[str, Language] = {
    "hi": "en",
    "hey": "en",
    "hello": "en",
    "thanks": "en",
    "hola": "es",
    "gracias": "es",
    "buenas": "es",
    "oi": "pt",
    "ola": "pt",
    "obrigado": "pt",
    "obrigada": "pt",
}
# Short words of one of the three languages alone: they tell where product names and typos mislead.
_OWN_WORDS: dict[Language, str] = {
    "en": "the in of is are you your my what how with for and it i'm have does which",
    "es": "el los las una y con mi hay donde cuando cual quiero tengo puedo es muy kiero tienen cambiar",
    "pt": "os um uma da com meu minha qual nao voce tem quero pro pra ou em qro vc vcs trocar fica",
}
_OWN = {language: frozenset(words.split()) for language, words in _OWN_WORDS.items()}
_SURE = 0.55
_WORD = re.compile(r"[^\W\d_]+")


@cache
def _detector() -> "LanguageDetector":
    from lingua import Language as Known
    from lingua import LanguageDetectorBuilder

    return LanguageDetectorBuilder.from_languages(Known.ENGLISH, Known.SPANISH, Known.PORTUGUESE).build()


def fold(text: str) -> str:
    """Lower case without accents, for comparing what people type; not length-preserving."""
    folded = text.casefold()
    if folded.isascii():
        return folded
    decomposed = unicodedata.normalize("NFKD", folded)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def from_locale(locale: str | None) -> Language | None:
    """`es-CO` -> `es`; None for a locale in a language we do not speak."""
    head = (locale or "").replace("_", "-").split("-")[0].lower()
    return next((language for language in LANGUAGES if language == head), None)


def country_of(locale: str | None) -> str | None:
    """`es-CO` -> `CO`; None for a locale without a country."""
    tail = (locale or "").replace("_", "-").split("-")[1:]
    return next((part.upper() for part in tail if len(part) == 2), None)


def detect(text: str, otherwise: Language) -> Language:
    """The language of `text`; `otherwise` (say, the conversation's) when the text does not tell."""
    words = _WORD.findall(text)
    if not words:
        return otherwise
    if len(words) <= 3 and (greeting := _GREETINGS.get(fold(words[0]))):
        return greeting
    scores = _detector().compute_language_confidence_values(text)
    ranked: list[tuple[Language, float]] = [
        (known, score.value)
        for score in scores
        if (known := from_locale(score.language.iso_code_639_1.name)) is not None
    ]
    best, confidence = max(ranked, key=lambda pair: pair[1])
    # Few words say little: only a clear lead overrides what the conversation has been in so far.
    sure = _SURE if len(words) > 3 else 0.75
    said = {fold(word) for word in words}
    if best != otherwise and said & _OWN[otherwise] and not said & _OWN[best]:
        return otherwise
    return best if confidence >= sure else otherwise
