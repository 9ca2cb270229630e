"""By when a request must be answered, checked by hand against the calendar."""

from datetime import UTC, date, datetime, timedelta

import pytest

from recuerda.models import Law, RequestKind
from recuerda.privacy.clock import days_left, due, is_business_day, law_of, may_extend

ACCESS, ERASURE = RequestKind.ACCESS, RequestKind.ERASURE


def at(day: str, hour: int = 15) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("law", "kind", "received", "extended", "last"),
    [
        (Law.GDPR, ACCESS, "2026-11-22", False, "2026-12-22"),
        (Law.GDPR, ERASURE, "2026-01-31", False, "2026-02-28"),  # no 31st: the month's last day
        (Law.GDPR, ACCESS, "2026-11-30", True, "2027-02-28"),  # two months more
        (Law.LGPD, ACCESS, "2026-11-22", False, "2026-12-07"),
        (Law.LEY1581, ACCESS, "2026-11-03", False, "2026-11-18"),  # the 16th is a holiday
        (Law.LEY1581, ACCESS, "2026-11-03", True, "2026-11-25"),
        (Law.LEY1581, ERASURE, "2026-11-03", False, "2026-11-25"),
        (Law.LEY1581, ERASURE, "2026-12-18", False, "2027-01-13"),  # Christmas, New Year, Epiphany
        (Law.LEY1581, ACCESS, "2027-03-22", False, "2027-04-07"),  # St Joseph, Maundy Thursday, Good Friday
    ],
)
def test_the_last_day(law: Law, kind: RequestKind, received: str, extended: bool, last: str) -> None:
    hours = {Law.GDPR: 1, Law.LGPD: -3, Law.LEY1581: -5}[law]  # that day, where the law counts it
    moment = due(law, kind, at(received), extended=extended) + timedelta(hours=hours)
    assert moment.isoformat() == f"{last}T23:59:59+00:00"


def test_the_day_is_that_of_the_country() -> None:
    """At two in the morning UTC it is still the evening before in Bogotá."""
    assert due(Law.LEY1581, ACCESS, at("2026-11-04", 2)) == due(Law.LEY1581, ACCESS, at("2026-11-03"))


def test_lgpd_gives_no_more_time() -> None:
    assert not may_extend(Law.LGPD)
    with pytest.raises(ValueError, match="no more time"):
        due(Law.LGPD, ACCESS, at("2026-11-03"), extended=True)


def test_holidays_of_colombia() -> None:
    holidays = [
        day
        for n in range(365)
        if (day := date(2026, 1, 1) + timedelta(days=n)).weekday() < 5 and not is_business_day(day)
    ]
    assert [f"{day:%m-%d}" for day in holidays] == [
        "01-01", "01-12", "03-23", "04-02", "04-03", "05-01", "05-18", "06-08", "06-15", "06-29",
        "07-13", "07-20", "08-07", "08-17", "10-12", "11-02", "11-16", "12-08", "12-25",
    ]  # fmt: skip


def test_days_left_count_down_to_the_last_day_and_below() -> None:
    end = due(Law.GDPR, ACCESS, at("2026-11-22"))
    assert days_left(end, at("2026-11-22")) == 30
    assert days_left(end, at("2026-12-22")) == 0
    assert days_left(end, at("2026-12-23")) == -1


def test_the_law_of_a_country() -> None:
    assert [law_of(c, Law.LGPD) for c in ("CO", "BR", "ES", "PE", None)] == [
        Law.LEY1581,
        Law.LGPD,
        Law.GDPR,
        Law.LGPD,
        Law.LGPD,
    ]
