"""Reads the histories of `histories/*.txt`, written by hand for this project.

= en-01 | trade | name of the customer | name of who answers   a customer; language: the file's
- 2024-01-09 18:20 web                                            a conversation
c#tag text        the customer speaks; `#tag` only where a question refers to it
a text            the other side speaks
* order 2024-01-11 #tag text                                      an item that is not part of a conversation
?s tag tag | question       s single-hop, m multi-hop, t temporal, p preference, n no answer
?s:es tag | question        asked in another language than the history's

and `pairs.txt`: one memory and one question a block, each in three languages, like those of
`evals.bench.cross_language`, which are no part of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from evals.bench.cross_language import pairs

from recuerda.language import LANGUAGES, Language
from recuerda.memory.index import Item

FOLDER = Path(__file__).parent / "histories"
PAIRS = Path(__file__).parent / "pairs.txt"
_START = datetime(2024, 1, 8, 12, tzinfo=UTC)
_TOGETHER = 40  # pairs of a made-up customer
_TALKS = (0, 1, 2, 2, 2, 3, 4, 4, 4, 4, 4, 5)  # which conversation each is of, over and over: some are alone
KINDS = {"s": "single-hop", "m": "multi-hop", "t": "temporal", "p": "preference", "n": "unanswerable"}
_LINE = re.compile(r"(?P<who>[ca])(?:#(?P<tag>\w+))? (?P<text>.+)")
_LONE = re.compile(r"\* (?P<kind>\w+) (?P<at>\S+) #(?P<tag>\w+) (?P<text>.+)")
_ASKED = re.compile(r"\?(?P<kind>\w)(?::(?P<language>\w\w))?(?P<tags>[^|]*)\| (?P<text>.+)")


@dataclass(frozen=True)
class Question:
    text: str
    kind: str
    language: Language
    relevant: tuple[str, ...]  # item ids


@dataclass
class Customer:
    id: str
    language: Language
    trade: str
    names: tuple[str, str]
    items: list[Item] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    family: str = ""  # customers who say the same things: what one of them teaches is no test for another

    @property
    def real(self) -> bool:
        """Whether it is somebody's history, and not pairs put together."""
        return not self.family

    @property
    def named(self) -> bool:
        return self.names[0] != "customer"

    @property
    def now(self) -> datetime:
        return max(item.at for item in self.items) + timedelta(days=3)


def customers(folder: Path = FOLDER) -> list[Customer]:
    return [customer for path in sorted(folder.glob("*.txt")) for customer in _read(path)]


def pair_customers(path: Path = PAIRS) -> list[Customer]:
    """Made-up customers who say the pairs' memories in one language and are asked in the others."""
    found, every = [], pairs(path)
    for start in range(0, len(every), _TOGETHER):
        for own in LANGUAGES:
            family = f"pairs-{start // _TOGETHER}"
            customer = Customer(f"{family}-{own}", own, "any", ("customer", "agent"), family=family)
            for n, pair in enumerate(every[start : start + _TOGETHER]):
                rounds, place = divmod(n, len(_TALKS))
                id_, talk = f"{customer.id}#{n}", f"{customer.id}:{rounds}:{_TALKS[place]}"
                at = _START + timedelta(days=3 * n)
                customer.items.append(Item(id_, pair.memory[own], at, "turn", "customer", talk, own))
                customer.questions += [
                    Question(pair.question[asked], "single-hop", asked, (id_,))
                    for asked in LANGUAGES
                    if asked != own
                ]
            found.append(customer)
    return found


def _read(path: Path) -> Iterator[Customer]:
    language = cast(Language, path.name[:2])
    for block in re.split(r"^= ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        head, *lines = block.strip().splitlines()
        id_, trade, name, other = (part.strip() for part in head.split("|"))
        customer = Customer(id_, language, trade, (name, other))
        conversation, at = "", datetime.min
        for line in filter(None, lines):
            if line.startswith("- "):
                _, day, hour, _ = line.split(" ")
                at = datetime.fromisoformat(f"{day}T{hour}").replace(tzinfo=UTC)
                conversation = f"{id_}:{day}T{hour}"
            elif line.startswith("?"):
                customer.questions.append(_question(line, customer))
            else:
                customer.items.append(_item(line, customer, conversation, at))
                at += timedelta(seconds=40)
        yield customer


def _item(line: str, customer: Customer, conversation: str, at: datetime) -> Item:
    number = len(customer.items)
    if match := _LONE.fullmatch(line):
        day = datetime.fromisoformat(match["at"]).replace(hour=12, tzinfo=UTC)
        id_ = f"{customer.id}#{match['tag']}"
        return Item(id_, match["text"], day, match["kind"], None, None, customer.language)
    match = _LINE.fullmatch(line)
    if not match:
        raise ValueError(f"{customer.id}: not understood: {line}")
    speaker = customer.names[match["who"] == "a"]
    id_ = f"{customer.id}#{match['tag'] or number}"
    return Item(id_, match["text"], at, "turn", speaker, conversation, customer.language)


def _question(line: str, customer: Customer) -> Question:
    match = _ASKED.fullmatch(line)
    known = {item.id for item in customer.items}
    relevant = tuple(f"{customer.id}#{tag}" for tag in match["tags"].split()) if match else ()
    if not match or not known.issuperset(relevant) or bool(relevant) == (match["kind"] == "n"):
        raise ValueError(f"{customer.id}: not understood: {line}")
    language = cast(Language, match["language"] or customer.language)
    return Question(match["text"], KINDS[match["kind"]], language, relevant)
