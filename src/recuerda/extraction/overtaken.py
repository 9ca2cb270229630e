"""What a message makes untrue though none of its drafts says so, and what is so instead."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from recuerda.extraction import Draft
from recuerda.extraction.catalogue import Catalogue
from recuerda.extraction.changes import Change, Close, Known, Record, new_record
from recuerda.extraction.grave import is_grave, speaks_of
from recuerda.extraction.lost import tells_a_loss
from recuerda.extraction.mentioned import unreached
from recuerda.extraction.outdated import OUTDATED, Said
from recuerda.extraction.phrases import SAY
from recuerda.extraction.replacing import ALIKE
from recuerda.extraction.reversals import cancels, parted, reverses, settled, swapped, withdraws
from recuerda.extraction.statements import content, figures, topic
from recuerda.extraction.subjects import CUSTOMER
from recuerda.extraction.tokens import flat, unaccented
from recuerda.extraction.values import size
from recuerda.models import Category, FactStatus, Review, Source

_FAR = 0.3  # cosine from which what hardly looks like a fact may be so instead of what is over
_DONE = 0.25  # the same of a plan: what is done is told in few words
_OVER = 0.4  # probability from which a fact no longer holds though no pattern says so
_OVER_GRAVE = 0.5  # of what lasts, or a person vouched for
# Bodies and homes change slowly, and forgetting them does harm.
_LASTING = frozenset({Category.FIT, Category.HEALTH, Category.LOCATION})
_OVER_LIKELIEST = 0.25  # of the likeliest, in a message that says that something changed
_OVER_SECOND = 0.6  # of another fact than the likeliest: most messages end one
_BESIDE = frozenset({Category.POSSESSION, Category.IDENTITY})  # a second bike or child ends no first one
_MEASURED = frozenset({Category.FIT, Category.ACTIVITY})
_PLANS = frozenset({Category.INTENT, Category.EVENT})
_WORD_ALONE = frozenset({"opt_out"})  # ended by saying so and by nothing less
_DAY = re.compile(
    r"\b((mon|tues|wednes|thurs|fri|satur|sun)days?|lunes|martes|miercoles|jueves|viernes|sabados?|domingos?|"
    r"segunda|terca|quarta|quinta|sexta)\b"
)
_FEW = 6  # facts of a customer: as many as the bars are for
_AT_ONCE = 2  # facts at most that one message ends so
_LEAVES = ("instead", "gone", "stops", "no_longer")
_SEVERAL_LEAVE = (*_LEAVES, "former", "finished")  # one of several: "the old one", a race that was run
_TURNS = (*_LEAVES, "resumes", "gains")


def overtake(
    known: Sequence[Known],
    changes: list[Change],
    said: Said,
    now: datetime,
    catalogue: Catalogue,
) -> list[Change]:
    """The changes, with the end of what the whole message makes untrue."""
    likely = dict(zip([k.id for k in known], OUTDATED.judge(known, said), strict=True))
    left = [k for k in _unsettled(known, changes, said, catalogue) if k.valid_from < now]
    left.sort(key=lambda k: -likely[k.id])
    done = {c.fact_id for c in changes if isinstance(c, Close)}
    done |= {i for c in changes if isinstance(c, Record) for i in c.supersedes}
    of = {k.category for k in known if k.id in done}
    turns, leaves = _says_of_a_change(said.text), _says_of_a_change(said.text, _LEAVES)
    over = [
        k
        for i, k in enumerate(left)
        if likely[k.id]
        >= _among(
            len(known),
            _bar(k, turns=turns, gained=turns and not leaves, likeliest=i == 0 and k.category not in of),
        )
    ]
    for fact in over[:_AT_ONCE]:
        heir = _heir(fact, changes, said)
        faint = _faint_heir(fact, said, changes, catalogue) if heir is None else None
        if faint is not None:
            changes.append(new_record(faint, now, catalogue, supersedes=(fact.id,)))
        elif heir is None:
            changes.append(Close(fact.id, None, "outdated"))
        else:
            record = changes[heir]
            assert isinstance(record, Record)
            changes[heir] = replace(record, supersedes=(*record.supersedes, fact.id))
    return changes


def _unsettled(
    known: Sequence[Known], changes: Sequence[Change], said: Said, catalogue: Catalogue
) -> list[Known]:
    """What may concern the same person, and the drafts have not judged already.

    Who "has turned one" is often not said, so what is known of the household is looked at as well. Of several
    cars or pets the drafts judge none: which is over is asked when something is said to have gone.
    """
    settled = {c.fact_id for c in changes if not isinstance(c, Record)}
    settled |= {i for c in changes if isinstance(c, Record) for i in c.supersedes}
    whose = {d.subject for d in said.drafts}
    more = {(c.draft.attribute, c.draft.subject) for c in changes if isinstance(c, Record)}
    leaves = _says_of_a_change(said.text, _SEVERAL_LEAVE)

    def judged(fact: Known) -> bool:
        attribute = catalogue.get(fact.attribute)
        alone = attribute is not None and not (attribute.many and leaves)
        return alone and (fact.attribute, fact.subject) in more

    return [
        k
        for k in known
        if k.id not in settled
        and k.attribute not in _WORD_ALONE
        and (not whose or k.subject in whose or (k.subject != CUSTOMER and CUSTOMER in whose))
        and not judged(k)
        and not tells_a_loss(k)
        and (not is_grave(k) or speaks_of(k, said.text, catalogue))
        and not _untouched(k, said.text, catalogue)
        and not _of_others(k, said.drafts)
    ]


def _of_others(fact: Known, drafts: Sequence[Draft]) -> bool:
    """ "He is an XXL": of him alone, though the customer says besides that it is a present.

    So is where the sister went to live: of the home of the customer, whatever kind of news it is.
    """
    whose = {
        d.subject
        for d in drafts
        if d.category is fact.category or (d.attribute is not None and d.attribute == fact.attribute)
    }
    return fact.subject == CUSTOMER and bool(whose) and CUSTOMER not in whose


def _untouched(fact: Known, text: str, catalogue: Catalogue) -> bool:
    """Whether a message that tells of no change leaves a fact as it is, however near it may be.

    It gives the same figure again ("yes, 42 as always"), says nothing of what is measured ("I ran it in 3h52"
    ends no shoe size), or nothing of the habit.
    """
    before, after = figures(fact.statement), figures(text)
    if before and before == after and not _says_of_a_change(text, _LEAVES):
        return True
    attribute, said = catalogue.get(fact.attribute), flat(text)
    if attribute and attribute.type == "flag" and attribute.speaks(said) and not reverses(said):
        return True  # "I cancelled and you charged me again"
    if fact.attribute == "city" and SAY["nearby"].search(said):
        return True
    if attribute and attribute.type == "size" and settled(said) and size(said, letters=True) is None:
        return True  # "the shirt came, all is well": of the order, not of the size
    if fact.attribute == "phone" and unreached(text):
        return True
    dated = fact.category is Category.EVENT and _DAY.search(flat(fact.statement)) is not None
    if dated and not before and after and not _DAY.search(said):
        return not cancels(text)  # at five instead of nine is on the same day
    if fact.category not in _MEASURED or _says_of_a_change(text):
        return False
    if attribute is None:
        return not (before and after) and not content(text) & topic(fact.statement)
    measured = attribute.type == "size" and size(said, letters=True) is not None
    return not (attribute.many or measured or attribute.speaks(unaccented(text)))


@lru_cache(maxsize=100)  # asked of each fact beside a message
def _says_of_a_change(text: str, families: tuple[str, ...] = _TURNS) -> bool:
    said = flat(text)
    return any(SAY[family].search(said) for family in families) or swapped(text) is not None


def _bar(fact: Known, *, turns: bool, gained: bool, likeliest: bool) -> float:
    """`turns`: the message says that something changed; `gained`: something new, and nothing gone."""
    if not likeliest:
        return _OVER_SECOND
    vouched = fact.source is Source.AGENT or fact.review is Review.DONE
    if fact.category in _LASTING or vouched or (gained and fact.category in _BESIDE):
        return _OVER_GRAVE
    return _OVER_LIKELIEST if turns and fact.category is not Category.IDENTITY else _OVER


def _among(facts: int, bar: float) -> float:
    """The bar among so many facts: a message ends one or two, of many as of few."""
    odds = bar / (1 - bar) * max(facts / _FEW, 1)
    return odds / (1 + odds)


def _heir(fact: Known, changes: Sequence[Change], said: Said) -> int | None:
    """Which of the changes says what is so instead: of the same kind, the nearest in meaning."""
    same = [
        (float(said.vectors[c.draft.statement] @ fact.embedding), i)
        for i, c in enumerate(changes)
        if isinstance(c, Record)
        and c.status is FactStatus.ACTIVE
        and c.draft.subject == fact.subject
        and c.draft.category is fact.category
        and c.draft.statement in said.vectors
        and fact.embedding is not None
    ]
    return max(same)[1] if same else None


def _faint_heir(fact: Known, said: Said, changes: Sequence[Change], catalogue: Catalogue) -> Draft | None:
    """What hardly looked like a fact, but says what is so instead: "he's 11 kilos now"."""
    taken = {(c.draft.start, c.draft.end) for c in changes if not isinstance(c, Close)}
    best: tuple[float, Draft] | None = None
    for draft in said.drafts:
        vector = said.vectors.get(draft.statement)
        if vector is None or fact.embedding is None or not draft.faint or (draft.start, draft.end) in taken:
            continue
        if withdraws(draft.statement) or parted(draft.statement):
            continue  # says what is no more
        near = float(vector @ fact.embedding)
        # "Added her online", of the plan to add the wife: that it is done need not name what, nor of whom.
        planned = fact.category in _PLANS
        whose = draft.subject == fact.subject or (planned and draft.subject == CUSTOMER)
        least = _DONE if planned else _FAR if draft.spare else ALIKE
        if near >= least and whose and (best is None or near > best[0]):
            best = near, draft
    if best is None:
        return None
    draft, category = best[1], fact.category
    sensitivity = catalogue.sensitivity(category, draft.attribute)
    return replace(draft, category=category, sensitivity=sensitivity, faint=False, spare=False)
