"""Who died, by name: what was told of them ends, what is of others stays, and the loss itself is kept."""

from datetime import timedelta

import pytest

from recuerda.extraction import Turn
from recuerda.extraction.changes import Close, Known, Record
from recuerda.extraction.embedded import EmbeddedExtractor
from recuerda.extraction.reconcile import reconcile
from recuerda.models import Category, FactStatus
from tests.extraction.test_reconcile import CATALOGUE, NOW, draft, known

EARLIER = NOW - timedelta(days=30)
RABBIT = [
    known(draft("Tengo un conejo", "pet", "rabbit"), "pet"),
    known(draft("Se llama Trufa", "name", "Trufa", subject="rabbit"), "name"),
    known(draft("Tiene 6 años", "age", "6", subject="rabbit"), "age"),
    known(draft("Vivo en Cuenca", "city", "Cuenca"), "city"),
]
CAT = known(draft("My cat Pim eats anything", "pet", "cat"), "pim", valid_from=EARLIER)


def _after(facts: list[Known], text: str, subject: str = "customer") -> tuple[set[str], list[Record]]:
    """What a message ended, and what it added."""
    said = draft(text, category=Category.IDENTITY, subject=subject)
    changes = reconcile(facts, [said], NOW, CATALOGUE)
    ended = {c.fact_id for c in changes if isinstance(c, Close)}
    return ended, [c for c in changes if isinstance(c, Record)]


def test_what_was_told_of_it_ends_and_the_loss_is_kept() -> None:
    ended, (loss,) = _after([*RABBIT, CAT], "Trufa se nos murió anoche")
    assert ended == {"pet", "name", "age"}
    assert (loss.draft.category, loss.draft.statement) == (Category.EVENT, "Trufa se nos murió anoche")


def test_losing_a_pet_by_name_is_no_losing_of_a_thing() -> None:
    ended, (loss,) = _after([*RABBIT, CAT], "We lost Pim on Friday")
    assert ended == {"pim"}
    assert loss.draft.category is Category.EVENT
    van = known(draft("I drive a van", "vehicle", "van"))
    assert _after([van], "We lost the van in the flood")[1] == []


def test_another_of_its_kind_stays() -> None:
    other = known(draft("Adotamos uma gata, a Lua", "pet", "cat"), "lua", valid_from=NOW - timedelta(days=60))
    assert _after([CAT, other], "o Pim morreu")[0] == {"pim"}
    both = known(draft("I've got two cats, Pim and Lua", "pet", "cat"), "both")
    assert _after([both], "Pim died last week")[0] == set()
    assert _after([other], "Our cat Pim died", subject="cat")[0] == set()
    assert _after([CAT, other], "Pim died yesterday", subject="cat")[0] == {"pim"}


def test_all_of_the_only_one_of_its_kind_ends() -> None:
    food = known(draft("Only eats tuna", subject="cat"), "food", valid_from=NOW - timedelta(days=60))
    assert _after([CAT, food], "Pim passed away")[0] == {"pim", "food"}
    second = known(draft("We have a cat, Lua", "pet", "cat"), "lua", valid_from=EARLIER - timedelta(days=1))
    assert _after([CAT, food, second], "Pim passed away")[0] == {"pim"}


def test_a_name_or_age_is_of_the_pet_told_of_before(extractor: EmbeddedExtractor) -> None:
    for text in (
        "tengo un conejo, tiene 3 años",
        "we adopted a rabbit yesterday, her name's Truffle",
    ):
        drafts = extractor.extract_now([Turn("customer", text)])
        assert {d.subject for d in drafts if d.attribute in {"name", "age"}} == {"rabbit"}


PREGNANT = [
    known(draft("I'm pregnant", "condition", "pregnancy", category=Category.HEALTH), "pregnant"),
    known(draft("It's due in June", category=Category.EVENT), "due"),
    known(draft("My wife is expecting", "condition", "pregnancy", subject="wife"), "wife"),
    known(draft("My sister is expecting", "condition", "pregnancy", subject="sister"), "sister"),
    known(draft("I'm allergic to latex", "allergy", "latex", category=Category.HEALTH), "allergy"),
]


@pytest.mark.parametrize(
    "text",
    [
        "We lost the baby last week",
        "I had a miscarriage",
        "Our baby was stillborn",
        "Perdimos a nuestro bebé",
        "Tuve un aborto espontáneo",
        "El embarazo no llegó a término",
        "Perdi o bebê no mês passado",
        "Sofri um aborto",
        "A gestação não foi adiante",
    ],
)
def test_a_lost_pregnancy_is_over_and_the_loss_is_asked_for_first(text: str) -> None:
    ended, (loss,) = _after(PREGNANT, text)
    assert ended == {"pregnant", "due", "wife"}
    assert (loss.draft.category, loss.draft.attribute, loss.status) == (
        Category.HEALTH, None, FactStatus.PROPOSED,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "We lost the baby monitor",
        "I had a miscarriage two years ago",
        "I'm scared of losing the baby",
        "Perdí el bebé de juguete de mi hija",
        "Tuve una amenaza de aborto",
        "Ya tuve un aborto",
        "Perdi a bolsa do bebê",
        "Já sofri um aborto",
    ],
)
def test_what_was_lost_before_or_is_only_feared_ends_no_pregnancy(text: str) -> None:
    assert _after(PREGNANT, text)[0] == set()


def test_somebody_elses_loss_is_theirs() -> None:
    assert _after(PREGNANT, "She had a miscarriage", subject="sister")[0] == {"sister"}
