"""Whom a clause is about: the customer, or who in the household."""

import re
from functools import lru_cache

CUSTOMER = "customer"

_WHO: dict[str, str] = {
    "mother_in_law": r"mother[- ]in[- ]law|suegra|sogra",
    "father_in_law": r"father[- ]in[- ]law|suegro|sogro",
    "granddaughter": r"granddaughter|nieta|neta",
    "grandson": r"grandson|nieto|neto",
    "grandmother": r"grandma|grandmother|abuela|abuelita|nan|vovo",
    "grandfather": r"grandad|grandpa|grandfather|abuelo|vovo",
    "stepdaughter": r"stepdaughter|hijastra|enteada",
    "stepson": r"stepson|hijastro|enteado",
    "daughter": r"daughter|hija|filha|nena|nina|niña|menina|girl|chiquita",
    "son": r"son|hijo|filho|lad|nene|nino|menino|boy|guri",
    "baby": r"baby|bebe|newborn|recien nacid[oa]",
    "child": r"child|kid|crianca|toddler|little one|peque",
    "children": r"children|kids|hijos|filhos|ninos|criancas|twins|gemel[oa]s|mellizos|gemeos",
    "wife": r"wife|esposa|mujer|mulher",
    "husband": r"husband|marido|esposo|hubby",
    "partner": r"partner|girlfriend|boyfriend|fiancee?|pareja|novi[oa]|namorad[oa]|companheir[oa]|noiv[oa]",
    "mother": r"mother|mum|mom|mama|madre|mae|viejita",
    "father": r"father|dad|papa|padre|pai|viejo",
    "brother": r"brother|hermano|irmao",
    "sister": r"sister|hermana|irma",
    "dog": r"dog|puppy|pup|perr[oa]|perrit[oa]|cachorr[oa]|cachorrinh[oa]|labrador|golden|poodle|pug|beagle|"
    r"dachshund|"
    r"bulldog|caniche|collie|spaniel|terrier|vira[- ]?lata",
    "cat": r"cat|kitten|gat[oa]|gatit[oa]|gatinh[oa]|siamese|siames",
    "rabbit": r"rabbit|conejo|conej[oa]|coelh[oa]|bunny",
    "parrot": r"parrot|loro|papagaio|calopsita|cockatiel",
    "hamster": r"hamster|guinea pig|cuy|cobaya",
}
SUBJECTS = frozenset(_WHO)
PETS = frozenset({"dog", "cat", "rabbit", "parrot", "hamster"})
_OWN = (
    r"(?:my|our|mi|mis|nuestr[oa]s?|meus?|minhas?|noss[oa]s?|"
    r"tengo un[oa]?|tenho um[a]?|have an?|the|el|la|o|a)"
)
_PEOPLE = {
    name: re.compile(rf"\b{_OWN} (?:[\w'-]+ ){{0,2}}?(?:{words})\b(?!['’]?s? (?:friend|teacher|school))")
    for name, words in _WHO.items()
}
_MINE = re.compile(r"\b(?:my|our|mi|nuestr[oa]|meu|minha|noss[oa])\b")
_HE_SHE = re.compile(
    r"^(?:\w+ )?(?:he|she|he's|she's|hes|shes|his|her|it's|its|they|el|ella|ele|ela|dele|dela|le|lo|la|him)\b"
)
# What can only be said of somebody named before: "se llama Kira", "her name is Kira", "tem 3 anos".
_HE_SHE_FIRST = re.compile(
    r"^(?:(?:and|y|e) )?(?:(?:he|she|he's|she's|ella|ele|ela|his|her)\b|(?:is )?(?:called|named) |se llama\b|"
    r"el (?:es|tiene|usa|mide|pesa|calza|toma|come|vive|prefiere|necesita|no)\b|"
    r"(?:se |ele |ela )?chama(?:-se)?\b|su nombre\b|el nombre es|o nome (?:dele|dela)|"
    r"(?:ya |ja )?(?:tiene|tem|cumplio|fez) (?:\w+ )?\d+ (?:anos?|anitos|aninhos|mes(?:es)?|semanas?)\b|"
    r"pesa \d)"
)
# "Make it four bags": told to the shop, not of whoever was spoken of.
_ASKS_THE_SHOP = re.compile(
    r"^(?:(?:please|pls|so|and|ok|por favor|entonces|entao) )*(?:make it|make that|send|put|change|cancel|"
    r"add|set (?:me|us)|switch|keep|stop|manden?|mandame\w*|ponganme|pongame|cambi[ae]n?me|agreguen(?:me)?|"
    r"agregame|"
    r"passa|passem|muda|mudem|coloca|coloquem|troquem?|manda|mandem|aumenta|aumentem|bota)\b"
)
_I = re.compile(
    r"\b(?:i|i'm|im|i've|ive|we|yo|eu|tengo|soy|estoy|uso|quiero|necesito|compre|vivo|tenho|sou|estou|quero|"
    r"preciso|\w{3,}(?:amos|emos|imos)|troquei|vendi|mudei|peguei|passei|voltei|parei|deixei|ganhei|virei|fiz|faco|peco|peguei|"
    r"cambie|mude|volvi|pase|deje|gane|consegui|adopte|adotei|agarre|colgue|dejamos|mudamos|trocamos|"
    r"comprei|moro|queremos|vivimos|somos|busco|procuro|calzo|calco|prefiero|prefiro|voy|vou|vamos|corro|"
    r"mido|meco|me|[a-z]{2,}[^aeiou]ei|fiz|fui|tive|pus|dei|vim|"
    r"contrate|cancele|empece|comence|pague|saque|baje|subi|agregue|firme|reserve|inscribi|renove|hice|di|puse|"
    r"assino|pago|ahora como|ya como|agora como|puedo|posso|podemos|sigo|ando|hago|tomo|bebo|odio|evito|"
    r"sufro|padezco|duermo|durmo|viajo|nado|entreno|cocino|cozinho|dirijo|gosto|salgo|saio|compro|peco|alquilo|"
    r"rento|alugo|escribo|escrevo|leo|leio|monto|faco|trago|estudo|toco)\b|"
    r"^(?:(?:agora|hoje|ja|eu|e) )*(?:to|tou) (?:de|com|em|n[ao]|sem|\w+ndo)\b|"
    r"^(?:(?:just|finally|already|ok|so|now|also|then) )*(?:got|bought|borrowed|adopted|switched|swapped|"
    r"sold|quit|started|joined|signed|booked|paid|added|upgraded|downgraded|bumped|moved|registered|"
    r"cancell?ed|renewed|"
    r"passed|dropped|settled|ended up|landed|went|picked)\b"
)
_STRANGERS = re.compile(
    r"\b(friends?|colleague|co-?workers?|neighbou?rs?|boss|cousin|uncle|aunt|flatmate|roommate|amig[oa]s?|"
    r"colegas?|vecin[oa]s?|"
    r"vizinh[oa]s?|jef[ea]|chefe|prim[oa]s?|ti[oa]s?|compañer[oa]s?|companer[oa]s?|cunad[oa]s?|cunhad[oa]s?|"
    r"everyone|people|dicen|"
    r"dizem|someone|alguien|alguem)\b"
)
_OWNS = re.compile(
    r"\b(?:i have|i've got|ive got|we have|tengo|tenemos|tenho|temos|i own|adopt\w*|vivo con|moro com|soy|"
    r"sou|i'm a)\b"
)


_DECLARES = re.compile(
    r"^(?:(?:ja|ya|i|we) )?(?:cancelei|comprei|vendi|mudei|troquei|paguei|devolvi|cancele|compre|mude|cambie|"
    r"pague|cancelled|canceled|bought|sold|moved|switched|returned)\b|"
    r"^((but|and|pero|mas|e|y|now|also|ahora|agora|tambien|tambem|hoje|hoy) )*(i'?m|i (am|have|wear|live|"
    r"take|eat|"
    r"prefer)|my|mi|tengo|tenho|soy|sou|uso|vivo|moro|calzo|calco|virei|me volvi|me hice|prefiero|prefiro|"
    r"meu|"
    r"minha)\b"
)
_OUR_LITTLE = re.compile(r"^(the|el|la|o|a) (nene|nena|bebe|baby|kids?|nino|nina|menin[oa])\b")

_FEW = 6  # words of a clause that needs no other proof to go on about the same
_OF_ELSE = re.compile(
    r"(the|this|that|these|those|there|what|which|where|how|el|la|los|las|lo|est[aeo]s?|es[aeo]s?|que|cual|donde|como|"
    r"[oa]s?|ess[ae]s?|iss?to|isso|qual|onde)\b"
)


def declares(clause: str) -> bool:
    """Whether a (folded) clause tells of the speaker by its form, even before a question."""
    return _DECLARES.search(clause) is not None and _STRANGERS.search(clause) is None


def speaks_of_self(clause: str) -> bool:
    """Whether a (folded) clause is in the first person, or of what is the speaker's."""
    mine = _I.search(clause) is not None or _MINE.search(clause) is not None
    return mine and _STRANGERS.search(clause) is None


@lru_cache(maxsize=200)
def named(clause: str) -> str | None:
    """Who of the household a (folded) clause names as its topic; None when nobody."""
    found = [
        (m.start(), -m.end(), name) for name, pattern in _PEOPLE.items() if (m := pattern.search(clause))
    ]
    return min(found)[2] if found else None


def subject(
    clause: str,
    before: str | None,
    question: str = "",
    named_last: str | None = None,
    *,
    goes_on: bool = False,
) -> str:
    """`clause` and `question` folded; `before` is whom the clause before was about, to follow "he", "her".

    `goes_on`: it is in the same sentence, and about the same unless it names something else: "she's a 39,
    runs by the sea three times a week".
    `named_last`: whom the message named last, though the clause was about the customer: "food for my dog".
    """
    who = named(clause)
    first = _I.search(clause)
    alike = goes_on and _OF_ELSE.match(clause) is None
    if who is not None:
        owner = _MINE.search(clause) or first or _OUR_LITTLE.search(clause)
        about_me = first is not None and (
            _OWNS.search(clause) is not None or not clause.startswith(("my ", "mi "))
        )
        return CUSTOMER if about_me or owner is None else who
    if (
        before
        and before != CUSTOMER
        and not _ASKS_THE_SHOP.search(clause)
        and (_HE_SHE.search(clause) or (first is None and (len(clause.split()) <= _FEW or alike)))
    ):
        return before
    if named_last and _HE_SHE_FIRST.search(clause) and first is None:
        return named_last
    if question and first is None and (asked := _asked(question)):
        return asked
    return CUSTOMER


def _asked(question: str) -> str | None:
    for name, words in _WHO.items():
        if re.search(rf"\b(?:your|su|tu|sua|seu|el|la|o|a) (?:{words})\b", question):
            return name
    return None
