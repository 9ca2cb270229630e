"""A message cut into clauses, with exact places.

Sentence ends always cut. Inside a sentence a small trained classifier says, for each gap between two
words, whether a clause ends there: in chats commas are missing or everywhere, and "y", "e", "and" join
words as often as clauses.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from recuerda.extraction.tokens import Token, hashed, shape, tokenize, words

SIZE = 1 << 13  # columns of the boundary classifier
Judge = Callable[[list[list[int]]], Sequence[float]]  # columns of each gap -> probability that it cuts

_ENDS = frozenset('.!?…;\n()[]“”"«»¿¡|')
_SHORTENED = words(
    "av ave avda dr dra sr sra srta mr mrs ms st sta jr ap apt apto incl tues weds thurs col prof no "
    "nro num r ing lic a b c d e f g h i j k l m n o p q s t u v w x y z"
)
_LEADING = words(
    "and but so because cause cuz cos also plus or then since as that which well y e o pero porque pq "
    "pues que entonces ademas tambien aunque asi mas porem entao tambem pois ou ni sino como ya eso si "
    "ok hi hello hey hola oi ola buenas bom boa dia tarde noite buenos dias tardes noches"
)


_SIZES = words("s m l g p")
_SIZED = words("size talla talle tamanho numero fralda panal an a uma una visto uso usa soy sou wear")
_TAGS = words("ok okay ta viu vale beleza blz dale please porfa pfv valeu")
_EASE = 0.3  # how much less it takes to cut there
_JOINTS = words(", y e and pero but mas")
_NEW_START = words(
    "ahora agora now ya me compre comprei bought tengo tenho vivo moro quiero quero prefiero prefiro soy sou "
    "estoy estou uso "
    "necesito preciso i i'm im i've i'll we my mi meu minha no nao don't dont gosto adoro trabajo trabalho "
    "corro treino entreno juego jogo toco estudio estudo calzo calco visto bebo tomo peso mido meco "
    "tenemos temos vivimos moramos somos usamos queremos"
)
_I_DID = re.compile(r"\w{3,}(?:ei|ci)")  # "e emagreci"
_ARTICLES = words("o a el la")
_ASKING = words(
    "cual cuales cuanto cuanta cuantos cuantas donde what which how where qual quais quanto quantos onde"
)
_INTERROGATIVE = _ASKING | words(
    "can could will would do does did is are was were am has have may should why when who puedo puede pueden "
    "podria como cuando por porque que quien hay es son van va posso pode podem tem sera da vao vai quando "
    "quem e"
)
_AGAIN = words("again nuevo vez novo still anyway igual todavia ainda")
_ANDS, _MINE = words("and y e"), words("my our mi mis nuestro nuestra meu minha meus minhas nosso nossa")
_COPULAS = words("is are es son está están é são tem tiene tienen has have weighs pesa mide mede")
_STREETS = words(
    "calle carrera cra cl kr av avda avenida rua travessa alameda jiron jr pasaje diagonal transversal "
    "street st road rd avenue ave lane drive estrada praca plaza close court way"
)
_UNITS = words(
    "apto apt ap apartamento depto dpto departamento piso flat unit suite floor bloco bloque torre casa "
    "interior"
)
_OF = words("de del da do la las los el d c")
# Words that join clauses and belong to neither.
_JOINS = words("and but because so y pero porque mas e")
_ACCENTED = words("só más è")  # and what looks like them without their accents
_ONLY = words("so solo solamente somente apenas unicamente")
_BY = words("por pelo pela pelos pelas com con en em no na nos nas de do da a al ao para pra pro")
_SO = words("a no do")  # behind an English "so"


@dataclass(frozen=True, slots=True)
class Clause:
    """`text[start:end]`, the sentence it is in, and its place among the message's clauses."""

    start: int
    end: int
    sentence: int
    asked: bool  # its sentence is a question
    quoted: bool  # inside quotation marks
    last: bool = True  # of its sentence: "I moved to Cusco, do you ship there?" asks at its end


def sentences(text: str, tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """Token ranges between sentence ends; signs included with what they end."""
    ranges, first = [], 0
    for i, token in enumerate(tokens):
        gap = text[token.end : tokens[i + 1].start] if i + 1 < len(tokens) else "\n"
        ends = token.text in _ENDS and not (token.text == "." and _shortened(tokens, i))
        if ends or "\n" in gap or _is_emoji(token) or _is_dash(text, token):
            ranges.append((first, i + 1))
            first = i + 1
    return ranges


def _shortened(tokens: Sequence[Token], i: int) -> bool:
    """Whether the full stop `i` is of a shortened word: "Av.", the M. of a name, not "size M." """
    if not i or tokens[i - 1].folded not in _SHORTENED:
        return False
    of_size = tokens[i - 1].folded in _SIZES and i > 1 and tokens[i - 2].folded in _SIZED
    return not of_size


def _is_emoji(token: Token) -> bool:
    return ord(token.text[0]) > 0x2190 and not token.is_word


def _is_dash(text: str, token: Token) -> bool:
    """Between two clauses; not the sign of a number."""
    around = text[token.start - 1 : token.end + 1]
    return token.text in "-–—" and len(around) > 2 and around[0].isspace() and around[-1].isspace()


def gap_features(tokens: Sequence[Token], first: int, last: int, i: int) -> list[str]:
    """What is around the gap before token `i`, within the sentence [first, last)."""

    def word(j: int) -> str:
        return tokens[j].folded if first <= j < last else "^" if j < first else "$"

    def form(j: int) -> str:
        return shape(tokens[j]) if first <= j < last else "^" if j < first else "$"

    a, b, c, d, e = (word(j) for j in (i - 2, i - 1, i, i + 1, i + 2))
    near = f"{form(i - 1)}|{form(i)}|{form(i + 1)}"
    return [
        f"-2{a}", f"-1{b}", f"+1{c}", f"+2{d}", f"+3{e}", f"-1+1{b} {c}", f"+1+2{c} {d}", f"-2-1{a} {b}",
        f"+123{c} {d} {e}", f"-1+2{b} {d}", f"s{near}", f"-s{form(i - 2)}|{form(i - 1)}", f"e-1{b[-3:]}",
        f"e+1{c[-3:]}", f"e+2{d[-3:]}", f"n{min(i - first, 8)}", f"m{min(last - i, 8)}",
        f"e{b[-2:]}|{c[-2:]}|{d[-2:]}",
        f"c{c}|{d[-3:]}", f"b{b}|{c[-2:]}", "bias",
    ]  # fmt: skip


def trim(tokens: Sequence[Token], first: int, last: int) -> tuple[int, int]:
    """Without signs at either end or connectors in front."""
    while first < last and not tokens[first].is_word and not _opens(tokens[first]):
        first += 1
    while last > first and (not tokens[last - 1].is_word or _trails(tokens, first, last)):
        last -= 1
    while (
        first < last - 1
        and (_joins(tokens[first]) or not tokens[first].is_word)
        and not _opens(tokens[first])
    ):
        first += 1
    return first, last


def _joins(token: Token) -> bool:
    return token.folded in _JOINS and token.text.lower() not in _ACCENTED


def _trails(tokens: Sequence[Token], first: int, last: int) -> bool:
    """Whether the last word joins what follows; "un ano mas." has nothing behind it."""
    more = tokens[last - 1].folded == "mas" and (last == len(tokens) or not tokens[last].is_word)
    return last - first > 1 and _joins(tokens[last - 1]) and not more


def _turns(tokens: Sequence[Token], i: int) -> bool:
    """A joint with a first-person verb or a turn in time behind it: "..., ahora uso S", "y compré un"."""
    return tokens[i - 1].folded in _JOINTS and tokens[i].folded in _NEW_START


def _tells_more(tokens: Sequence[Token], i: int, last: int) -> bool:
    """ "agora tô no Tatuapé e | emagreci", but not "comprei e | amei o vestido"."""
    did = tokens[i - 1].folded == "e" and _I_DID.fullmatch(tokens[i].folded) is not None
    return did and (i + 1 == last or not tokens[i + 1].is_word)


def _goes_on(tokens: Sequence[Token], first: int, last: int, i: int) -> bool:
    return (
        _names_it(tokens, i, last) or _of_address(tokens, first, i, last) or _only_by(tokens, first, i, last)
    )


def _only_by(tokens: Sequence[Token], first: int, i: int, last: int) -> bool:
    """ "Pago | só | por pix": the one way goes with what is done so."""
    only = i if tokens[i].folded in _ONLY else i - 1
    return (
        first < only < last - 1
        and tokens[only].folded in _ONLY
        and tokens[only - 1].is_word
        and tokens[only + 1].folded in _BY
        and not (tokens[only].text == "so" and tokens[only + 1].text in _SO)
    )


def _concludes(tokens: Sequence[Token], i: int) -> bool:
    """ "Somos seis en casa | así que busco una olla grande"."""
    return tokens[i].folded == "asi" and i + 1 < len(tokens) and tokens[i + 1].folded == "que"


def _names_it(tokens: Sequence[Token], i: int, last: int) -> bool:
    """Behind the comma is a name with its article, and no more: "tenho um gato idoso, o Chico"."""
    comma = i if tokens[i].text == "," else i - 1
    article, name, end = comma + 1, comma + 2, comma + 3
    return (
        tokens[comma].text == ","
        and name < last
        and tokens[article].folded in _ARTICLES
        and tokens[name].text[:1].isupper()
        and (end == last or not tokens[end].is_word)
    )


def _of_address(tokens: Sequence[Token], first: int, i: int, last: int) -> bool:
    """Behind a street and its number the comma goes on: "carrera 43A # 18-95, | apto 502, | Medellín"."""
    comma = i if tokens[i].text == "," else i - 1
    rest = [t for t in tokens[comma + 1 : min(comma + 4, last)] if t.text != "."]
    streets = [j for j in range(first, comma) if tokens[j].folded in _STREETS]
    if tokens[comma].text != "," or not rest or not streets:
        return False
    if not any(t.text[0].isdigit() for t in tokens[max(streets[0] - 2, first) : comma]):
        return False
    place = tokens[comma + 1 : next((j for j in range(comma + 1, last) if tokens[j].text == ","), last)]
    named = all(t.text[0].isupper() or t.folded in _OF or not t.is_word for t in place)
    return rest[0].folded in _UNITS or named


def _starts_to_ask(tokens: Sequence[Token], i: int, last: int) -> bool:
    """ "me compré un Kobo, | qué archivo bajo?" """
    asks = tokens[i].folded in _ASKING or tokens[i].text.lower() == "qué"
    return tokens[i - 1].text == "," and asks and tokens[last - 1].text == "?"


def _says_of_mine(tokens: Sequence[Token], i: int, last: int) -> bool:
    """Another trait begins: "my skin is oily | and my hair is curly"."""
    verb = any(t.text.lower() in _COPULAS for t in tokens[i + 1 : min(i + 4, last)])
    return tokens[i - 1].text.lower() in _ANDS and tokens[i].folded in _MINE and verb


def _opens(token: Token) -> bool:
    return token.text in "$€£#+@"


def cut(text: str, judge: Judge, threshold: float = 0.5) -> list[Clause]:
    tokens = tokenize(text)
    ranges = sentences(text, tokens)
    gaps = [(s, i) for s, (first, last) in enumerate(ranges) for i in range(first + 1, last)]
    columns = [hashed(gap_features(tokens, *ranges[s], i), SIZE) for s, i in gaps]
    likely = judge(columns) if columns else ()
    cuts = {
        i
        for (s, i), p in zip(gaps, likely, strict=True)
        if (p >= threshold - _EASE * _turns(tokens, i) and not _goes_on(tokens, *ranges[s], i))
        or _says_of_mine(tokens, i, ranges[s][1])
        or _starts_to_ask(tokens, i, ranges[s][1])
        or _tells_more(tokens, i, ranges[s][1])
        or _concludes(tokens, i)
    }
    clauses: list[Clause] = []
    quoted, asks = _quoted(text), _questions(text, tokens, ranges)
    for s, (first, last) in enumerate(ranges):
        edges = [first, *(i for i in range(first + 1, last) if i in cuts), last]
        parts = [trim(tokens, a, b) for a, b in pairwise(edges)]
        parts = [(a, b) for a, b in parts if a < b and not all(t.folded in _LEADING for t in tokens[a:b])]
        for part in parts:
            start, end = tokens[part[0]].start, tokens[part[1] - 1].end
            inside = any(q <= start < r for q, r in quoted)
            clauses.append(Clause(start, end, s, asks[s], inside, part is parts[-1]))
    return clauses


def _questions(text: str, tokens: Sequence[Token], ranges: Sequence[tuple[int, int]]) -> list[bool]:
    return [
        tokens[max(first - 1, 0)].text == "¿"
        # "Agora só de aveia, tá?" asks for nothing.
        or (
            tokens[last - 1].text == "?"
            and not (last - first > 3 and tokens[last - 2].folded in _TAGS)
            and not _cries_out(tokens, first, last)
        )
        for first, last in ranges
    ]


def _cries_out(tokens: Sequence[Token], first: int, last: int) -> bool:
    """ "I cancelled and you charged me again??": no question, though its signs are one's."""
    doubled = last < len(tokens) and tokens[last].text in "?!"
    said = {t.folded for t in tokens[first:last]}
    return doubled and bool(said & _AGAIN) and tokens[first].folded not in _INTERROGATIVE


_QUOTED = re.compile(r"[\"“«]([^\"“”«»\n]{3,})[\"”»]")


def _quoted(text: str) -> list[tuple[int, int]]:
    return [m.span(1) for m in _QUOTED.finditer(text)]
