"""The LLM engine: a model writes the reply from what the context holds.

The embedded engine drafts first: it chooses the product and the passage by rule, and it is who decides
that something is to be forgotten or handed to a person. The model says it better; it decides nothing,
and what it says is checked before it is shown (see `guard`).
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence

from recuerda import prompts
from recuerda.llm import ChatMessage, ChatModel
from recuerda.masking import mask
from recuerda.turns import Context, KnownFact, KnownMemory, KnownPassage, Used, guard
from recuerda.turns.embedded import EmbeddedEngine

_TRANSCRIPT = 6  # messages of this conversation the model sees


class LLMEngine:
    """Facts stand beside the customer's message, not in the system prompt alone: followed far more often
    there (PrefEval, Zhao et al. 2025)."""

    def __init__(self, model: ChatModel, drafter: EmbeddedEngine, hosts: Collection[str] = ()) -> None:
        """`hosts` may be linked to whatever the knowledge says."""
        self._model = model
        self._drafter = drafter
        self._hosts = hosts

    @property
    def name(self) -> str:
        return f"llm:{self._model.name}"

    async def reply(self, context: Context, used: Used) -> AsyncIterator[str]:
        draft = await asyncio.to_thread(self._drafter.compose, context, used)
        if used.exact or used.intent != "answer":
            yield draft  # what is being done is said as it is done, in words that are known to be true
            return
        draft = draft.removesuffix(used.question)
        facts = [fact for fact in context.facts if not fact.proposed]
        memories = _distinct([*context.memories, *context.orders])
        used.facts = [fact.id for fact in facts]
        used.memories = [memory.id for memory in memories]
        chosen = [p for p in context.products if p.document_id in used.knowledge]
        knowledge = [*chosen, *context.knowledge]
        used.knowledge = list(dict.fromkeys(passage.document_id for passage in knowledge))
        rules = prompts.reply_system(
            brand=context.brand, language=context.language, today=context.now, canary=guard.CANARY
        )
        messages = [
            ChatMessage("system", rules),
            *(
                ChatMessage("user" if said.author == "customer" else "assistant", mask(said.text))
                for said in context.transcript[-_TRANSCRIPT:]
            ),
            ChatMessage(
                "user",
                prompts.reply_turn(
                    message=mask(context.message),
                    language=context.language,
                    customer_name=context.customer_name,
                    facts=_fact_lines(facts),
                    memories=_memory_lines(memories),
                    knowledge=_knowledge_lines(knowledge),
                    draft=mask(draft),
                ),
            ),
        ]
        checked = guard.Guard(
            instructions=rules + messages[-1].content.rpartition("</message>")[2],
            shown="\n".join(message.content for message in messages[1:]),
            hosts={*self._hosts, *_hosts(knowledge)},
            products=[p.title for p in chosen if p.title in draft],
        )
        asks = False
        async for piece in self._model.stream(messages):
            asks = asks or "?" in piece
            if safe := checked.feed(piece):
                yield safe
        if rest := checked.finish():
            yield rest
        if asks:  # a yes to it would not be a yes to ours: ours is for another time
            used.ask, used.question = None, ""
        elif used.question:
            yield f"\n{used.question}"


def _hosts(passages: Sequence[KnownPassage]) -> set[str]:
    """The brand may be linked to where its own knowledge does."""
    written = (guard.hosts_in(passage.text) for passage in passages)
    return guard.hosts(passage.url for passage in passages).union(*written)


def _distinct(memories: Sequence[KnownMemory]) -> list[KnownMemory]:
    return list({memory.id: memory for memory in memories}.values())


def _fact_lines(facts: Sequence[KnownFact]) -> list[prompts.FactLine]:
    return [
        {
            "ref": f"F{number}",
            "statement": mask(fact.statement)
            + (f" ({fact.attribute}: {fact.value})" if fact.attribute and fact.value else ""),
            "quote": fact.quote,
            "said_on": fact.said_at.strftime("%Y-%m-%d"),
        }
        for number, fact in enumerate(facts, 1)
    ]


def _memory_lines(memories: Sequence[KnownMemory]) -> list[prompts.SourceLine]:
    return [
        {
            "ref": f"M{number}",
            "title": f"{memory.at:%Y-%m-%d} {memory.speaker or memory.kind}",
            "text": mask(memory.text),
        }
        for number, memory in enumerate(memories, 1)
    ]


def _knowledge_lines(passages: Sequence[KnownPassage]) -> list[prompts.SourceLine]:
    return [
        {"ref": f"K{number}", "title": passage.title, "text": passage.text}
        for number, passage in enumerate(passages, 1)
    ]
