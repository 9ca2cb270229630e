"""A message cut into its sentences, and a sentence that asks two things into both."""

import re

from recuerda.language import fold

_BREAKS = re.compile(r"(?<=[.!?…])\s+|\n+|(?<=\S)\s*(?=¿)")
# What opens a question, in text lower-cased and without accents, whether or not it has its mark.
_OPENERS = (
    r"what(?:'?s)?|which|who(?:'?s)?|where(?:'?s)?|when(?:'?s)?|why|how(?:'?s)?|can|could|do|does|did|is|are|will|"
    r"would|should|may|has|have you|any chance|wats|wheres|hows|whens|"
    r"que|cual(?:es)?|quien(?:es)?|donde|adonde|cuando|cuant[oa]s?|por que|como|"
    r"puedo|puedes|pueden|podria[ns]?|"
    r"tienen|tienes|tendran|hay|habra|se puede[n]?|sirve[n]?|a que|a partir|desde que|en que|por donde|"
    r"hacen|envian|mandan|venden|manejan|aceptan|reciben|cobran|trabajan con|abren|atienden|arreglan|"
    r"dan|ofrecen|"
    r"es posible|debo|deberia|me (?:puede[ns]?|podria[ns]?|recomienda[ns]?|sirve[n]?)|"
    r"o que|qual|quais|quem|onde|quando|quant[oa]s?|qto|posso|pode[m]?|tem|ha|da (?:para|pra)|"
    r"voces|vcs|vc|sera que|cade|que horas|ate que|em quantos|fazem|entregam|enviam|vendem|aceita[m]?|cobram|"
    r"parcelam|abrem?|trocam|consertam|e possivel|devo|preciso pagar"
)
_ASKS = re.compile(
    r"^(?:y |e |and |so |also |pero |but |mas |entonces |tambien |tambem |oye |hey )*"
    rf"(?:{_OPENERS}|q|k)\b"
)
_AND = re.compile(
    r"(?:(?:\s*[,;]\s*|\s+)(?:y|e|and|&|also|ademas|alem disso|tambien|tambem)\s+|\s*[,;]\s*)"
    rf"(?=(?:also |tambien |tambem |if |si |se )*(?:{_OPENERS})\s)"
)
# Without a question mark these may as well go on telling: "corro y cuando llueve se mojan".
_EITHER = re.compile(r"(?:that|which|when|where|is|are|que|cuando|donde|como|es|quando|onde|ha|me|o que)\b")


_APPOSED = 6  # words: "I wear 27 in Mexico, what size is it" is one question
# What ends one: "mido 27, que talla es", "me duele la rodilla que hago".
_TAIL = re.compile(
    r"\b(?:what (?:now|do i do|should i do|to do)|what(?:'s| is) that\b.*|how|"
    r"que (?:hago|talla es)|cual (?:pido|llevo|escojo|elijo)|"
    r"o que (?:eu )?faco|qual (?:eu )?(?:peco|levo|compro)|como|cuando|donde|cuanto|onde|quando|quanto)$"
)


def asks(plain: str) -> bool:
    """Whether a sentence, folded, is worded as a question, or ends in one."""
    return any(map(_ASKS.match, re.split(r"[,;] ", plain))) or bool(_TAIL.search(plain))


def sentences(message: str) -> list[str]:
    """In order; "¿" begins one too."""
    return [sentence.strip() for sentence in _BREAKS.split(message) if re.search(r"\w", sentence)]


def pieces(message: str, most: int = 6) -> list[str]:
    """Its sentences in order; "hours and do you ship to Cali?" is two."""
    return [piece for sentence in sentences(message) for piece in _halves(sentence)][:most]


def _halves(sentence: str) -> list[str]:
    """At each "and", or comma, after which something is asked; folding keeps the places of Latin letters."""
    folded = fold(sentence)
    match = _AND.search(folded) if len(folded) == len(sentence) else None
    if match is None:
        return [sentence]
    rest = folded[match.end() :]
    goes_on = "?" not in sentence and _EITHER.match(rest)
    if goes_on or (match[0].strip() in {",", ";"} and len(rest.split()) <= _APPOSED):
        return [sentence]
    return [sentence[: match.start()].strip(), *_halves(sentence[match.end() :].strip())]
