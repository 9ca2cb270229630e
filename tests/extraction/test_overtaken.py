"""How sure it must be that a message makes a fact untrue, and how many facts one message may end."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from recuerda.embeddings import SentenceEncoder
from recuerda.extraction import Draft
from recuerda.extraction.changes import Close, Known, Record, new_record
from recuerda.extraction.outdated import JUDGED, OUTDATED, Outdated, Said, look
from recuerda.extraction.overtaken import overtake
from recuerda.models import Category, Review
from tests.extraction.test_reconcile import CATALOGUE, NOW, draft, known

CHANGE, REMARK = "I sold it last week", "The weather was fine last week"
FACTS = [known(draft(f"I own thing {n}", category=Category.POSSESSION), f"fct_{n}") for n in range(3)]


def _ended(
    monkeypatch: pytest.MonkeyPatch, text: str, facts: Sequence[Known], likely: Sequence[float]
) -> list[str]:
    monkeypatch.setattr(Outdated, "judge", lambda *_: list(likely))
    said = Said(text, np.zeros(4, np.float32), {}, [])
    return [c.fact_id for c in overtake(facts, [], said, NOW, CATALOGUE) if isinstance(c, Close)]


def test_one_message_ends_the_two_likeliest_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _ended(monkeypatch, REMARK, FACTS, [0.6, 0.9, 0.8]) == ["fct_1", "fct_2"]


def test_another_than_the_likeliest_takes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _ended(monkeypatch, REMARK, FACTS, [0.55, 0.9, 0.2]) == ["fct_1"]


def test_what_says_of_a_change_ends_its_likeliest_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    likely = [0.3, 0.35, 0.1]
    assert _ended(monkeypatch, REMARK, FACTS, likely) == []
    assert _ended(monkeypatch, CHANGE, FACTS, likely) == ["fct_1"]


def test_what_a_person_vouched_for_takes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    vouched = [known(draft("I own a van", category=Category.POSSESSION), review=Review.DONE)]
    assert _ended(monkeypatch, CHANGE, vouched, [0.45]) == []
    assert _ended(monkeypatch, CHANGE, vouched, [0.6]) == ["fct_1"]


@pytest.mark.parametrize(
    "lasting",
    [
        draft("I have high arches", category=Category.FIT),
        draft("I live in Ushuaia", "city", "Ushuaia"),
    ],
)
def test_what_is_of_the_body_or_the_home_takes_more(monkeypatch: pytest.MonkeyPatch, lasting: Draft) -> None:
    assert _ended(monkeypatch, CHANGE, [known(lasting)], [0.45]) == []
    assert _ended(monkeypatch, CHANGE, [known(lasting)], [0.6]) == ["fct_1"]


def _drafted(monkeypatch: pytest.MonkeyPatch, text: str, fact: Known, new: Draft) -> list[str]:
    """What a message ends whose one draft was noted already."""
    monkeypatch.setattr(Outdated, "judge", lambda _, facts, __: [0.9] * len(facts))
    said = Said(text, np.zeros(4, np.float32), {}, [new])
    changes = overtake([fact], [new_record(new, NOW, CATALOGUE)], said, NOW, CATALOGUE)
    return [
        i for c in changes for i in ([c.fact_id] if isinstance(c, Close) else getattr(c, "supersedes", ()))
    ]


def test_what_is_of_the_household_may_end_by_what_names_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    nappies = draft("Usa pañal etapa 3", category=Category.FIT, subject="baby")
    mine = draft("I see Dr Roe", category=Category.PREFERENCE)
    stage = draft("Ya va en la cinco", category=Category.ACTIVITY)
    brothers = draft("He sees Dr Poe now", category=Category.PREFERENCE, subject="brother")
    assert _drafted(monkeypatch, stage.statement, known(nappies), stage) == ["fct_1"]
    assert _drafted(monkeypatch, brothers.statement, known(mine), brothers) == []


def test_of_several_cars_one_ends_when_something_is_said_to_have_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corsa = known(draft("I drive a Corsa", "vehicle", "Corsa", category=Category.POSSESSION))
    kona = draft("We have a Kona", "vehicle", "Kona", category=Category.POSSESSION)
    assert _drafted(monkeypatch, "it died on the motorway, we have a Kona now", corsa, kona) == ["fct_1"]
    assert _drafted(monkeypatch, "and we just got a Kona", corsa, kona) == []


def test_what_is_gained_ends_less_of_what_they_have(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _ended(monkeypatch, "We adopted a tortoise", FACTS[:1], [0.45]) == []
    assert _ended(monkeypatch, "We adopted a tortoise, it's gone now", FACTS[:1], [0.45]) == ["fct_0"]


def test_one_of_several_ends_by_its_old_one_or_when_it_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    tablet = known(draft("Tengo una tablet Lenovo", "device", "Lenovo"))
    kindle = draft("para mi Kindle", "device", "Kindle")
    assert _drafted(monkeypatch, "para mi Kindle, la anterior se mojó", tablet, kindle) == ["fct_1"]
    race = known(draft("Vou correr a meia maratona", "race", "meia maratona"))
    ultra = draft("vem a ultra", "race", "ultra")
    assert _drafted(monkeypatch, "terminei a prova! agora vem a ultra", race, ultra) == ["fct_1"]


def test_what_is_of_somebody_else_ends_nothing_of_the_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = known(draft("Uso talla M de polo", category=Category.FIT))
    his = draft("Él es XL", category=Category.FIT, subject="father")
    assert _drafted(monkeypatch, "es un regalo, él es XL", mine, his) == []


def test_beside_what_its_drafts_end_a_message_ends_no_other_of_the_kind_lightly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Outdated, "judge", lambda *_: [0.9, 0.5])
    flat, street = (known(draft(t, category=Category.LOCATION), t) for t in ("It's flat 9", "12 Elm Row"))
    new = new_record(draft("It's flat 3 now"), NOW, CATALOGUE, supersedes=(flat.id,))
    said = Said("It's flat 3 now", np.zeros(4, np.float32), {}, [])
    assert overtake([flat, street], [new], said, NOW, CATALOGUE) == [new]


@pytest.mark.parametrize(
    ("fact", "text", "stays"),
    [
        ("I only drink rooibos", "rooibos again please, the green one keeps me awake", True),
        ("Solo tomo rooibos", "rooibos otra vez porfa", True),
        ("I never drink coffee", "I drink coffee again", False),
        ("I drink oat milk", "back to cow's milk again", False),
    ],
)
def test_again_leaves_what_it_names_as_it_was(fact: str, text: str, stays: bool) -> None:
    said = Said(text, np.eye(1, 512, dtype=np.float32)[0], {}, [])
    (likely,) = Outdated().judge([replace(known(draft(fact)), embedding=said.vector)], said)
    assert (likely == 0.0) is stays


def _near(n: int, cosine: float) -> Known:
    """A fact whose vector has this cosine with `_ALONG`."""
    vector = np.array([cosine, (1 - cosine**2) ** 0.5, 0, 0], np.float32)
    return replace(
        known(draft(f"I own thing {n}", category=Category.POSSESSION), f"fct_{n}"), embedding=vector
    )


_ALONG = np.array([1, 0, 0, 0], np.float32)


def test_only_the_nearest_facts_are_looked_at() -> None:
    facts = [_near(n, n / 100) for n in range(JUDGED + 3)]
    assert set(look(facts, Said(CHANGE, _ALONG, {}, []))) == set(range(3, JUDGED + 3))


def test_a_fact_is_seen_among_those_beside_it() -> None:
    """The same fact and message look otherwise when something nearer to the message is known."""
    said = Said(CHANGE, _ALONG, {}, [])
    alone = look([_near(0, 0.5)], said)[0]
    beside = look([_near(0, 0.5), _near(1, 0.9)], said)[0]
    assert alone.counted.tolist() != beside.counted.tolist()
    assert alone.words != beside.words


def test_what_a_pattern_ended_still_counts_as_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the second nearest would be taken for what the message is about."""
    judged: list[str] = []

    def judge(_: Outdated, facts: Sequence[Known], said: Said) -> list[float]:
        judged.extend(fact.id for fact in facts)
        return [0.9] * len(facts)

    monkeypatch.setattr(Outdated, "judge", judge)
    said = Said(CHANGE, np.zeros(4, np.float32), {}, [])
    changes = overtake(FACTS, [Close("fct_0", None, "settled")], said, NOW, CATALOGUE)
    assert [c.fact_id for c in changes if isinstance(c, Close)] == ["fct_0", "fct_1", "fct_2"]
    assert judged == ["fct_0", "fct_1", "fct_2"]


SIZE = draft("I wear a 42", "shoe_size", "42", category=Category.FIT)
HABIT = draft("On Sundays the cycle path", category=Category.ACTIVITY)


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        (SIZE, "Yes, 42 always. I'll never make that up again"),
        (SIZE, "FINISHED!!! 3h52 in Porto Alegre, no shin splints"),
        (HABIT, "Great, I come by on Monday after work"),
    ],
)
def test_what_tells_of_no_change_leaves_sizes_and_habits(
    monkeypatch: pytest.MonkeyPatch, fact: Draft, text: str
) -> None:
    assert _ended(monkeypatch, text, [known(fact)], [0.6]) == []


@pytest.mark.parametrize(
    ("fact", "text"), [(SIZE, "it came out as a 43"), (HABIT, "No path on Sundays, sadly")]
)
def test_what_speaks_of_them_ends_them(monkeypatch: pytest.MonkeyPatch, fact: Draft, text: str) -> None:
    assert _ended(monkeypatch, text, [known(fact)], [0.6]) == ["fct_1"]


def test_a_job_takes_more_than_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    nurse = [known(draft("I'm a nurse", "occupation", "nurse", category=Category.IDENTITY))]
    assert _ended(monkeypatch, CHANGE, nurse, [0.34]) == []
    assert _ended(monkeypatch, CHANGE, nurse, [0.45]) == ["fct_1"]


def test_each_of_many_facts_takes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = [known(draft(f"I own thing {n}", category=Category.POSSESSION), f"fct_{n}") for n in range(18)]
    assert _ended(monkeypatch, REMARK, facts[:3], [0.5] + [0.0] * 2) == ["fct_0"]
    assert _ended(monkeypatch, REMARK, facts, [0.5] + [0.0] * 17) == []
    assert _ended(monkeypatch, REMARK, facts, [0.7] + [0.0] * 17) == ["fct_0"]


def test_what_is_said_of_the_daughter_takes_no_place_of_the_customers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    near = np.full(4, 0.5, np.float32)
    new = draft("She's a 39", "shoe_size", "39", category=Category.FIT, subject="daughter")
    mine = replace(known(draft("I'm tall", category=Category.FIT)), embedding=near)
    monkeypatch.setattr(Outdated, "judge", lambda _, facts, __: [0.9] * len(facts))
    said = Said(CHANGE, near, {new.statement: near}, [new, replace(new, subject="customer", faint=True)])
    changes = overtake([mine], [new_record(new, NOW, CATALOGUE)], said, NOW, CATALOGUE)
    assert [c.supersedes for c in changes if isinstance(c, Record)] == [()]


def test_where_somebody_else_went_to_live_leaves_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    home = draft("Vivo en Lima", "city", "Lima", category=Category.LOCATION)
    hers = draft("Mi tía se mudó a Ica", "city", "Ica", category=Category.EVENT, subject="mother")
    wish = draft("quiero mandarle flores", category=Category.INTENT)
    for news, over in ((hers, 0), (replace(hers, subject="customer"), 1)):
        monkeypatch.setattr(Outdated, "judge", lambda *_: [0.9])
        said = Said(news.statement, _ALONG, {}, [news, wish])
        assert len(overtake([known(home)], [], said, NOW, CATALOGUE)) == over


CITY = draft("I live in Leeds", "city", "Leeds", category=Category.LOCATION)
SHIRT = draft("I wear M shirts", "garment_size", "M", category=Category.FIT)
VISIT = draft("My cleaning is on Thursday", category=Category.EVENT)
CANCELS = draft("I cancelled my subscription", "cancel", "yes", category=Category.INTENT)


@pytest.mark.parametrize(
    ("fact", "text", "other"),
    [
        (CITY, "we're moving within town in May", "we're moving to Hull in May"),
        (SHIRT, "the shirt arrived and all is well", "the shirt arrived, now I'm an L"),
        (VISIT, "can we make it 4pm rather than 10?", "can we make it Friday at 4pm?"),
        (CANCELS, "I cancelled last week and you charged me again?!", "it all works out with the new price"),
    ],
)
def test_what_is_said_again_or_nearby_holds(
    monkeypatch: pytest.MonkeyPatch, fact: Draft, text: str, other: str
) -> None:
    assert _ended(monkeypatch, text, [known(fact)], [0.9]) == []
    assert _ended(monkeypatch, other, [known(fact)], [0.9]) == ["fct_1"]


def test_one_more_of_a_kind_ends_none_whatever_else_is_asked() -> None:
    tell = _judged("tenho um gato, o Fubá", "chegou mais um gatinho, a Paçoca. preciso de uma caixa")
    swap = _judged("tenho um gato, o Fubá", "o gatinho sumiu, que tristeza. cancela a caixa")
    assert tell == 0 < swap


@pytest.mark.parametrize(
    ("before", "text", "change"),
    [
        (
            "We have a gas oven",
            "Growing up we had an electric oven and the bread was awful. Any tips?",
            "We had the oven swapped for an electric one. Any tips?",
        ),
        ("Tengo moto", "Cuando era estudiante tenía bici", "vendí la moto y tengo bici"),
        ("Tenho um fusca", "Quando eu era criança tinha um fusca", "Troquei o fusca por um Gol"),
    ],
)
def test_what_was_so_long_ago_ends_nothing(before: str, text: str, change: str) -> None:
    assert _judged(before, text) == 0 < _judged(before, change)


def _judged(before: str, text: str) -> float:
    """How likely it is that the message ends what was said before."""
    encoder = SentenceEncoder()
    mine = replace(known(draft(before, category=Category.POSSESSION)), embedding=encoder.embed([before])[0])
    return OUTDATED.judge([mine], Said(text, encoder.embed([text])[0], {}, []))[0]


@pytest.mark.parametrize(
    ("home", "text"),
    [
        ("I live in Bristol", "I'm away in Cardiff this week, could you skip the box?"),
        ("Vivo en Quito", "Esta semana ando en Guayaquil por una feria"),
        ("Moro em Natal", "Essa semana estou em Olinda visitando minha mãe"),
    ],
)
def test_a_journey_leaves_the_home(home: str, text: str) -> None:
    vectors = SentenceEncoder().embed([home, text])
    told = replace(known(draft(home, "city", "any")), embedding=vectors[0])
    assert OUTDATED.judge([told], Said(text, vectors[1], {}, [])) == [0.0]


@pytest.mark.parametrize(("near", "follows"), [(0.27, True), (0.2, False)])
def test_what_is_done_takes_the_place_of_the_plan(
    monkeypatch: pytest.MonkeyPatch, near: float, follows: bool
) -> None:
    monkeypatch.setattr(Outdated, "judge", lambda *_: [0.9])
    plan = draft("Planning to add my wife", category=Category.INTENT, subject="wife")
    done = replace(draft("Added her online", category=Category.IDENTITY), faint=True, spare=True)
    fact = replace(known(plan), embedding=_ALONG)
    vector = near * _ALONG + np.sqrt(1 - near**2) * np.eye(4, dtype=np.float32)[3]
    said = Said(done.statement, vector, {done.statement: vector}, [done])
    (change,) = overtake([fact], [], said, NOW, CATALOGUE)
    assert isinstance(change, Record) is follows
