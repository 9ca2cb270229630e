"""By when the law wants a request answered. Our reading, not legal advice; docs/privacy.md says where from.

GDPR, art. 12(3): one month, two more when told why. LGPD, art. 19: 15 days, no more. Ley 1581, art. 14:
a query (access) within 10 business days, 5 more when told why; art. 15: a claim (the rest) within 15,
8 more. Where readings differ we take the earlier day: a month's end on a Sunday is not moved to Monday.
"""

from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone

from dateutil.easter import easter

from recuerda.models import Law, RequestKind

_EUROPE = (  # the European Economic Area, and the United Kingdom, which kept the rule
    "AT BE BG CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
)
# Where the law's days begin and end: hours from UTC (neither Colombia nor Brazil has summer time).
_ZONES: Mapping[Law, timezone] = {
    Law.GDPR: timezone(timedelta(hours=1)),
    Law.LGPD: timezone(timedelta(hours=-3)),
    Law.LEY1581: timezone(timedelta(hours=-5)),
}
_LGPD_DAYS = 15
_QUERY, _CLAIM = (10, 5), (15, 8)  # business days, and those an extension adds


def law_of(country: str | None, otherwise: Law) -> Law:
    """The law of a customer living in `country` (ISO 3166)."""
    if country == "CO":
        return Law.LEY1581
    if country == "BR":
        return Law.LGPD
    return Law.GDPR if country in set(_EUROPE.split()) else otherwise


def due(law: Law, kind: RequestKind, received: datetime, *, extended: bool = False) -> datetime:
    """The last moment, in UTC. Raises ValueError when this law knows no extension."""
    if extended and not may_extend(law):
        raise ValueError("This law gives no more time.")
    day = received.astimezone(_ZONES[law]).date()
    if law is Law.GDPR:
        last = _months_after(day, 3 if extended else 1)
    elif law is Law.LGPD:
        last = day + timedelta(days=_LGPD_DAYS)
    else:
        days, more = _QUERY if kind is RequestKind.ACCESS else _CLAIM
        last = _business_days_after(day, days + more if extended else days)
    midnight = datetime.combine(last + timedelta(days=1), time(), _ZONES[law])
    return midnight.astimezone(UTC) - timedelta(seconds=1)


def may_extend(law: Law) -> bool:
    return law is not Law.LGPD


def days_left(due_at: datetime, moment: datetime) -> int:
    """Whole days; 0 on the last one, negative once it is late."""
    return (due_at - moment) // timedelta(days=1)


def _months_after(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _business_days_after(day: date, count: int) -> date:
    """The day of receipt does not count."""
    while count:
        day += timedelta(days=1)
        count -= is_business_day(day)
    return day


def is_business_day(day: date) -> bool:
    """In Colombia."""
    return day.weekday() < 5 and day not in set(_holidays(day.year))


def _holidays(year: int) -> Iterator[date]:
    """Colombia's (Ley 51 of 1983): some stay where they are, the others are kept on the next Monday."""
    for month, day in ((1, 1), (5, 1), (7, 20), (8, 7), (12, 8), (12, 25)):
        yield date(year, month, day)
    sunday = easter(year)
    yield sunday - timedelta(days=3)
    yield sunday - timedelta(days=2)
    if year >= 2026:  # Our Lady of Chiquinquirá
        yield _monday(date(year, 7, 9))
    moved = [date(year, m, d) for m, d in ((1, 6), (3, 19), (6, 29), (8, 15), (10, 12), (11, 1), (11, 11))]
    moved += [sunday + timedelta(days=n) for n in (39, 60, 68)]  # Ascension, Corpus Christi, Sacred Heart
    for holiday in moved:
        yield _monday(holiday)


def _monday(day: date) -> date:
    """The same day if it is one, else the next."""
    return day + timedelta(days=-day.weekday() % 7)
