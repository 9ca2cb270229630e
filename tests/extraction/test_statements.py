"""Which numbers two statements give, and of what."""

import pytest

from recuerda.extraction import Turn
from recuerda.extraction.embedded import EmbeddedExtractor
from recuerda.extraction.resolving import misspelt
from recuerda.extraction.statements import amounts, other_amount


def test_numbers_by_what_they_count() -> None:
    assert amounts("2 adults and one child, 500mg a day") == {"adul": {"2"}, "mg": {"500"}}
    assert amounts("losartán de 50") == {"": {"50"}}


@pytest.mark.parametrize(
    ("before", "after", "other"),
    [
        ("We are 2 adults and 1 child", "Now 3 adults and 1 child", True),
        ("Tomo losartán de 50", "Me subió el losartán a 100", True),
        ("My dog weighs 10 kg", "He turned 3 years", False),
        ("Duas caixas de 12 cápsulas", "Três caixas de 12 cápsulas", True),
        ("I take 500mg", "I take 500mg twice", False),
    ],
)
def test_another_amount_of_the_same(before: str, after: str, other: bool) -> None:
    assert other_amount(before, after) is other


def test_a_name_spelt_otherwise() -> None:
    assert misspelt("surname is Macleod", "it's McLeod") == ("Macleod", "McLeod")
    assert misspelt("I live in Lima", "I live in Cusco") is None


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ("Meu nome é Tiago Meneses", "Desculpa, corretor: é Thiago, com h.", "Thiago"),
        ("hi, surname is Macleod", "typo sorry, it's McLeod", "McLeod"),
    ],
)
def test_a_name_put_right_is_heard(extractor: EmbeddedExtractor, before: str, after: str, name: str) -> None:
    drafts = extractor.extract_now([Turn("customer", before), Turn("customer", after)], [1])
    assert any(name in d.statement and d.corrects for d in drafts)
