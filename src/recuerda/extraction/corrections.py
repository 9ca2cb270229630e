""" "Sorry, 43": a bare value that corrects what the customer said before."""

import re
from collections.abc import Sequence

from recuerda.extraction import Turn
from recuerda.extraction.catalogue import Attribute, Catalogue
from recuerda.extraction.clauses import Clause
from recuerda.extraction.normalise import value_of
from recuerda.extraction.resolving import misspelt
from recuerda.extraction.reversals import ADDS
from recuerda.extraction.tokens import flat

_CUE = re.compile(
    r"\b(sorry|make (?:it|that)|scratch that|correction|i mean(t)?|actually|my mistake|oops|"
    r"typo|corretor|corrector|autocorrect|perdon|disculp\w*|me equivoque|digo|"
    r"quise decir|"
    r"mejor dicho|en realidad|corrijo|desculp\w*|errei|quis dizer|quero dizer|alias|na verdade|corrigindo|"
    r"ops|opa|pera|espera|wait|hold on)\b"
)
_BARE = re.compile(
    r"^(make (it|that) |que sea |mejor |melhor |coloca |ponga |faz |it'?s |its |it is |is |es |son |e |eh |"
    r"sou |soy |un |una |a |an |size |talla |tamanho |numero |the |"
    r"el |la |o )*"
    r"(?P<v>[a-z]{1,4}|\d{1,2}([.,]5)?( y medio| e meio)?)"
    r"([, ]+(not|no|nao|and not|y no|e nao) (an? |un |um )?(\d{1,2}([.,]5)?|[a-z]{1,3}))?$"
)
_BACK = 6  # turns
_SHORT = 7  # words of a clause that spells a name
# Weaker words, "sorry", "actually", do not tell that something said before was wrong.
_TAKEN_BACK = re.compile(
    r"\b(correction|instead|scratch that|(changed|change) my mind|on second thoughts?|"
    r"cambie de (idea|opinion)|pensandolo (bien|mejor)|mudei de ideia|pensando (bem|melhor)|"
    r"turn(s|ed) out (it|that|not|i'm not)|was (all )?a mistake|corrijo|corrigindo|"
    r"me equivoque|"
    r"me enganei|era (un |um )?(error|engano|equivocacion)|"
    r"(al final|resulto que|en realidad|afinal|na verdade) (no|nao) (era|es|e|sou|soy)|"
    r"(no|nao) era (o|a|el|la|os|as|los|las)\b)"
)
_TESTED = re.compile(r"\b(allerg|alerg|tests?\b|exame|examen|prueba|analisis|laborator|doctor|medic)")


def takes_back(turns: Sequence[Turn], i: int, clause: Clause) -> bool:
    """Whether turn `i`, or what the customer said of a test just before, says that something was wrong."""
    said = flat(turns[i].text)
    if ADDS.search(said, clause.start, clause.end):
        return False
    before = next((flat(t.text) for t in reversed(turns[:i]) if t.role == "customer"), "")
    return bool(_TAKEN_BACK.search(said) or (_TAKEN_BACK.search(before) and _TESTED.search(before)))


def corrected(
    turns: Sequence[Turn], i: int, clause: Clause, catalogue: Catalogue
) -> tuple[Attribute, str] | None:
    """The attribute and its new value, when the clause is a size and the words around it take one back."""
    text = turns[i].text
    said = flat(text[clause.start : clause.end])
    match = _BARE.match(_CUE.sub("", said).strip(" ,.:;-"))
    around = flat(text[max(0, clause.start - 60) : clause.end + 25])
    if match is None or _CUE.search(around) is None or clause.asked:
        return None
    earlier = [t.text for t in turns[max(0, i - _BACK) : i] if t.role == "customer"]
    earlier.append(text[: clause.start])
    asked = [t.text for t in turns[max(0, i - _BACK) : i]]
    for before in reversed(earlier):
        for attribute in catalogue:
            if attribute.type == "size" and _said(attribute, before, asked):
                value = value_of(attribute, match["v"], match["v"], None, True, "en")
                if value is not None:
                    return attribute, value
    return None


def respells(turns: Sequence[Turn], i: int, clause: Clause) -> bool:
    """ "Typo, it's McLeod", after a Macleod: a name spelt a little differently, and hardly anything else."""
    said = turns[i].text[clause.start : clause.end]
    if len(said.split()) > _SHORT or _CUE.search(flat(turns[i].text)) is None or clause.asked:
        return False
    before = " ".join(t.text for t in turns[max(0, i - _BACK) : i] if t.role == "customer")
    return misspelt(before, said) is not None


def _said(attribute: Attribute, before: str, around: Sequence[str]) -> bool:
    """Whether `before` gave this attribute, by its own words or answering a question about it."""
    said = flat(before)
    topic = re.compile(attribute.words)
    named = topic.search(said) or (len(said.split()) <= 4 and any(topic.search(flat(a)) for a in around))
    barred = attribute.unless and re.search(attribute.unless, said)
    return bool(named) and not barred and value_of(attribute, said, said, None, False, "en") is not None
