"""Facts without a language model: clauses, their vectors, small classifiers, and the catalogue."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache

import numpy as np

from recuerda import masking
from recuerda.computing import computed
from recuerda.embeddings import Embedder, SentenceEncoder, Vectors
from recuerda.extraction import Draft, Turn
from recuerda.extraction.bars import CHANGED, SURE_CATEGORY, Judged, bar, hints, maybe, spare
from recuerda.extraction.catalogue import Catalogue, load_catalogue
from recuerda.extraction.clauses import Clause, cut
from recuerda.extraction.corrections import corrected, respells, takes_back
from recuerda.extraction.features import SIZE, Message
from recuerda.extraction.grave import eats_now, goes_without
from recuerda.extraction.guards import forbidden, sarcastic
from recuerda.extraction.mentioned import district, recalled, second_line
from recuerda.extraction.model import CATEGORIES, Model
from recuerda.extraction.normalise import Reading, inside, read_all
from recuerda.extraction.subjects import CUSTOMER, speaks_of_self, subject
from recuerda.extraction.subjects import named as whom
from recuerda.extraction.tokens import flat, hashed
from recuerda.language import Language, detect
from recuerda.models import Category, Sensitivity

_IRONIC = 0.3  # confidence of what is said with a wink, at most: a person looks
_CORRECTED = 0.9  # confidence of a value that puts right one said before
_BEFORE = 3  # turns that can make a number a secret
_BARE = 3  # words: of an answer that may say nothing by itself
_NUMBER_ALONE = re.compile(
    r"\d{1,3}|two|three|four|five|six|seven|eight|nine|ten|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|"
    r"dois|duas|quatro|sete|oito|nove|dez"
)


class EmbeddedExtractor:
    """Milliseconds a message on one core. `catalogue` is the shipped one unless the brand extends it."""

    name = "embedded"

    def __init__(self, embedder: Embedder | None = None, catalogue: Catalogue | None = None) -> None:
        self._given = embedder
        self._model = Model()
        self.catalogue = catalogue or load_catalogue()
        # A message is read for its reply, for its facts, and as context of those that follow.
        self._alone = lru_cache(maxsize=1000)(self._judge_alone)

    @cached_property
    def _embedder(self) -> Embedder:
        # The classifiers read the vectors they were trained on, whatever the brand uses for recall.
        given = self._given
        return (
            given if given is not None and given.name == self._model.weights.embedder else SentenceEncoder()
        )

    @property
    def fact_at(self) -> float:
        """Probability from which the classifier takes a clause for a fact, where no rule asks less."""
        return self._model.weights.fact_at

    async def extract(
        self,
        turns: Sequence[Turn],
        *,
        only: Collection[int] | None = None,
        language: Language | None = None,
        faint: bool = False,
    ) -> list[Draft]:
        size = sum(len(turn.text) for turn in turns if turn.role == "customer")
        return await computed(size, self.extract_now, turns, only, language, faint)

    def extract_now(
        self,
        turns: Sequence[Turn],
        only: Collection[int] | None = None,
        language: Language | None = None,
        faint: bool = False,
    ) -> list[Draft]:
        """The same, blocking."""
        spoken = language or detect(" ".join(t.text for t in turns if t.role == "customer"), "en")
        wanted = [i for i, t in enumerate(turns) if t.role == "customer" and (only is None or i in only)]
        judged = self.judge(turns, wanted)
        return [draft for i in wanted for draft in self.message(turns, i, judged[i], spoken, faint=faint)]

    def judge(self, turns: Sequence[Turn], wanted: Collection[int]) -> dict[int, list[Judged]]:
        """Every clause of the customer turns, fact or not; those of `wanted` in the light of the others."""
        said = {
            i: self._alone(turns[i].text, turns[i - 1] if i else None)
            for i, t in enumerate(turns)
            if t.role == "customer"
        }
        return {
            i: self._together(said[i], [j.odds for k, rest in said.items() if k != i for j in rest])
            for i in wanted
        }

    def _judge_alone(self, text: str, before: Turn | None) -> list[Judged]:
        clauses = cut(text, self._model.cuts, self._model.weights.cut_at)
        if not clauses:
            return []
        message = Message(text, clauses, before.text if before else "", before.role if before else None)
        texts = [text[c.start : c.end] for c in clauses]
        questions = [message.question if message.answers(k) else "" for k in range(len(clauses))]
        own, asked, whole = np.split(self._embed([*texts, *questions, *[text] * len(texts)]), 3)
        columns = [hashed(message.features(k), SIZE) for k in range(len(clauses))]
        odds, categories = self._model.judge(own, asked, whole, columns)
        return [
            Judged(c, t, q, float(o), 0.0, CATEGORIES[int(row.argmax())], float(row.max()), row)
            for c, t, q, o, row in zip(clauses, texts, questions, odds, categories, strict=True)
        ]

    def _together(self, message: Sequence[Judged], others: Sequence[float]) -> list[Judged]:
        if not message:
            return []
        odds, answers = [j.odds for j in message], [bool(j.question) for j in message]
        facts = self._model.together(odds, np.array([j.categories for j in message]), answers, others)
        return [replace(j, fact=float(f)) for j, f in zip(message, facts, strict=True)]

    def _embed(self, texts: Sequence[str]) -> Vectors:
        """Each different text once; the empty one is zeros."""
        different = sorted({t for t in texts if t})
        known = dict(zip(different, self._embedder.embed(different), strict=True))
        none = np.zeros(self._embedder.dimensions, np.float32)
        return np.array([known.get(t, none) for t in texts], np.float32)

    def message(
        self,
        turns: Sequence[Turn],
        i: int,
        judged: Sequence[Judged],
        language: Language,
        *,
        faint: bool = False,
    ) -> list[Draft]:
        """Facts of turn `i`, given its clauses as `judge` sees them."""
        barred = self.barred(turns, i, judged)
        clauses = [j.clause for j in judged]
        drafts: list[Draft] = []
        about: str | None = None
        spoken_of = _spoken_of(turns[:i])
        for k, item in enumerate(judged):
            goes_on = k > 0 and judged[k - 1].clause.sentence == item.clause.sentence
            about = subject(flat(item.text), about, flat(item.question), spoken_of, goes_on=goes_on)
            spoken_of = (about if about != CUSTOMER else whom(flat(item.text))) or spoken_of
            if k in barred:
                continue
            if fixed := corrected(turns, i, item.clause, self.catalogue):
                attribute, value = fixed
                right = attribute.category, attribute.name, value, _CORRECTED
                drafts.append(self._draft(item, turns[i].text, i, language, about, *right))
                continue
            found = self._clause(turns, i, item, language, about, faint=faint)
            if k and (named := recalled(item, judged[k - 1], self.catalogue, language)):
                found = [named(d) for d in found]
            if len(found) == 1 and district(found[0], drafts):
                found = [replace(found[0], attribute=None, value=None)]
            found = [
                replace(d, attribute=None, value=None) if second_line(d, turns[i].text) else d for d in found
            ]
            if sarcastic(turns[i].text, clauses, k):
                found = [replace(d, confidence=min(d.confidence, _IRONIC)) for d in found]
            drafts += found
        return drafts

    def barred(self, turns: Sequence[Turn], i: int, judged: Sequence[Judged]) -> Collection[int]:
        """The clauses of turn `i` that nobody may take for facts: secrets, orders, what is of others."""
        clauses = [j.clause for j in judged]
        secret = masking.spans(turns[i].text, just_before(turns, i))
        hidden = (k for k, c in enumerate(clauses) if any(s < c.end and e > c.start for s, e, _ in secret))
        return forbidden(turns[i].text, clauses) | {*hidden}

    def _clause(
        self, turns: Sequence[Turn], i: int, item: Judged, language: Language, about: str, *, faint: bool
    ) -> list[Draft]:
        text = turns[i].text
        readings = read_all(
            item.text, self.catalogue, item.category, maybe=maybe(item), question=item.question,
            context=" ".join(t.text for t in turns[: i + 1]), language=language,
            before=" ".join([*(t.text for t in turns[:i]), text[: item.clause.start]]),
        )  # fmt: skip
        # What may only be kept with consent decides what the whole clause is.
        readings = sorted(readings, key=self._plain)
        eats = eats_now(item.text, self.catalogue)
        if eats and not goes_without(item.text):  # "we can eat gluten again" is no gluten-free diet
            readings = [r for r in readings if not (r.value or "").endswith("_free")]
        reading = readings[0] if readings else None
        if reading is None and not item.question and _NUMBER_ALONE.fullmatch(flat(item.text)):
            return []  # three of what?
        respelt = respells(turns, i, item.clause)
        back = respelt or takes_back(turns, i, item.clause)
        own = about != CUSTOMER or speaks_of_self(flat(item.text))
        changed = CHANGED.search(flat(text)) is not None
        fact = respelt or item.fact >= bar(item, reading, self.fact_at, own=own, changed=changed, eats=eats)
        found = self._facts(item, reading, text, i, language, about) if fact else []
        if faint and (fact or hints(item, readings, back, own)):
            others: Sequence[Reading | None] = readings[1:] if fact else readings or [None]
            found += [
                replace(self._facts(item, other, text, i, language, about)[0], faint=True) for other in others
            ]
        elif faint and spare(item):
            (only, *_) = self._facts(item, reading, text, i, language, about)
            found.append(replace(only, faint=True, spare=True))
        return [replace(d, corrects=True) for d in found] if back else found

    def _plain(self, reading: Reading) -> bool:
        attribute = reading.attribute
        return self.catalogue.sensitivity(attribute.category, attribute.name) != Sensitivity.SPECIAL

    def _facts(
        self, item: Judged, reading: Reading | None, text: str, turn: int, language: Language, about: str
    ) -> list[Draft]:
        attribute, value = (reading.attribute.name, reading.value) if reading else (None, None)
        category = item.category
        if reading and reading.value is not None and item.certainty < SURE_CATEGORY:
            category = reading.attribute.category
        first = self._draft(item, text, turn, language, about, category, attribute, value, item.fact)
        found = [replace(first, unnamed=reading is not None and reading.unnamed)]
        for extra in inside(item.text, self.catalogue):
            if reading and extra.attribute.of and reading.attribute.of and extra.value == value:
                continue  # one size is of one thing
            if extra.attribute.name != attribute and extra.span and extra.span != (0, len(item.text)):
                start, end = (item.clause.start + s for s in extra.span)
                part = Clause(start, end, item.clause.sentence, False, False)
                piece = replace(
                    item, clause=part, text=text[start:end], question="", category=extra.attribute.category
                )
                found.append(
                    self._draft(
                        piece, text, turn, language, about, extra.attribute.category,
                        extra.attribute.name, extra.value, item.fact,
                    )
                )  # fmt: skip
        return found

    def _draft(
        self, item: Judged, text: str, turn: int, language: Language, about: str, category: Category,
        attribute: str | None, value: str | None, confidence: float,
    ) -> Draft:  # fmt: skip
        start, end = item.clause.start, item.clause.end
        sensitivity = self.catalogue.sensitivity(category, attribute)
        statement = _statement(item, language, clear=self._tells(item, language))
        return Draft(
            category=category, attribute=attribute, value=value, statement=statement, language=language,
            subject=about, quote=text[start:end], turn=turn, start=start, end=end,
            confidence=round(confidence, 3), sensitivity=Sensitivity(sensitivity),
        )  # fmt: skip

    def _tells(self, item: Judged, language: Language) -> bool:
        """Whether a value can be read from the clause without the question before it."""
        short = len(item.text.split()) <= _BARE and item.question
        return not short or any(
            reading.value is not None
            for reading in read_all(item.text, self.catalogue, item.category, language=language)
        )


def _spoken_of(before: Sequence[Turn]) -> str | None:
    """Whom of the household the customer named last, a few turns ago at most: who "she" is."""
    said = [turn.text for turn in before if turn.role == "customer"][-_BEFORE:]
    return next((who for text in reversed(said) if (who := whom(flat(text)))), None)


def just_before(turns: Sequence[Turn], i: int) -> str:
    """What was said just before turn `i`: the words that can make a number in it a secret."""
    return " ".join(t.text for t in turns[max(0, i - _BEFORE) : i])


def _statement(item: Judged, language: Language, *, clear: bool) -> str:
    """The clause; a bare answer carries its question, or it would not be `clear` what it is about."""
    said = re.sub(r"\s+", " ", item.text).strip()
    said = said[:1].upper() + said[1:]
    if item.question and not clear and not speaks_of_self(flat(said)):
        return f"{said} ({'¿' if language == 'es' else ''}{item.question.strip()})"
    return said
