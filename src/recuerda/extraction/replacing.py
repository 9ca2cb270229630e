"""Which of the known facts a draft is about, when no attribute of the catalogue tells.

Every answer is none rather than a guess: what is left standing can be corrected, what was closed is gone.
"""

import re
from collections.abc import Sequence, Set

from recuerda.embeddings import Vectors
from recuerda.extraction import Draft
from recuerda.extraction.catalogue import Catalogue
from recuerda.extraction.changes import Known
from recuerda.extraction.grave import is_grave
from recuerda.extraction.phrases import SAY
from recuerda.extraction.reversals import (
    ADDS,
    came,
    cancels,
    given_up,
    goes_back,
    parted,
    replaces,
    resumes,
    swapped,
    withdraws,
    works_again,
)
from recuerda.extraction.statements import content, figures, other_amount, proper_names, topic
from recuerda.extraction.tokens import flat, unaccented, words
from recuerda.models import Category

ALIKE = 0.5  # cosine from which a change may be of that fact; words in common besides
NEAR = 0.4  # the same for tastes and figures: "now I prefer B" of "I prefer A"
FRAME = 0.25  # of the older statement's words, when a figure in it changed
HALF = 0.4  # of the older statement's words, for what is not a taste

_VAGUE = frozenset({"product", "order"})  # named by any noun
_HABIT = re.compile(
    r"\b(every|each|todos|todas|cada|mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|weekends?|lunes|"
    r"martes|"
    r"miercoles|jueves|viernes|sabados?|domingos?|segundas|tercas|quartas|quintas|sextas)\b|"
    r"^(i|we|yo|eu)? ?(play|run|swim|row|climb|dance|train|practi[sc]e|juego|toco|corro|nado|bailo|"
    r"entreno|practico|"
    r"hago|faco|jogo|danco|treino|pratico)\b"
)
_TASTE = re.compile(
    r"\b(prefer\w*|rather|favou?rite|preferid[oa]|favorit[oa]|like|love|gustan?|encantan?|gosto|adoro|want)\b"
)
_NEVER = re.compile(r"^(i |we |eu |yo )?(don'?t|do not|no|nao|never|nunca)\b")
_HAVE = re.compile(r"\b(have|own|i've got|we've got|tengo|tenemos|tenho|temos)\b")
_JOURNEY = re.compile(
    r"\b(trip|travel\w*|holiday|flight|fly(ing)?|going to|off to|viaj\w*|vuelo|vamos a|voy a|vacacion\w*|"
    r"viag\w*|voo|ferias|vamos (pra|para)|vou (pra|para))\b"
)
_SWITCH_NEAR = 0.3  # cosine from which a switch may be from that
_NEVER_REVERTED = frozenset({Category.HEALTH, Category.IDENTITY, Category.ISSUE})
_REVERTED = frozenset({Category.PREFERENCE, Category.ACTIVITY, Category.CONTACT, Category.INTENT})
_SWITCHED = re.compile(
    r"\b((moved|changed|switched|gone|went|(switch|move|change|put) (me|us|it)) (over |on )?(to|on to|onto)|"
    r"(mudei|mudamos|passei|passamos) (a|ao|pra|pro|para)|"
    r"(cambien?|pasen?|muda|mudem|passa|passem|troca|troquem)(me|nos)? (a|al|ao|para|pra|pro|por)|"
    r"(me|nos) (cambie|cambien|cambiamos|pase|pasen|pasamos|mude|mudamos|mudem|passem) (a|al|para|pra|pro))\b"
)
_REQUESTS = frozenset({"cancel", "return", "exchange", "refund", "keep", "stay"})
_SAID_OF_CANCELLING = content("cancel cancelled cancelen cancelar call called off please favor final lo todo")
_SAID_OF_STOPPING = words(
    "had have gave give given up just all really tive tuve that com con it go ende lo la"
)


def stopped(known: Sequence[Known], draft: Draft) -> list[Known]:
    """ "I stopped running": what names all that is given up; "I gave it up": the only habit there is."""
    topic = given_up(draft.statement)
    ours = [k for k in known if k.subject == draft.subject and not withdraws(k.statement)]
    if topic is None:
        return []
    given = content(topic) - _SAID_OF_STOPPING
    habits = [k for k in ours if k.category is Category.ACTIVITY or _HABIT.search(flat(k.statement))]
    if not given or topic == "":
        return habits if len(habits) == 1 else []
    return [k for k in habits if _names(k, given)]


def resumed(known: Sequence[Known], draft: Draft) -> list[Known]:
    """ "I'm back climbing": that it was given up, or never done, is over."""
    if not resumes(draft.statement) or withdraws(draft.statement):
        return []
    ours, found = content(draft.statement), []
    for fact in known:
        left = given_up(fact.statement) or (fact.statement if _NEVER.search(flat(fact.statement)) else "")
        theirs = content(left) - _SAID_OF_STOPPING
        if fact.subject == draft.subject and len(ours & theirs) > len(theirs) / 3:
            found.append(fact)
    return found


def came_back(known: Sequence[Known], draft: Draft) -> list[Known]:
    """ "Back to Serra Alta": the one taken up since, when it is still known that it was Serra Alta before."""
    said = draft.statement
    names = proper_names(said[1:])
    again = any(SAY[family].search(flat(said)) for family in ("again", "back"))
    if not names or not again or withdraws(said):
        return []
    ours = [k for k in known if k.subject == draft.subject]
    before = [k for k in ours if names & proper_names(k.statement[1:])]
    since = [
        k
        for k in ours
        if before
        and k not in before
        and proper_names(k.statement[1:])
        and k.category not in _NEVER_REVERTED
        and (replaces(k.statement) or _SWITCHED.search(flat(k.statement)))
        and min(b.valid_from for b in before) < k.valid_from
    ]
    return [max(since, key=lambda k: k.valid_from)] if since else []


def gone_back(known: Sequence[Known], past: Sequence[Known], draft: Draft) -> list[Known]:
    """ "Training at 6 again": what took the place of the training at 6, or was said when it ended."""
    if not goes_back(draft.statement) or withdraws(draft.statement):
        return []
    ours = content(draft.statement)
    before = [
        k
        for k in past
        if k.valid_to and k.subject == draft.subject and _revertible(k) and _mostly(topic(k.statement), ours)
    ]
    if not before:
        return []
    old = max(before, key=lambda k: (k.valid_to or k.valid_from, len(topic(k.statement) & ours)))
    since = [
        k
        for k in known
        if k.valid_from == old.valid_to
        and k.subject == draft.subject
        and _revertible(k)
        and not _mostly(topic(k.statement), ours)
    ]
    heir = [k for k in since if k.id == old.superseded_by]
    return heir or sorted(since, key=lambda k: -_near(k, old))[:1]


def switched_back(known: Sequence[Known], draft: Draft) -> list[Known]:
    """ "I'm going back to whole beans", when those are still known of: the switch to something else since."""
    if SAY["back"].search(flat(draft.statement)) is None or withdraws(draft.statement):
        return []
    ours = content(draft.statement)
    mine = [k for k in known if k.subject == draft.subject and _revertible(k)]
    before = [k for k in mine if _mostly(topic(k.statement), ours)]
    since = [
        k
        for k in mine
        if k not in before
        and _SWITCHED.search(flat(k.statement))
        and any(b.valid_from < k.valid_from and _near(b, k) >= _SWITCH_NEAR for b in before)
    ]
    return since if len(since) == 1 else []


def _revertible(fact: Known) -> bool:
    return fact.category in _REVERTED and not is_grave(fact)


def _mostly(theirs: Set[str], ours: Set[str]) -> bool:
    return len(theirs & ours) >= HALF * len(theirs)


def _near(fact: Known, other: Known) -> float:
    if fact.embedding is None or other.embedding is None:
        return 0.0
    return float(fact.embedding @ other.embedding)


def called_off(known: Sequence[Known], draft: Draft) -> list[Known]:
    """ "Cancel the Lisbon trip": what was planned by that name, or the only journey there is."""
    if not cancels(draft.statement):
        return []
    plans = [
        k
        for k in known
        if k.category in {Category.EVENT, Category.INTENT}
        and k.attribute not in _REQUESTS
        and k.subject == draft.subject
        and not withdraws(k.statement)
    ]
    ours = content(draft.statement) - _SAID_OF_CANCELLING
    named = [k for k in plans if ours & topic(k.statement)]
    journeys = [k for k in plans if _JOURNEY.search(flat(k.statement))]
    alone = _JOURNEY.search(flat(draft.statement)) is not None and len(journeys) == 1
    return named or (journeys if alone else [])


def swapped_away(known: Sequence[Known], draft: Draft) -> list[Known]:
    """ "I traded the Nikon for a Sony": the fact of the Nikon."""
    old = swapped(draft.statement)
    given = content(old) if old else set()
    return [k for k in known if given and k.subject == draft.subject and _names(k, given)]


def put_right(known: Sequence[Known], draft: Draft) -> list[Known]:
    """The problem that works again or came: of the same thing, or the only one, when it is a repair."""
    open_ = [k for k in known if k.category is Category.ISSUE and k.subject == draft.subject]
    named = [k for k in open_ if content(k.statement) & content(draft.statement)]
    if works_again(draft.statement):
        return named if named else (open_ if len(open_) == 1 else [])
    return [k for k in named if k.attribute is None] if came(draft.statement) else []


def parted_with(known: Sequence[Known], draft: Draft, catalogue: Catalogue) -> list[Known]:
    """ "They stole my bike": the vehicle, when there is one only and the words are of its kind."""
    if not parted(draft.statement):
        return []
    said = unaccented(draft.statement)
    found = []
    for attribute in catalogue:
        if attribute.category is not Category.POSSESSION or not attribute.words or attribute.name in _VAGUE:
            continue
        ours = [k for k in known if k.attribute == attribute.name and k.subject == draft.subject]
        if len(ours) == 1 and re.search(attribute.words, said, re.IGNORECASE):
            found += ours
    return found or _only_such_thing(known, draft)


def _only_such_thing(known: Sequence[Known], draft: Draft) -> list[Known]:
    """ "The sofa's gone": the one thing they have that all its words name."""
    given = content(SAY["gone"].sub(" ", flat(draft.statement)))
    things = [
        k
        for k in known
        if (k.category is Category.POSSESSION or _HAVE.search(flat(k.statement)))
        and k.subject == draft.subject
        and k.attribute != "order"
        and given
        and _names(k, given)
    ]
    return things if len(things) == 1 else []


def taken_over(
    known: Sequence[Known], draft: Draft, catalogue: Catalogue, vector: Vectors | None
) -> list[Known]:
    """ "Now I like it sweet": what is nearest in meaning, of the same kind, with a word in common."""
    said = flat(draft.statement)
    now = replaces(draft.statement) or draft.corrects
    if vector is None or not now or ADDS.search(said) or withdraws(draft.statement):
        return []
    ours = content(draft.statement)
    best: tuple[float, Known] | None = None
    for fact in known:
        attribute = catalogue.get(fact.attribute)
        if fact.subject != draft.subject or (attribute and not attribute.many) or fact.embedding is None:
            continue
        theirs = topic(fact.statement)
        near = float(fact.embedding @ vector)
        shared = len(ours & theirs) / max(len(theirs), 1)
        if _other_figure(fact.statement, draft.statement):
            alike = shared >= FRAME and near >= NEAR
        elif _taste(said, draft.category) and _taste(flat(fact.statement), fact.category):
            alike = shared > 0 and near >= NEAR
        else:
            alike = fact.category is draft.category and shared >= HALF and near >= ALIKE
        if alike and (best is None or near > best[0]):
            best = near, fact
    return [best[1]] if best else []


def _other_figure(before: str, after: str) -> bool:
    """ "Size M" and "size G", "is two" and "is three": each gives a figure, and not the same."""
    old, new = figures(before), figures(after)
    return (bool(old and new) and not old & new) or other_amount(before, after)


def _taste(said: str, category: Category) -> bool:
    return category is Category.PREFERENCE or _TASTE.search(said) is not None


def _names(known: Known, given: Set[str]) -> bool:
    """Whether a fact has all these words, in some form: "run" and "running"."""
    has = content(f"{known.statement} {known.value or ''}")
    return all(any(_alike(a, b) for b in has) for a in given)


def _alike(a: str, b: str) -> bool:
    return a == b or (min(len(a), len(b)) >= 3 and (a.startswith(b) or b.startswith(a)))
