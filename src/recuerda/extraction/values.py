"""Values as people write them, as one string each: sizes, money, dates, phones, e-mails."""

import re
from functools import cache

from recuerda.extraction.tokens import flat
from recuerda.language import Language

_LETTER = re.compile(
    r"(?<![\w'-])(xxxl|xxl|xxs|xxg|3xl|2xl|xl|xs|xg|gg|pp|small|medium|large|chic[oa]|median[oa]|grande|s|m|"
    r"l|g|p)(?![\w'-])"
)
_CALLED = re.compile(rf"\b(?:size|talla|talle|tamanho) {_LETTER.pattern}")
_LETTER_WORDS = {
    "small": "S", "medium": "M", "large": "L", "chica": "S", "chico": "S", "mediana": "M", "mediano": "M",
    "grande": "L",
}  # fmt: skip
_SIZE = re.compile(
    r"(?<![\w.,/-])(kids |infantil )?(\d{1,2})(?:([.,])(5)| (1/2|y medio|e meio|and a half|½)|(½))?(?![\w%]|"
    r"[.,/:-]\d)"
)
# What is not so, or not always: "39 instead of 37", "40, not 41", "44 pero a veces 45". In Portuguese "no"
# alone is "in".
_NOT_SO = re.compile(
    r"\b(instead of|rather than|en lugar de|en vez de|em vez de|no lugar de|sometimes|a veces|as vezes) .*|"
    r"(\b(not|nao)|(, ?|\b(and|but|y|e|pero) )no) "
    r"((an?|un[oa]?|uma?|el|la|o|size|talla|talle|tamanho|numero) )*"
    r"(\d{1,2}([.,]5)?|[smlgp]|x+[slg]|gg|medium|large|small)(?![\w.,]\w|\w)"
)


def size(text: str, *, letters: bool, alone: bool = False) -> str | None:
    """`"42"`, `"9.5"`, `"XL"`; the last one said, since "41, digo, 42" corrects itself. `text` is folded."""
    text = _NOT_SO.sub(" ", text)
    if letters and (called := _CALLED.findall(text)):  # "talle L de medias, por el 44"
        return _letter(called[-1])
    numbers = [
        m
        for m in _SIZE.finditer(text)
        if not re.match(
            r"\s*(km|k\b|kg|cm|mm|kilo|anos?\b|year|mes(es)?\b|month|dia|day|par|pair|eur|usd|mil\b|pesos|reais)",
            text[m.end() :],
        )
    ]
    if numbers:
        best = numbers[-1]
        half = ".5" if best[3] or best[5] or best[6] else ""
        return f"{(best[1] or '').strip() + ' ' if best[1] else ''}{int(best[2])}{half}"
    found = _LETTER.findall(text) if letters else []
    return _letter(found[-1]) if found else None


def _letter(word: str) -> str:
    return _LETTER_WORDS.get(word, word.upper())


_SYSTEMS = {"us": "us", "usa": "us", "eua": "us", "american": "us", "americano": "us", "americana": "us",
            "uk": "uk", "british": "uk", "eu": "eu", "eur": "eu", "european": "eu", "europea": "eu",
            "europeu": "eu", "cm": "cm", "mexico": "cm"}  # fmt: skip
_SYSTEM = re.compile(rf"\b({'|'.join(_SYSTEMS)})\b")
_AMERICAN, _CENTIMETRES = 16, 31  # shoe sizes up to it; European and Brazilian ones are above


def shoe_systems(statement: str, value: str) -> frozenset[str]:
    """The systems a shoe size may be of: as said with it, or by its number. US and UK look alike."""
    said = _SYSTEM.search(flat(statement))
    if said:
        return frozenset({_SYSTEMS[said[1]]})
    number = float(value) if re.fullmatch(r"\d+(\.\d+)?", value) else 0.0
    if number < _AMERICAN:
        return frozenset({"us", "uk"})
    return frozenset({"cm"} if number < _CENTIMETRES else {"eu"})


_AMOUNT = re.compile(
    r"(?P<before>us\$|r\$|s/\.?|\$|€|£|usd|eur|brl|mxn|cop|clp|ars|pen)?\s*"
    r"(?P<number>\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?)\s*"
    r"(?P<scale>k\b|mil(?:lones|hoes|lon|hao)?\b|thousand|grand|lucas|palos)?\s*(?:de )?"
    r"(?P<after>euros?|dolar\w*|dollars?|bucks|usd|eur|brl|mxn|cop|clp|ars|pen|reais|real|pounds?|quid|gbp|"
    r"soles|pesos|€|£)?",
    re.I,
)
_CURRENCIES = {
    "USD": "us$ usd dolar dolares dollar dollars bucks",
    "BRL": "r$ brl reais real",
    "EUR": "€ eur euro euros",
    "GBP": "£ gbp pound pounds quid",
    "PEN": "s/ s/. soles pen",
    "MXN": "mxn",
    "COP": "cop",
    "CLP": "clp",
    "ARS": "ars",
}
_CURRENCY = {name: code for code, names in _CURRENCIES.items() for name in names.split()}
_SCALE = {"k": 1_000, "mil": 1_000, "thousand": 1_000, "grand": 1_000, "lucas": 1_000}


def money(text: str) -> str | None:
    """`"600 BRL"`; without the currency when only `$` or `pesos` is said, which are many countries'."""
    amounts = list(_AMOUNT.finditer(flat(text)))
    if not amounts:
        return None
    best = max(amounts, key=lambda m: bool(m["before"] or m["after"] or m["scale"]))
    digits = best["number"]
    parts = re.split(r"[.,]", digits)
    if len(parts) > 1 and len(parts[-1]) == 3:
        amount = float("".join(parts))
    else:
        amount = float("".join(parts[:-1]) + "." + parts[-1]) if len(parts) > 1 else float(digits)
    scale = (best["scale"] or "").lower()
    amount *= _SCALE.get(scale, 1_000_000 if scale.startswith(("mill", "milh", "palo")) else 1)
    if amount <= 0:
        return None
    name = _CURRENCY.get(best["before"] or "") or _CURRENCY.get(best["after"] or "")
    return " ".join(filter(None, [f"{amount:.2f}".rstrip("0").rstrip("."), name]))


def email(text: str) -> str | None:
    from email_validator import EmailNotValidError, validate_email

    found = re.search(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", text)
    if not found:
        return None
    try:
        checked = validate_email(found[0].rstrip("."), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return found[0].rstrip(".").lower() if found[0].rstrip(".").endswith(".example") else None
    return checked.normalized.lower()


def phone(text: str) -> str | None:
    """E.164 when the country is said; otherwise the digits."""
    import phonenumbers

    found = re.search(r"(?<!\w)\+?\d[\d ().-]{5,}\d(?!\w)", text)
    if not found:
        return None
    try:
        number = phonenumbers.parse(found[0], None)
        if phonenumbers.is_possible_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        pass
    digits = re.sub(r"\D", "", found[0])
    return digits if 7 <= len(digits) <= 13 else None


@cache
def _dates() -> object:
    from dateparser.search import search_dates

    return search_dates


_DAY = re.compile(r"\d|\b(tomorrow|manana|amanha|today|hoy|hoje)\b", re.I)


def birthday(text: str, language: Language) -> str | None:
    """`MM-DD`, or `YYYY-MM-DD` when the year is said."""
    if not _DAY.search(text):
        return None
    order = "MDY" if language == "en" else "DMY"
    search = _dates()
    found = search(
        text, languages=[language], settings={"DATE_ORDER": order, "REQUIRE_PARTS": ["day", "month"]}
    )  # type: ignore[operator]
    if not found:
        return None
    said, when = found[-1]
    return str(when.strftime("%Y-%m-%d" if re.search(r"\b(19|20)\d\d\b", said) else "%m-%d"))
