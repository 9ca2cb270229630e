"""Long messages: what they are about, what goes with it, and when we know nothing of it."""

import numpy as np
import pytest

from recuerda.memory.letters import Letters
from recuerda.memory.lexicon import Lexicon
from recuerda.memory.names import is_overview
from recuerda.memory.terms import analyse
from recuerda.models import Document

_LEAVE = (
    "I moved out of the flat in March and left the keys with the neighbour. The landlord wrote that the "
    "deposit would be paid back, then he wrote that the deposit was kept for the carpet. I want my "
    "deposit back."
)


def letters(*texts: tuple[str, str]) -> Letters:
    documents = [
        Document(id=str(n), title=title, text=text, language="en", kind="article", digest="")
        for n, (title, text) in enumerate(texts)
    ]
    return Letters(documents, ["en"] * len(documents))


def ranked(shelf: Letters, text: str) -> list[int]:
    scores, _ = shelf.scores(text, analyse(text, "en"), "en")
    return [int(place) for place in np.argsort(-scores, kind="stable")]


def test_what_goes_with_the_best_document_is_found_by_their_code() -> None:
    others = [(f"Parking, part {n}", "Where guests leave their cars.") for n in range(8)]
    deposit = ("Disputed deposits", "A deposit kept by the landlord is claimed with deposit_claim_77.")
    without = letters(*others, ("Filling in claims", "Sign each page."), deposit)
    linked = letters(*others, ("Filling in claims", "Sign each page of deposit_claim_77."), deposit)
    assert ranked(without, _LEAVE)[0] == ranked(linked, _LEAVE)[0] == 9
    assert ranked(linked, _LEAVE)[1] == 8
    assert ranked(without, _LEAVE)[1] != 8


def test_of_two_alike_the_overview_comes_first() -> None:
    text = "A deposit is paid back when the flat is left as it was."
    assert ranked(letters(("Deposits: sofas", text), ("Deposits: an overview", text)), _LEAVE) == [1, 0]


@pytest.mark.parametrize(
    "title", ["Blue Account at a glance", "Guía de tallas", "Primeiros passos", "Introducción"]
)
def test_a_title_says_that_it_is_an_overview(title: str) -> None:
    assert is_overview(title)
    assert not is_overview("Misguided fees")


def test_a_shelf_without_documents() -> None:
    scores, named = letters().scores(_LEAVE, analyse(_LEAVE, "en"), "en")
    assert (scores.tolist(), named) == ([], [])


@pytest.mark.parametrize("damped", [False, True])
def test_the_sum_over_the_terms_at_once_is_that_of_each(damped: bool) -> None:
    texts = [["a", "b", "b"], ["b", "c"], ["c", "c", "d", "e"], []]
    lexicon, query = Lexicon(texts), ["b", "c", "c", "x", "x", "x"]
    times = {term: query.count(term) for term in query}
    weights = {
        term: lexicon.idf(term) * (np.log1p(count) if damped else count) for term, count in times.items()
    }
    mean = sum(map(len, texts)) / len(texts)
    expected = [
        sum(
            weight * (tf := text.count(term)) / (tf + 0.9 * (0.6 + 0.4 * len(text) / mean))
            for term, weight in weights.items()
        )
        / sum(weights.values())
        for text in texts
    ]
    assert lexicon.scores(query, damped=damped) == pytest.approx(expected, rel=1e-5)
    assert lexicon.idf("x") > lexicon.idf("a") > lexicon.idf("b")
