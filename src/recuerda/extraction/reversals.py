"""Sentences that end what was true: "ya no soy vegetariana", "I sold the car", "it finally arrived"."""

import re

from recuerda.extraction.normalise import NOT
from recuerda.extraction.tokens import flat

_NO_LONGER = re.compile(
    r"\bno longer\b|\b(not|n't|never|nt)\b.{0,60}\bany ?more\b|\bused to\b|\b(i|we|i've|we've) (have "
    r")?(stopped|quit|gave up|given up)\b|"
    r"\bya no\b|\b(deje|dejamos|pare|parei|paramos) de\b|\bno\b.{0,50}\bmas\b$|\bja nao\b|"
    r"\bnao\b.{0,60}\bmais\b|"
    r"\b(nunca|never) mais\b|\bi'?m off\b|\bchanged my mind\b|\bcambie de (idea|opinion)\b|\bmudei de "
    r"ideia\b|"
    r"\bforget (about )?(the|my|it)\b|\bpodem? esquecer\b|\bolvide(n|nse)? (de )?(el|la|lo|mi)\b|"
    r"\bscrap (the|my)\b|\bme arrepent\w*|\bdesist\w+\b"
)
_STOPS = re.compile(
    r"\b(i|we|i've|we've)( had to| have| ended up)? (stop(ped)?|quit(ting)?|g[ai]ven? up|gave (it |"
    r"that )?up)\b|"
    r"\b(gave|given) (it|that) up\b|\b(lo|la) deje\b|\btuve que (dejar|parar)\w*|"
    r"\b(parei|larguei|abandonei|abandone|parei com|tive que (parar|largar)|larguei)\b|"
    r"\bdeje (el|la|los|las)\b"
)
_SWAP = re.compile(
    r"\b(?:traded|swapped|switched|replaced|exchanged|changed|cambie|cambiamos|reemplace|reemplazamos|"
    r"troquei|"
    r"trocamos|substitui)\b (?:in )?(?:from |de )?(?P<old>.{2,40}?) (?:in )?(?:for|to|with|por|pel[oa]s?|"
    r"para|pra|a) "
)
ADDS = re.compile(r"\b(also|too|as well|both|tambien|ademas|tambem|alem d\w+|another)\b")
_GONE = re.compile(
    r"\b(sold|got rid of|gave away|lost|donated|traded in|vendi|vendimos|vendemos|regale|regalamos|done|"
    r"doei|perdi|"
    r"dei embora|murio|fallecio|morreu|faleceu|died|passed away|put (him|her) down)\b"
)
_DONE: tuple[tuple[re.Pattern[str], frozenset[str], frozenset[str] | None], ...] = (
    (  # the parcel came
        re.compile(
            r"\b(finally |already |just |now )?(arrived|turned up|showed up|came today|got here|been "
            r"delivered|was delivered)\b|"
            r"\b(ya|por fin|al fin|finalmente) (me )?(llego|llegaron|aparecio|lo recibi|la recibi|los "
            r"recibi|lo entregaron)\b|"
            r"\b(ja|finalmente|enfim) (chegou|chegaram|recebi|entregaram)\b|\b(chegou|llego) (hoje|hoy|"
            r"ontem|ayer|tudo|todo) bem\b|"
            r"\b(llego|chegou) (todo|tudo)\b|\b(entregad|entregue)[oas]*\b (e|y) \w+"
        ),
        frozenset({"problem"}),
        frozenset({"not_received", "late", "missing_item"}),
    ),
    (  # it was put right
        re.compile(
            r"\b(works|working|work) (now|again|fine|perfectly)\b|\b(is|been|was|got|it's|all) (fixed|"
            r"solved|resolved|sorted)\b|"
            r"\b(ya|por fin) (funciona|anda|prende|quedo|se arreglo|se soluciono|esta (arreglad|solucionad|"
            r"resuelt)\w*|me lo cambiaron)\b|"
            r"\b(ja|agora) (funciona|esta funcionando|voltou|foi resolvid\w*|resolveram|consertaram|"
            r"arrumaram|resolvi|ta funcionando)\b|"
            r"\b(solucionad|resuelt|resolvid)[oa]\b|\bvoltou a funcionar\b|\bvolvio a funcionar\b"
        ),
        frozenset({"problem"}),
        None,
    ),
    (  # the return, exchange or refund is behind us
        re.compile(
            r"\b(already|i've|i have|just) (sent|returned|shipped|dropped)\b.{0,40}\b(back|return\w*|off)\b|"
            r"\balready returned\b|"
            r"\b(got|received|have) (my|the) (refund|money)\b|\brefund (arrived|came|went) ?(through|in)?\b|"
            r"\bya (l[oae]s? |las |los )?(devolvi|regrese|cambie|cambiaron|reembolsaron|me reembolsaron|me "
            r"devolvieron)\b|"
            r"\bya recibi (el|mi) (reembolso|dinero|plata)\b|\bme llego el reembolso\b|"
            r"\bja (devolvi|troquei|trocaram|recebi (o|meu) (reembolso|estorno|dinheiro)|reembolsaram|fui "
            r"reembolsad[oa])\b|"
            r"\bo (reembolso|estorno) (caiu|chegou)\b"
        ),
        frozenset({"return", "exchange", "refund"}),
        None,
    ),
    (  # bought what was looked for
        re.compile(
            r"\b(already|just) (bought|got|found) (it|them|one|some)\b|\bya (l[oa]s? )?(compre|consegui|"
            r"encontre)\b|"
            r"\bja (comprei|consegui|encontrei|achei)\b"
        ),
        frozenset({"buy"}),
        None,
    ),
)
_CUES = re.compile(
    f"{_NO_LONGER.pattern}|{_STOPS.pattern}|{_SWAP.pattern}|{_GONE.pattern}|"
    f"{'|'.join(p.pattern for p, _, _ in _DONE)}"
)


def reverses(text: str) -> bool:
    """Whether a clause takes something back; such clauses matter even when they barely look like facts."""
    return _CUES.search(flat(text)) is not None


def is_denial(value: str | None) -> bool:
    """`not vegetarian`, or a plan answered with `no`."""
    return value is not None and (value == "no" or value.startswith(NOT))


def opposite(value: str | None) -> str | None:
    """What a denial denies: `vegetarian`, `yes`."""
    if value is None or not is_denial(value):
        return None
    return "yes" if value == "no" else value.removeprefix(NOT)


def withdraws(text: str) -> bool:
    """ "I no longer ..." - the opposite of what its words name is now true."""
    said = flat(text)
    return _NO_LONGER.search(said) is not None or _STOPS.search(said) is not None


def swapped(text: str) -> str | None:
    """What was given for something else: "the Nikon" of "I traded the Nikon in for a Sony"."""
    found = _SWAP.search(flat(text))
    return found["old"] if found else None


_WHY = re.compile(r"\b(because|since|due to|porque|por|desde|ya que|pois|after|despues|depois)\b|[,;]")


def given_up(text: str) -> str | None:
    """What is no longer done, without the reason; "" when only "it", None when nothing is given up."""
    said = flat(text)
    found = _STOPS.search(said) or _NO_LONGER.search(said)
    if found is None:
        return None
    why = _WHY.search(said, found.end())
    kept = said[: why.start()] if why else said
    return "" if _STOPS.search(said) and not kept[found.end() :].strip() else _STOPS.sub(" ", kept)


def works_again(text: str) -> bool:
    """Put right, whatever it was; an arrival is no repair."""
    return _DONE[1][0].search(flat(text)) is not None


def came(text: str) -> bool:
    return _DONE[0][0].search(flat(text)) is not None


_INSTEAD = re.compile(
    r"\b(now|these days|nowadays|instead|from now on|switched to|put me on|would rather|i'd rather|"
    r"decided on|me puso|cambi(a|e|en)l[oa]s? por|troquem? por|ahora|actualmente|en vez de|de ahora en "
    r"mas|me pase a|"
    r"agora|atualmente|em vez de|de agora em diante|passei a|troquei por)\b"
)


def replaces(text: str) -> bool:
    """ "I prefer black now": what held before does not."""
    return _INSTEAD.search(flat(text)) is not None


def parted(text: str) -> bool:
    """Sold, lost, given away, died."""
    return _GONE.search(flat(text)) is not None


def settled(said: str) -> bool:
    """Whether a folded clause says that something is over and done."""
    return any(pattern.search(said) for pattern, _, _ in _DONE)


def settles(text: str, attribute: str, value: str | None) -> bool:
    """Whether `text` says that an intent or issue of this attribute is over."""
    said = flat(text)
    return any(
        attribute in attributes and (values is None or value in values) and pattern.search(said)
        for pattern, attributes, values in _DONE
    )
