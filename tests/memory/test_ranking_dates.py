"""Dates as customers write them, in three languages, said on Wednesday 20 November 2024."""

from datetime import UTC, date, datetime

import pytest

from recuerda.language import Language
from recuerda.memory.dates import spans
from recuerda.memory.terms import analyse

SAID_AT = datetime(2024, 11, 20, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "text", "start", "end"),
    [
        ("en", "What did I buy last May?", "2024-05-01", "2024-05-31"),
        ("en", "last December", "2023-12-01", "2023-12-31"),
        ("en", "we met 2 weeks ago", "2024-11-03", "2024-11-09"),
        ("en", "a couple of days ago", "2024-11-18", "2024-11-18"),
        ("en", "on 9 July, 2022", "2022-07-09", "2022-07-09"),
        ("en", "July 9, 2022", "2022-07-09", "2022-07-09"),
        ("en", "last Friday", "2024-11-15", "2024-11-15"),
        ("en", "3/14/2024", "2024-03-14", "2024-03-14"),
        ("en", "in 2022", "2022-01-01", "2022-12-31"),
        ("es", "¿qué dije ayer?", "2024-11-19", "2024-11-19"),
        ("es", "en marzo", "2024-03-01", "2024-03-31"),
        ("es", "el 5 de mayo de 2023", "2023-05-05", "2023-05-05"),
        ("es", "hace tres meses", "2024-08-07", "2024-09-06"),
        ("es", "el mes pasado", "2024-10-01", "2024-10-31"),
        ("es", "la semana que viene", "2024-11-25", "2024-12-01"),
        ("pt", "semana passada", "2024-11-11", "2024-11-17"),
        ("pt", "há duas semanas", "2024-11-03", "2024-11-09"),
        ("pt", "três dias atrás", "2024-11-17", "2024-11-17"),
        ("pt", "12 de março", "2024-03-12", "2024-03-12"),
        ("pt", "na sexta-feira", "2024-11-15", "2024-11-15"),
        ("pt", "fim de semana passado", "2024-11-16", "2024-11-17"),
    ],
)
def test_reads(language: Language, text: str, start: str, end: str) -> None:
    [span] = spans(text, SAID_AT, language)
    assert (date.fromordinal(span.start).isoformat(), date.fromordinal(span.end).isoformat()) == (start, end)


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "it may be fine"), ("es", "el 31 de junio"), ("en", "size 44"), ("pt", ""), ("en", "99/99/9999")],
)
def test_reads_no_date(language: Language, text: str) -> None:
    assert spans(text, SAID_AT, language) == []


def test_terms() -> None:
    assert analyse("¿Cuándo compré las zapatillas azules?", "es") == analyse("COMPRE ZAPATILLA AZUL", "es")
    assert analyse("What's Marta's shoe running?", "en") == ["marta", "shoe", "run"]
    assert analyse("canção", "pt") == analyse("cancao", "pt")
    assert analyse("the of and", "en") == []
