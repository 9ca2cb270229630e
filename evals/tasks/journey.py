"""The runner's story over HTTP: told once, remembered, reviewed, used the next day, private, forgotten."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from evals.tasks import Failure, Result, Sample, Task, read
from evals.tasks.world import World
from recuerda.demo import SHOP
from recuerda.language import fold

_PROMPT = 2.0  # seconds until facts appear, the embedded engine
_CATALOGUE: list[dict[str, Any]] = json.loads(SHOP.joinpath("catalogue.json").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Check:
    what: str
    passed: bool
    shown: str


@dataclass(slots=True)
class Story:
    """One telling. `script` is the dataset's record: what the runner says, and what must be known."""

    world: World
    script: Any
    checks: list[Check]
    said: list[str]

    def check(self, what: str, passed: bool, shown: object = "") -> None:
        self.checks.append(Check(what, passed, str(shown)))
        self.world.tell(f"  yes  {what}" if passed else f"  NO   {what}: {shown}")

    async def talk(self, conversation_id: str, text: str) -> dict[str, Any]:
        turn = await self.world.say(conversation_id, text)
        reply: dict[str, Any] = turn["reply"]
        lines = [f"customer: {text}", f"{reply['engine']}: {reply['text']}"]
        self.said += lines
        self.world.tell("\n".join(lines))
        return reply


async def solve(world: World, sample: Sample) -> Story:
    story = Story(world, sample.data, [], [])
    try:
        await _tell(story, sample)
    except httpx.HTTPStatusError as error:
        story.check("can be told to its end", False, error.response.text)
    return story


async def _tell(story: Story, sample: Sample) -> None:
    world, script = story.world, story.script
    first, customer = await world.open(f"runner-{sample.id}", script["locale"])
    known = await _told(story, first, customer)
    await _reviewed(story, known)
    await world.let_pass(customer, 1)
    second, _ = await world.open(f"runner-{sample.id}", script["locale"])
    await _used(story, second, known)
    await _private(story, sample)
    await _shown(story, second)
    await _forgotten(story, customer, first)


async def _told(story: Story, conversation: str, customer: str) -> dict[str, dict[str, Any]]:
    script = story.script
    reply = await story.talk(conversation, script["complaint"])
    story.check("answers in the customer's language", reply["language"] == script["lang"], reply["language"])
    seconds = await story.world.settle(conversation)
    facts = await story.world.facts(customer)
    known = {fact["attribute"]: fact for fact in facts}
    for attribute, value in script["facts"].items():
        fact = known.get(attribute)
        right = fact is not None and value in (None, fact["value"])
        story.check(f"remembers {attribute}", right, [f"{f['attribute']}={f['value']}" for f in facts])
    quotes = [(e["quote"], e["start"], e["end"]) for fact in facts for e in fact["evidence"]]
    exact = bool(quotes) and all(script["complaint"][start:end] == quote for quote, start, end in quotes)
    story.check("quotes the exact words", exact, quotes)
    if story.world.recuerda.extractor.name == "embedded":
        story.check(f"remembers within {_PROMPT:.0f} s", seconds <= _PROMPT, f"{seconds:.1f} s")
    return known


async def _reviewed(story: Story, known: dict[str, dict[str, Any]]) -> None:
    edit = {"decision": "edit", "statement": story.script["statement"], "reason": "clearer"}
    for attribute, decision in (("shoe_size", {"decision": "confirm"}), ("arch_type", edit)):
        if attribute in known:
            response = await story.world.http.post(
                f"/v1/facts/{known[attribute]['id']}/decisions", json=decision
            )
            done = response.status_code == 200 and response.json()["review"] == "done"
            story.check(f"an agent can {decision['decision']} {attribute}", done, response.status_code)


async def _used(story: Story, conversation: str, known: dict[str, dict[str, Any]]) -> None:
    reply = await story.talk(conversation, story.script["wants"])
    text = reply["text"]
    named = sorted((p for p in _CATALOGUE if p["name"] in text), key=lambda p: text.index(p["name"]))
    fits = named[0]["fits"] if named else {}
    story.check(
        "names a product made for high arches in that size",
        "high" in fits.get("arch_type", ()) and story.script["facts"]["shoe_size"] in fits["shoe_size"],
        [p["name"] for p in named],
    )
    why = any(fold(word) in fold(text) for word in story.script["why"])
    story.check("says why", why, text)
    wanted = {known[name]["id"] for name in story.script["facts"] if name in known}
    listed = set(reply["receipt"]["facts"])
    names = {fact["id"]: name for name, fact in known.items()}
    story.check(
        "the receipt lists those facts",
        bool(wanted) and wanted <= listed,
        sorted(names.get(id) or id for id in listed),
    )


async def _private(story: Story, sample: Sample) -> None:
    conversation, _ = await story.world.open(f"stranger-{sample.id}", story.script["locale"])
    reply = await story.talk(conversation, story.script["wants"])
    told = fold(reply["text"])
    story.check(
        "a second customer gets none of it",
        not reply["receipt"]["facts"] and fold(story.script["statement"]) not in told,
        reply["receipt"],
    )


async def _shown(story: Story, conversation: str) -> None:
    reply = await story.talk(conversation, story.script["about_me"])
    text = fold(reply["text"])
    size = story.script["facts"]["shoe_size"]
    remembered = size in text and any(fold(word) in text for word in story.script["why"])
    story.check("says what is remembered when asked", remembered, reply["text"])


async def _forgotten(story: Story, customer: str, conversation: str) -> None:
    http = story.world.http
    erased = await http.delete(f"/v1/customers/{customer}")
    gone = [
        (await http.get(path)).status_code
        for path in (f"/v1/customers/{customer}", f"/v1/conversations/{conversation}")
    ]
    status = ""
    for _ in range(int(5 * story.world.patience)):
        status = (await http.get(f"/v1/erasures/{erased.json()['erasure_id']}")).json()["status"]
        if status == "done":
            break
        await asyncio.sleep(0.2)
    story.check("DELETE removes it all", gone == [404, 404] and status == "done", [*gone, status])


def score(sample: Sample, story: Story) -> Result:
    checks: Sequence[Check] = story.checks
    passed = sum(check.passed for check in checks)
    missed = [check for check in checks if not check.passed]
    failure = None
    if missed:
        failure = Failure(
            "\n".join(story.said),
            "\n".join(check.what for check in missed),
            "\n".join(f"{check.what}: {check.shown}" for check in missed),
        )
    metrics = {"steps": (float(passed), float(len(checks))), "whole": (float(not missed), 1.0)}
    return Result(sample.id, sample.language, metrics, failure)


TASK = Task(
    "journey",
    "The runner's story over HTTP, told in three languages.",
    lambda: read("journeys"),
    solve,
    score,
    at_once=3,  # most of a story is waiting for its erasure
)
