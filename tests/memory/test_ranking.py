"""What a customer's history finds: dates, languages, names, abstention, and the shape of its answers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from evals.bench.cross_language import measure, pairs

from recuerda.embeddings import SentenceEncoder, Vectors
from recuerda.language import LANGUAGES, Language
from recuerda.memory.history import FLOOR, History, Hit, Item

NOW = datetime(2024, 11, 20, 9, tzinfo=UTC)
SAID: list[tuple[str, str, Language]] = [
    ("2024-02-03", "My left knee hurts when I run downhill.", "en"),
    ("2024-03-10", "I adopted a greyhound called Biscuit.", "en"),
    ("2024-05-06", "I bought a green raincoat for the office.", "en"),
    ("2024-08-17", "I bought a blue raincoat for my sister.", "en"),
    ("2024-09-01", "Soy alérgica al níquel, me brota toda la piel.", "es"),
    ("2024-10-02", "Meu filho começa a escola em Recife na segunda.", "pt"),
    ("2024-11-19", "The courier left the parcel with my neighbour Conchita.", "en"),
]


def items_of(rows: Sequence[tuple[str, str, Language]]) -> list[Item]:
    return [
        Item(
            f"m{i}",
            text,
            datetime.fromisoformat(day).replace(tzinfo=UTC),
            "turn",
            "customer",
            f"c{i}",
            language,
        )
        for i, (day, text, language) in enumerate(rows)
    ]


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder()


@pytest.fixture(scope="module")
def history(encoder: SentenceEncoder) -> History:
    return History(items_of(SAID), encoder.embed([text for _, text, _ in SAID]))


def ask(
    history: History, encoder: SentenceEncoder, query: str, language: Language, **more: object
) -> list[Hit]:
    return history.search(query, encoder.embed([query]), now=NOW, language=language, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "language", "first"),
    [
        ("Does she have any knee pain?", "en", "m0"),
        ("What is the dog called?", "en", "m1"),
        ("Which raincoat did I buy last May?", "en", "m2"),
        ("Which raincoat did I buy in August?", "en", "m3"),
        ("Is she allergic to any metal?", "en", "m4"),
        ("¿Es alérgica a algún metal?", "es", "m4"),
        ("¿Cómo se llama el perro?", "es", "m1"),
        ("Onde o filho vai estudar?", "pt", "m5"),
        ("what happened yesterday with conchita?", "en", "m6"),
    ],
)
def test_finds(
    history: History, encoder: SentenceEncoder, query: str, language: Language, first: str
) -> None:
    assert ask(history, encoder, query, language)[0].item.id == first


def test_offers_nothing_where_nothing_answers(history: History, encoder: SentenceEncoder) -> None:
    assert not ask(history, encoder, "What is the interest rate of the mortgage?", "en", floor=FLOOR)
    assert ask(history, encoder, "What is the name of the greyhound I adopted?", "en", floor=FLOOR)


def test_scores_fall_from_one_to_nought(history: History, encoder: SentenceEncoder) -> None:
    scores = [hit.score for hit in ask(history, encoder, "blue raincoat", "en", limit=50)]
    assert len(scores) == len(SAID)
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_kinds_limit_and_nothing(history: History, encoder: SentenceEncoder) -> None:
    assert ask(history, encoder, "raincoat", "en", kinds={"order"}) == []
    assert len(ask(history, encoder, "raincoat", "en", limit=2)) == 2
    assert ask(history, encoder, "raincoat", "en", limit=0) == []
    empty = History([], np.zeros((0, 512), np.float32))
    assert ask(empty, encoder, "raincoat", "en") == []


@pytest.mark.parametrize("query", ["", "   ", "?!", "the of and", "😀", "zzzz qqqq", "x" * 20_000])
def test_any_query_is_answered_without_failing(
    history: History, encoder: SentenceEncoder, query: str
) -> None:
    assert len(ask(history, encoder, query, "en")) == len(SAID)


def test_items_without_words_do_no_harm(encoder: SentenceEncoder) -> None:
    rows: list[tuple[str, str, Language]] = [("2024-01-01", "👍", "en"), ("2024-01-02", "", "en")]
    mute = History(items_of(rows), encoder.embed([text for _, text, _ in rows]))
    assert len(ask(mute, encoder, "When was that?", "en")) == 2


def test_extending_is_the_same_as_building(encoder: SentenceEncoder) -> None:
    items = items_of(SAID)
    # The last item belongs to an earlier conversation, which then lies apart from where it arrived.
    items[6] = Item("m6", SAID[6][1], items[6].at, "turn", "customer", "c2", "en")
    vectors = encoder.embed([text for _, text, _ in SAID])
    grown = History(items[:4], vectors[:4]).extended(items[4:], vectors[4:])
    whole = History(items, vectors)
    for query in ("blue raincoat", "Which raincoat did I buy last May?", "conchita"):
        one, other = (ask(h, encoder, query, "en") for h in (grown, whole))
        assert [hit.item.id for hit in one] == [hit.item.id for hit in other]
        assert np.allclose([hit.score for hit in one], [hit.score for hit in other], atol=1e-5)
    assert History([], vectors[:0]).extended(items, vectors).items == whole.items
    assert whole.nbytes > vectors.nbytes


def test_another_embedders_vectors_work() -> None:
    rng = np.random.default_rng(1)
    vectors: Vectors = rng.normal(size=(len(SAID), 1536)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    history = History(items_of(SAID), vectors)
    assert history.search("something", vectors[3], now=NOW, language="en")[0].item.id == "m3"


def test_a_vector_for_each_item() -> None:
    with pytest.raises(ValueError, match="1 items but 2 vectors"):
        History(items_of(SAID[:1]), np.zeros((2, 512), np.float32))


def test_each_of_five_thousand_items_is_found_by_its_words() -> None:
    rng = np.random.default_rng(2)
    words = [f"word{i}" for i in range(4000)]
    rows = [" ".join(rng.choice(words, 15)) for _ in range(5000)]
    start = datetime(2020, 1, 1, tzinfo=UTC)
    items = [
        Item(str(i), text, start + timedelta(hours=i), "turn", "customer", f"c{i // 8}", "en")
        for i, text in enumerate(rows)
    ]
    vectors: Vectors = rng.normal(size=(5000, 512)).astype(np.float32)
    history = History(items, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    for i in range(7):
        assert history.search(rows[i], vectors[i], now=NOW, language="en")[0].item.id == str(i)


def test_across_languages(encoder: SentenceEncoder) -> None:
    probe = pairs()[:20]
    texts = [text for pair in probe for side in pair for text in side.values()]
    vectors = dict(zip(texts, encoder.embed(texts), strict=True))
    scores = [measure(probe, vectors, a, b, mixed=False) for a in LANGUAGES for b in LANGUAGES if a != b]
    assert np.mean([score.at_1 for score in scores]) >= 0.75
    assert np.mean([score.at_5 for score in scores]) >= 0.9
