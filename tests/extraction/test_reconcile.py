"""What new statements do to what was known: supersede, accumulate, repeat, close, or ask."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from recuerda.extraction import Draft
from recuerda.extraction.catalogue import load_catalogue
from recuerda.extraction.reconcile import Change, Close, Known, Record, Repeat, reconcile
from recuerda.models import Category, FactStatus, Review, Sensitivity, Source

NOW = datetime(2026, 5, 1, tzinfo=UTC)
CATALOGUE = load_catalogue()


def draft(
    statement: str, attribute: str | None = None, value: str | None = None, *, subject: str = "customer",
    category: Category | None = None, confidence: float = 0.9, start: int = 0,
) -> Draft:  # fmt: skip
    known = CATALOGUE.get(attribute)
    kind = category or (known.category if known else Category.PREFERENCE)
    return Draft(
        category=kind, attribute=attribute, value=value, statement=statement, language="en", subject=subject,
        quote=statement, turn=0, start=start, end=start + len(statement), confidence=confidence,
        sensitivity=CATALOGUE.sensitivity(kind, attribute),
    )  # fmt: skip


def known(said: Draft, id: str = "fct_1", **other: object) -> Known:
    fact = Known(
        id=id, category=said.category, attribute=said.attribute, value=said.value, statement=said.statement,
        subject=said.subject, status=FactStatus.ACTIVE, confidence=said.confidence,
        source=Source.CONVERSATION, review=Review.NEEDED, valid_from=NOW - timedelta(days=9),
    )  # fmt: skip
    return replace(fact, **other)  # type: ignore[arg-type]


def one(current: list[Known], *drafts: Draft) -> Change:
    (change,) = reconcile(current, drafts, NOW, CATALOGUE)
    return change


def test_a_new_value_supersedes_the_old() -> None:
    change = one([known(draft("I wear 42", "shoe_size", "42"))], draft("sorry, 43", "shoe_size", "43"))
    assert isinstance(change, Record)
    assert change.supersedes == ("fct_1",)
    assert change.status is FactStatus.ACTIVE


def test_the_same_value_is_evidence() -> None:
    assert isinstance(
        one([known(draft("I wear 42", "shoe_size", "42"))], draft("uso 42", "shoe_size", "42")), Repeat
    )


def test_somebody_else_is_another_matter() -> None:
    current = [known(draft("I wear 42", "shoe_size", "42"))]
    change = one(current, draft("my son wears 35", "shoe_size", "35", subject="son"))
    assert isinstance(change, Record)
    assert change.supersedes == ()


def test_several_at_once_accumulate() -> None:
    change = one([known(draft("I love Nike", "brand", "Nike"))], draft("also Asics", "brand", "Asics"))
    assert isinstance(change, Record)
    assert change.supersedes == ()


def test_the_same_with_another_amount_takes_the_place_of_the_old() -> None:
    current = [known(draft("we have 2 dogs", "pet", "dog"))]
    change = one(current, draft("we have 3 dogs", "pet", "dog"))
    assert isinstance(change, Record)
    assert change.supersedes == ("fct_1",)
    assert isinstance(one(current, draft("our 2 dogs", "pet", "dog")), Repeat)


def test_what_two_readers_differ_on_ends_nothing_and_waits() -> None:
    swims = draft("I swim on Tuesdays", category=Category.ACTIVITY)
    doubted = replace(draft("I no longer swim on Tuesdays", category=Category.ACTIVITY), contested=True)
    assert reconcile([known(swims)], [replace(doubted, contested=False)], NOW, CATALOGUE) != []
    assert reconcile([known(swims)], [doubted], NOW, CATALOGUE) == []
    change = one([], replace(draft("I swim on Mondays", category=Category.ACTIVITY), contested=True))
    assert isinstance(change, Record)
    assert (change.status, change.review) == (FactStatus.PROPOSED, True)


def test_a_taste_of_now_takes_the_place_of_the_old() -> None:
    change = one(
        [known(draft("my favourite is blue", "colour", "blue"))],
        draft("I prefer black now", "colour", "black"),
    )
    assert isinstance(change, Record)
    assert change.supersedes == ("fct_1",)


def test_denying_closes_what_it_denies() -> None:
    change = one([known(draft("soy vegano", "diet", "vegan"))], draft("no soy vegano", "diet", "not vegan"))
    assert isinstance(change, Close)


def test_a_pet_that_died_is_gone() -> None:
    current = [known(draft("tengo un perro", "pet", "dog"))]
    said = draft("mi perro murió", category=Category.IDENTITY, subject="dog")
    close, loss = reconcile(current, [said], NOW, CATALOGUE)
    assert isinstance(close, Close)
    assert isinstance(loss, Record)
    assert loss.draft.category is Category.EVENT


def test_keeping_ends_the_return() -> None:
    current = [known(draft("I want to return them", "return", "yes"))]
    close, record = reconcile(current, [draft("I'm keeping them after all", "keep", "yes")], NOW, CATALOGUE)
    assert isinstance(close, Close)
    assert close.fact_id == "fct_1"
    assert isinstance(record, Record)


def test_deciding_again_to_return_ends_the_keeping() -> None:
    changes = reconcile(
        [known(draft("I'm keeping them", "keep", "yes"))],
        [draft("I'm returning them", "return", "yes")], NOW, CATALOGUE,
    )  # fmt: skip
    assert [type(c) for c in changes] == [Close, Record]


def test_no_longer_closes() -> None:
    for statement, attribute, value in [
        ("Ya no soy vegetariana", "diet", "vegetarian"),
        ("I no longer live in Lima", "city", "Lima"),
        ("Não sou mais vegana", "diet", "vegan"),
    ]:
        current = [known(draft("before", attribute, value))]
        change = one(current, draft(statement, attribute, value))
        assert isinstance(change, Close), statement


def test_no_longer_what_nobody_knew_gives_no_value() -> None:
    change = one([], draft("I no longer live in Lima", "city", "Lima"))
    assert isinstance(change, Record)
    assert (change.draft.attribute, change.draft.value) == (None, None)


def test_no_longer_matches_by_words_when_there_is_no_attribute() -> None:
    current = [known(draft("I swim on Tuesdays", category=Category.ACTIVITY))]
    change = one(current, draft("I no longer swim on Tuesdays", category=Category.ACTIVITY))
    assert isinstance(change, Close)


def test_what_arrived_is_no_longer_missing() -> None:
    current = [known(draft("it has not arrived", "problem", "not_received"))]
    change = one(current, draft("ya llegó mi pedido", category=Category.ISSUE))
    assert isinstance(change, Close)
    assert change.reason == "settled"


def test_health_waits_for_consent() -> None:
    change = one([], draft("soy alérgica al maní", "allergy", "peanut"))
    assert isinstance(change, Record)
    assert (change.status, change.review) == (FactStatus.PROPOSED, True)


def test_doubt_does_not_overwrite_what_an_agent_confirmed() -> None:
    current = [known(draft("I wear 42", "shoe_size", "42"), review=Review.DONE)]
    change = one(current, draft("maybe 44", "shoe_size", "44", confidence=0.45))
    assert isinstance(change, Record)
    assert (change.status, change.review, change.supersedes) == (FactStatus.PROPOSED, True, ())


def test_older_words_that_come_late_do_not_overwrite() -> None:
    current = [known(draft("I wear 43", "shoe_size", "43"), valid_from=NOW + timedelta(hours=1))]
    change = one(current, draft("I wear 42", "shoe_size", "42"))
    assert isinstance(change, Record)
    assert change.supersedes == ()
    assert change.status is FactStatus.PROPOSED


def test_the_last_word_of_a_message_counts() -> None:
    change = one([], draft("41", "shoe_size", "41"), draft("no, 42", "shoe_size", "42", start=9))
    assert isinstance(change, Record)
    assert change.draft.value == "42"


def test_lifetimes() -> None:
    intent, size = reconcile(
        [],
        [draft("I want to return them", "return", "yes"), draft("I wear 42", "shoe_size", "42")],
        NOW,
        CATALOGUE,
    )
    assert isinstance(intent, Record)
    assert isinstance(size, Record)
    assert intent.expires_at == NOW + timedelta(days=60)
    assert size.expires_at is None


def apply(current: list[Known], changes: list[Change], at: datetime) -> list[Known]:
    """What the store does with changes."""
    facts = list(current)
    for change in changes:
        gone: tuple[str, ...] = ()
        if isinstance(change, Record):
            gone = change.supersedes
            said = known(change.draft, f"fct_{len(facts)}", status=change.status, valid_from=at)
            facts.append(said)
        elif isinstance(change, Close):
            gone = (change.fact_id,)
        facts = [replace(f, status=FactStatus.SUPERSEDED) if f.id in gone else f for f in facts]
    return facts


drafts = st.one_of(
    st.builds(draft, st.sampled_from(["a", "b"]), st.just("shoe_size"), st.sampled_from(["41", "42", "43"])),
    st.builds(draft, st.just("city"), st.just("city"), st.sampled_from(["Lima", "Cali"])),
    st.builds(draft, st.just("return"), st.just("return"), st.sampled_from(["yes", "no"])),
    st.builds(draft, st.just("keep"), st.just("keep"), st.just("yes")),
    st.builds(draft, st.just("likes"), st.just("brand"), st.sampled_from(["Nike", "Asics", "Puma"])),
    st.builds(draft, st.sampled_from(["I like tea", "I like coffee", "I walk"])),
    st.builds(draft, st.just("I no longer live there"), st.just("city"), st.sampled_from(["Lima", "Cali"])),
    st.builds(
        draft, st.just("allergic"), st.just("allergy"), st.sampled_from(["nuts", "egg"]),
        confidence=st.floats(0.3, 1),
    ),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.lists(drafts, max_size=3), max_size=8))
def test_one_current_value_whatever_the_order(messages: list[list[Draft]]) -> None:
    facts: list[Known] = []
    for i, message in enumerate(messages):
        at = NOW + timedelta(minutes=i)
        facts = apply(facts, reconcile(facts, message, at, CATALOGUE), at)
        current = [f for f in facts if f.status is FactStatus.ACTIVE and f.attribute]
        for fact in current:
            same = [f for f in current if (f.attribute, f.subject) == (fact.attribute, fact.subject)]
            if CATALOGUE.is_single(fact.attribute or ""):
                assert len(same) == 1
            else:
                assert len({f.value for f in same}) == len(same)


@settings(deadline=None)
@given(st.lists(drafts, max_size=4))
def test_the_same_message_again_records_nothing_new(message: list[Draft]) -> None:
    stated = [d for d in message if "no longer" not in d.statement and d.attribute not in {"keep", "return"}]
    facts = apply([], reconcile([], stated, NOW, CATALOGUE), NOW)
    again = reconcile(facts, [c for c in stated if _is_last(c, stated)], NOW, CATALOGUE)
    assert all(isinstance(c, Repeat) for c in again)


def _is_last(said: Draft, message: list[Draft]) -> bool:
    """Not overruled by a later value in the same message."""
    if not CATALOGUE.is_single(said.attribute or ""):
        return True
    return [d for d in message if d.attribute == said.attribute][-1] is said


def test_sensitivity_of_the_examples() -> None:
    assert draft("x", "allergy", "nuts").sensitivity is Sensitivity.SPECIAL


def test_what_was_rejected_and_is_said_again_waits_for_a_person() -> None:
    said = draft("I wear a 42", "shoe_size", "42")
    wrong = known(said, "fct_wrong", status=FactStatus.REJECTED)
    holds = known(draft("I wear a 43", "shoe_size", "43"), "fct_right")
    change = one([wrong, holds], said)
    assert isinstance(change, Record)
    assert (change.status, change.review, change.supersedes) == (FactStatus.PROPOSED, True, ())


def test_a_faint_draft_is_heard_only_where_it_changes_something() -> None:
    faint = replace(draft("We're in Leeds now", "city", "Leeds", confidence=0.2), faint=True)
    assert reconcile([], [faint], NOW, CATALOGUE) == []
    change = one([known(draft("I live in York", "city", "York"))], faint)
    assert isinstance(change, Record)
    assert (change.supersedes, change.review) == (("fct_1",), True)


def test_consent_reopens_only_the_channel_it_names() -> None:
    calls = known(draft("Don't call me", "opt_out", "calls"), "fct_calls")
    offers = known(draft("No offers please", "opt_out", "marketing"), "fct_offers")
    said = draft("You can call me again", "opt_in", "calls")
    closed = [c.fact_id for c in reconcile([calls, offers], [said], NOW, CATALOGUE) if isinstance(c, Close)]
    assert closed == ["fct_calls"]


def test_only_what_is_unsure_needs_a_person() -> None:
    sure, unsure = (
        draft("I like blue", "colour", "blue"),
        draft("I like red", "colour", "red", confidence=0.4),
    )
    health = draft("I have asthma", "condition", "asthma")
    needs = [c.review for c in reconcile([], [sure, unsure, health], NOW, CATALOGUE) if isinstance(c, Record)]
    assert sorted(needs) == [False, True, True]
