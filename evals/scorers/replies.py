"""Whether a reply does what is expected: intent, words, sources, language, and no invented number.

`expect`: `intent`; `mentions`, groups of which one wording each must occur; `not_mentions`; `knowledge`,
documents of which one must be used; `language`. What a record leaves out is not judged.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evals.tasks import Failure, Ratio, Result, Sample, yes
from recuerda.language import detect, fold
from recuerda.turns import Context, Used

_NUMBER = re.compile(r"\d+(?:[.,\u00a0\u202f]\d+)*")


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    used: Used
    context: Context


def score(sample: Sample, answer: Answer) -> Result:
    expect = sample.data["expect"]
    missing, metrics = [], dict[str, Ratio]()

    def judge(metric: str, right: bool, wanted: object) -> None:
        before = metrics.get(metric, (0.0, 0.0))
        metrics[metric] = (before[0] + right, before[1] + 1)
        if not right:
            missing.append(f"{metric}: {wanted}")

    text = fold(answer.text)
    if intent := expect.get("intent"):
        judge("intent", answer.used.intent == intent, intent)
    for group in expect.get("mentions", ()):
        wordings = [group] if isinstance(group, str) else group
        judge("mentions", any(fold(w) in text for w in wordings), " or ".join(wordings))
    for words in expect.get("not_mentions", ()):
        judge("avoids", fold(words) not in text, f"without {words}")
    if "knowledge" in expect:
        wanted = set(expect["knowledge"])
        used = set(answer.used.knowledge)
        judge("knowledge", bool(wanted & used) if wanted else not used, sorted(wanted) or "none")
    if language := expect.get("language"):
        judge("language", detect(_own_words(answer), language) == language, language)
    invented = sorted(_numbers(answer.text) - known_numbers(answer.context))
    judge("grounded", not invented, f"no number of its own, such as {', '.join(invented)}")
    metrics["right"] = yes(not missing)
    got = f"{answer.text}\n[{answer.used.intent}; knowledge {answer.used.knowledge}]"
    failure = Failure(sample.data["message"], "\n".join(missing), got) if missing else None
    return Result(sample.id, sample.language, metrics, failure)


def _own_words(answer: Answer) -> str:
    """Without what is another's: names of products, quoted words, addresses."""
    text = re.sub(r"«[^»]*»|“[^”]*”|\S*/\S+", " ", answer.text)
    for product in answer.context.products:
        text = text.replace(product.title, " ")
    return text


def _numbers(text: str) -> set[str]:
    """However they are written: 1.299.000 is 1299000, and 639,90 is 639.9. One digit may count something."""
    found = {_plain(match[0]) for match in _NUMBER.finditer(text)}
    return {number for number in found if len(number) > 1}


def _plain(number: str) -> str:
    whole = re.sub(r"[.,\u00a0\u202f](?=\d{3}(?!\d))", "", number)
    return f"{float(whole.replace(',', '.')):.10g}" if whole.count(",") + whole.count(".") < 2 else whole


def known_numbers(context: Context) -> set[str]:
    """Every number that stands in the message or the context, dates' parts included."""
    times: list[datetime] = [context.now]
    words: list[Any] = [context.message, *(s.text for s in context.transcript)]
    for fact in context.facts:
        words += [fact.statement, fact.value, fact.quote]
        times.append(fact.said_at)
    for item in (*context.memories, *context.orders):
        words += [item.text, item.data]
        times.append(item.at)
    for passage in (*context.knowledge, *context.products):
        words += [passage.title, passage.text, passage.data, passage.url]
    found = set().union(*(_numbers(str(word)) for word in words if word))
    for at in times:
        found |= {str(at.day), str(at.month), str(at.year), str(at.hour), str(at.minute)}
    return found
