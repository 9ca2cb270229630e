"""When a text speaks of: "last May", "ayer", "semana passada", "hace dos semanas", "12 de março".

Rules rather than a date library: a memory is read for dates at every cold start, so it has to take
microseconds, and a range ("last week") matters more here than an instant.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from recuerda.language import Language, fold


class Span(NamedTuple):
    """Days as proleptic ordinals (`date.toordinal`), both ends included."""

    start: int
    end: int


_MONTHS: dict[Language, str] = {
    "en": "january february march april may june july august september october november december",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "pt": "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
}
_WEEKDAYS: dict[Language, str] = {
    "en": "monday tuesday wednesday thursday friday saturday sunday",
    "es": "lunes martes miercoles jueves viernes sabado domingo",
    "pt": "segunda terca quarta quinta sexta sabado domingo",
}
_NUMBERS: dict[Language, dict[str, int]] = {
    "en": {w: n for n, w in enumerate("one two three four five six seven eight nine ten".split(), 1)}  # noqa: SIM905
    | {"a": 1, "an": 1, "couple": 2, "few": 3, "couple of": 2, "a couple of": 2, "a few": 3},
    "es": {"un": 1, "una": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8}
    | {"nueve": 9, "diez": 10, "unos": 3, "unas": 3, "par de": 2, "un par de": 2},
    "pt": {"um": 1, "uma": 1, "dois": 2, "duas": 2, "tres": 3, "quatro": 4, "cinco": 5, "seis": 6, "sete": 7}
    | {"oito": 8, "nove": 9, "dez": 10, "uns": 3, "umas": 3, "par de": 2, "um par de": 2},
}
_UNITS: dict[Language, dict[str, str]] = {
    "en": {"day": "d", "night": "d", "week": "w", "weekend": "e", "month": "m", "year": "y"},
    "es": {
        "dia": "d",
        "noche": "d",
        "semana": "w",
        "fin de semana": "e",
        "finde": "e",
        "mes": "m",
        "meses": "m",
    }
    | {"ano": "y"},
    "pt": {
        "dia": "d",
        "noite": "d",
        "semana": "w",
        "fim de semana": "e",
        "mes": "m",
        "meses": "m",
        "ano": "y",
    },
}
_DAYS: dict[Language, dict[str, int]] = {
    "en": {"day before yesterday": -2, "yesterday": -1, "last night": -1, "today": 0, "tonight": 0}
    | {"this morning": 0, "day after tomorrow": 2, "tomorrow": 1},
    "es": {"antes de ayer": -2, "anteayer": -2, "antier": -2, "ayer": -1, "anoche": -1, "hoy": 0}
    | {"esta manana": 0, "esta noche": 0, "pasado manana": 2},
    "pt": {"antes de ontem": -2, "anteontem": -2, "ontem": -1, "hoje": 0, "esta manha": 0, "esta noite": 0}
    | {"hoje a noite": 0, "depois de amanha": 2, "amanha": 1},
}
# How each language says "last", "this" and "next", before or after the unit; `{u}` is the unit's group.
_AROUND: dict[Language, tuple[tuple[str, int], ...]] = {
    "en": (("(?:last|past|previous) {u}", -1), ("this {u}", 0), ("next {u}", 1)),
    "es": (
        ("{u} (?:pasad[oa]|anterior)", -1),
        ("(?:ultim[oa]|pasad[oa]) {u}", -1),
        ("est[ea] {u}", 0),
        ("(?:proxim[oa]) {u}", 1),
        ("{u} (?:que viene|proxim[oa]|siguiente)", 1),
    ),
    "pt": (
        ("{u} (?:passad[oa]|anterior)", -1),
        ("(?:ultim[oa]|passad[oa]) {u}", -1),
        ("n?est[ea] {u}", 0),
        ("n?ess[ea] {u}", 0),
        ("(?:proxim[oa]) {u}", 1),
        ("{u} (?:que vem|proxim[oa]|seguinte)", 1),
    ),
}
_AGO: dict[Language, str] = {
    "en": r"(?:{n}) (?:{u})s? (?:ago|before|back)",
    "es": r"(?:hace|hara) (?:ya |como |unos |unas )?(?:{n}) (?:{u})s?",
    "pt": r"(?:(?:ha|faz) (?:uns |umas |cerca de )?(?:{n}) (?:{u})s?|(?:{n}) (?:{u})s? atras)",
}
_YEAR = r"(?:19|20)\d\d"


def _any(words: object) -> str:
    return "|".join(sorted((re.escape(str(w)) for w in words), key=len, reverse=True))  # type: ignore[attr-defined]


def _compile(language: Language) -> re.Pattern[str]:
    months, weekdays = _any(_MONTHS[language].split()), _any(_WEEKDAYS[language].split())
    if language == "en":
        months = months.replace("may", "may(?! (?:be|have|not|i|we|you|it|need|want))")
        months += "|jan|feb|apr|aug|sept|sep|oct|nov|dec"
    units, numbers = _any(_UNITS[language]), r"\d{1,3}|" + _any(_NUMBERS[language])
    of = r"(?: (?:de|del|of))?,? "
    relative = "|".join(
        "(?:" + how.replace("{u}", f"(?P<around{i}>{units}|{weekdays}|{months})") + ")"
        for i, (how, _) in enumerate(_AROUND[language])
    )
    ago = _AGO[language].replace("{n}", "NNN").replace("{u}", "UUU")
    ago = ago.replace("NNN", numbers).replace("UUU", units)
    return re.compile(
        rf"\b(?:(?P<iso>{_YEAR}-\d\d?-\d\d?)|(?P<slash>\d\d?/\d\d?(?:/(?:{_YEAR}|\d\d))?)"
        rf"|(?P<ago>{ago})|(?P<day>{_any(_DAYS[language])})|(?P<relative>{relative})"
        rf"|(?P<d1>\d\d?)(?:st|nd|rd|th|o)?{of}(?P<m1>{months})(?:{of}(?P<y1>{_YEAR}))?"
        rf"|(?P<m2>{months})(?: the)? (?P<d2>\d\d?)(?:st|nd|rd|th)?(?!\d)(?:,? (?P<y2>{_YEAR}))?"
        rf"|(?P<m3>{months})(?:{of}(?P<y3>{_YEAR}))?|(?P<weekday>{weekdays})(?:-feira)?|(?P<y4>{_YEAR}))\b"
    )


_PATTERNS: dict[Language, re.Pattern[str]] = {
    "en": _compile("en"),
    "es": _compile("es"),
    "pt": _compile("pt"),
}


def spans(text: str, anchor: datetime, language: Language) -> list[Span]:
    """The days `text`, said at `anchor`, speaks of, in order; without a year: the latest gone by."""
    day = anchor.date()
    found = _PATTERNS[language].finditer(" ".join(fold(text).split()))
    return [span for match in found for span in _read(match, day, language)]


def _read(match: re.Match[str], day: date, language: Language) -> Iterator[Span]:
    try:
        span = _absolute(match, day, language) or _relative(match, day, language)
    except (ValueError, OverflowError):  # 31 June, the year 0
        return
    if span:
        yield span


def _absolute(match: re.Match[str], day: date, language: Language) -> Span | None:
    group = match.groupdict()
    if iso := group["iso"]:
        return _one(date(*map(int, iso.split("-"))))
    if slash := group["slash"]:
        return _slash([int(part) for part in slash.split("/")], day)
    if year := group["y4"]:
        return Span(date(int(year), 1, 1).toordinal(), date(int(year), 12, 31).toordinal())
    for form in "123":
        if name := group[f"m{form}"]:
            number = _month(name, language)
            given = group[f"y{form}"]
            of_month = int(group[f"d{form}"]) if form != "3" else None
            return _named(number, of_month, int(given) if given else None, day)
    return None


def _relative(match: re.Match[str], day: date, language: Language) -> Span | None:
    group = match.groupdict()
    if word := group["day"]:
        return _one(day + timedelta(_DAYS[language][word]))
    if weekday := group["weekday"]:
        return _weekday(weekday, day, -1, language)
    if ago := group["ago"]:
        return _ago(ago, day, language)
    for i, (_, step) in enumerate(_AROUND[language]):
        if unit := group[f"around{i}"]:
            if unit in _UNITS[language]:
                return _shift(_UNITS[language][unit], step, day)
            if unit in _WEEKDAYS[language].split():
                return _weekday(unit, day, step, language)
            return _named(_month(unit, language), None, None, day, step)
    return None


def _one(day: date) -> Span:
    return Span(day.toordinal(), day.toordinal())


def _slash(parts: list[int], day: date) -> Span:
    """Day first, as most of the world writes; month first only where nothing else fits."""
    first, second = parts[:2]
    if second > 12:
        first, second = second, first
    year = parts[2] if len(parts) == 3 else None
    return _named(second, first, year + 2000 if year is not None and year < 100 else year, day)


def _month(name: str, language: Language) -> int:
    return next(i for i, m in enumerate(_MONTHS[language].split(), 1) if m.startswith(name[:3]))


def _month_span(year: int, month: int) -> Span:
    after = date(year + month // 12, month % 12 + 1, 1)
    return Span(date(year, month, 1).toordinal(), after.toordinal() - 1)


def _named(month: int, of_month: int | None, year: int | None, day: date, step: int = 0) -> Span:
    if year is None:
        gone = (month, of_month or 1) <= (day.month, day.day) and not (step < 0 and month == day.month)
        year = day.year - (0 if gone else 1) + (1 if step > 0 else 0)
    return _one(date(year, month, of_month)) if of_month else _month_span(year, month)


def _weekday(name: str, day: date, step: int, language: Language) -> Span:
    wanted = _WEEKDAYS[language].split().index(name)
    back = (day.weekday() - wanted) % 7 or 7
    return _one(day - timedelta(back - 7 if step >= 0 else back))


def _ago(text: str, day: date, language: Language) -> Span | None:
    words = [
        w for w in text.split() if w not in {"ago", "before", "back", "hace", "hara", "ha", "faz", "atras"}
    ]
    unit = next(u for u in sorted(_UNITS[language], key=len, reverse=True) if u in " ".join(words))
    count = " ".join(words).split(unit)[0].strip()
    for filler in ("ya ", "como ", "cerca de "):
        count = count.removeprefix(filler)
    number = (
        int(count)
        if count.isdigit()
        else _NUMBERS[language].get(count, _NUMBERS[language].get(count.split(" ")[-1], 1))
    )
    days, slack = {"d": (1, 0), "w": (7, 3), "e": (7, 3), "m": (30, 15), "y": (365, 90)}[
        _UNITS[language][unit]
    ]
    middle = day.toordinal() - number * days
    return Span(middle - slack, middle + slack)


def _shift(unit: str, step: int, day: date) -> Span:
    monday = day - timedelta(day.weekday())
    if unit == "d":
        return _one(day + timedelta(step))
    if unit == "w":
        return Span(
            (monday + timedelta(7 * step)).toordinal(), (monday + timedelta(7 * step + 6)).toordinal()
        )
    if unit == "e":
        saturday = monday + timedelta(5 + 7 * step)
        return Span(saturday.toordinal(), saturday.toordinal() + 1)
    if unit == "m":
        months = day.year * 12 + day.month - 1 + step
        return _month_span(months // 12, months % 12 + 1)
    return Span(date(day.year + step, 1, 1).toordinal(), date(day.year + step, 12, 31).toordinal())
