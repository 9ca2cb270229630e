"""The customer turns memory off and on in the chat: at once, in three languages, and with a way back."""

from typing import Any

import pytest
from sqlmodel import col, select

from recuerda import conversations
from recuerda.models import Job, JobState, Memory, Message
from recuerda.settings import Settings
from recuerda.turns.embedded.reading import sure_intent
from recuerda.turns.learn import Learner
from tests.conftest import Shop, run_shop
from tests.fakes import FakeModel

OFF = {
    "es-CO": ("Uso talla 42", "No guardes nada de esta conversación", "Corro en montaña", "deshacer"),
    "en-US": ("I wear size 9", "Please don't remember this conversation.", "I run on trails", "undo"),
    "pt-BR": ("Calço 42", "não guarde nada desta conversa", "Corro em trilha", "desfazer"),
}
STOP = {
    "es-CO": ("Uso talla 42", "Deja de recordarme cosas", "Corro en montaña", "puedes volver a recordar"),
    "en-US": ("I wear size 9", "stop remembering", "I run on trails", "you may remember again"),
    "pt-BR": ("Calço 42", "Pare de lembrar", "Corro em trilha", "pode voltar a lembrar"),
}


async def said(shop: Shop, conversation: str, text: str) -> dict[str, Any]:
    reply: dict[str, Any] = (await shop.say(conversation, text))["reply"]
    await shop.settle(conversation)
    return reply


async def known(shop: Shop, customer: str) -> dict[str, str]:
    return {f["attribute"]: f["status"] for f in await shop.facts(customer)}


async def recalled(shop: Shop, customer: str, q: str) -> list[str]:
    found = await shop.http.get(f"/v1/customers/{customer}/recall", params={"q": q, "limit": 50})
    return [item["text"] for item in found.json()["items"]]


@pytest.mark.parametrize("locale", OFF)
async def test_a_conversation_off_the_record(shop: Shop, locale: str) -> None:
    size, off, terrain, undo = OFF[locale]
    conversation = await shop.open(locale, locale)
    customer = await shop.customer_of(conversation)
    await said(shop, conversation, size)
    assert await recalled(shop, customer, size)
    reply = (await shop.say(conversation, off))["reply"]  # at once: not when the work has settled
    assert await known(shop, customer) == {"shoe_size": "forgotten"}
    assert await recalled(shop, customer, size) == []
    assert undo in reply["text"]
    assert reply["receipt"]["act"] == "off_record"
    view = (await shop.http.get(f"/v1/conversations/{conversation}")).json()
    assert view["remember"] is False
    await said(shop, conversation, terrain)
    assert await known(shop, customer) == {"shoe_size": "forgotten"}
    async with shop.recuerda.db.read() as session:
        assert (await session.exec(select(Memory.text))).all() == []
    await said(shop, conversation, undo)  # it was a mistake: also what was said since is learnt
    assert await known(shop, customer) == {"shoe_size": "active", "terrain": "active"}
    assert size in await recalled(shop, customer, size)
    assert (await shop.http.get(f"/v1/conversations/{conversation}")).json()["remember"] is True


@pytest.mark.parametrize("locale", STOP)
async def test_a_customer_who_wants_nothing_new_remembered(shop: Shop, locale: str) -> None:
    size, stop, terrain, again = STOP[locale]
    conversation = await shop.open(locale, locale)
    customer = await shop.customer_of(conversation)
    await said(shop, conversation, size)
    reply = await said(shop, conversation, stop)
    assert again in reply["text"]
    assert (await shop.http.get(f"/v1/customers/{customer}")).json()["remember"] is False
    other = await shop.open(locale, locale)
    await said(shop, other, terrain)
    assert await known(shop, customer) == {"shoe_size": "active"}  # what was known stays
    assert terrain not in await recalled(shop, customer, terrain)
    await said(shop, other, again)
    assert (await shop.http.get(f"/v1/customers/{customer}")).json()["remember"] is True
    await said(shop, other, terrain)
    assert await known(shop, customer) == {"shoe_size": "active", "terrain": "active"}


async def test_what_another_conversation_says_too_stays(shop: Shop) -> None:
    first, second = await shop.open(), await shop.open()
    customer = await shop.customer_of(first)
    await said(shop, first, "Uso talla 42")
    await said(shop, second, "Como siempre, uso talla 42. Y corro en montaña")
    await said(shop, second, "no recuerdes esta conversación")
    assert await known(shop, customer) == {"shoe_size": "active", "terrain": "forgotten"}
    [size] = [f for f in await shop.facts(customer) if f["attribute"] == "shoe_size"]
    assert {e["conversation_id"] for e in size["evidence"]} == {first}  # its words here are not shown


async def test_work_already_begun_honours_it(settings: Settings) -> None:
    """The learning of a message is under way, past its slow part, when the customer says not to."""
    async with run_shop(settings) as shop:
        await shop.recuerda.worker.stop()
        conversation = await shop.open()
        customer = await shop.customer_of(conversation)
        await shop.say(conversation, "Uso talla 42")
        async with shop.recuerda.db.read() as session:
            job = (await session.exec(select(Job).where(Job.kind == "learn"))).one()
        learner = shop.recuerda.worker._handlers["learn"].__self__  # type: ignore[attr-defined]
        assert isinstance(learner, Learner)
        write = await learner.learn(job.payload)
        assert write is not None
        await shop.say(conversation, "no guardes nada de esta conversación")
        async with shop.recuerda.db.write() as session:
            await write(session)
        assert await shop.facts(customer) == []
        assert await learner.learn(job.payload) is None  # nor is it read by an extractor any more
        async with shop.recuerda.db.read() as session:
            assert (await session.exec(select(Memory.id))).all() == []


async def test_with_a_person_the_switch_still_works(shop: Shop) -> None:
    conversation = await shop.open()
    customer = await shop.customer_of(conversation)
    await said(shop, conversation, "Uso talla 42")
    async with shop.recuerda.db.write() as session:
        await conversations.hand_off(session, conversation, to_agent=True)
    assert (await shop.say(conversation, "¿Cuánto cuesta el envío?"))["reply"] is None
    assert (await said(shop, conversation, "no guardes esta conversación"))["receipt"]["act"] == "off_record"
    assert await known(shop, customer) == {"shoe_size": "forgotten"}
    assert (await said(shop, conversation, "deshacer"))["receipt"]["act"] == "undo"
    assert await known(shop, customer) == {"shoe_size": "active"}


async def test_the_model_decides_nothing_of_it(settings: Settings) -> None:
    model = FakeModel("Anotado.")
    async with run_shop(settings.model_copy(update={"engine": "llm"}), model=model) as shop:
        conversation = await shop.open()
        await said(shop, conversation, "Uso talla 42")
        await said(shop, conversation, "no guardes nada de esta conversación")
        assert await known(shop, await shop.customer_of(conversation)) == {"shoe_size": "forgotten"}
    assert len(model.asked) == 1


async def test_its_vectors_leave_the_index(settings: Settings) -> None:
    async with run_shop(settings) as shop:
        await shop.recuerda.memories.ready()
        conversation = await shop.open()
        await said(shop, conversation, "Uso talla 42")
        assert (await shop.recuerda.memories.status())["indexed"] == 2
        await said(shop, conversation, "no guardes nada de esta conversación")
        assert (await shop.recuerda.memories.status())["indexed"] == 0


@pytest.mark.parametrize(
    "text",
    [
        "no recuerdo mi talla",
        "olvida mi talla",
        "stop remembering my e-mail",
        "don't save my address",
        "I don't remember this conversation we had",
        "¿guardan las conversaciones?",
        "do you store our chats?",
        "no guardes mi dirección",
        "não lembro desta conversa",
        "quero guardar esta jaqueta",
        "puedes recordarme mi talla?",
        "you can remember my size again",
    ],
)
def test_what_turns_nothing_off(text: str) -> None:
    assert sure_intent(text) is None


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("forget everything I said in this chat", "off_record"),
        ("this conversation should not be saved", "off_record"),
        ("Let's keep this off the record", "off_record"),
        ("do not store anything from our conversation please", "off_record"),
        ("olvida todo lo que dije en esta conversación", "off_record"),
        ("por favor no registres este chat", "off_record"),
        ("no quiero que quede guardada esta conversación", "off_record"),
        ("esquece tudo que eu disse nesta conversa", "off_record"),
        ("não quero que salve este chat", "off_record"),
        ("Don't remember anything about me anymore", "stop_memory"),
        ("I don't want you to remember me. Stop recording things about me!", "stop_memory"),
        ("turn off your memory", "stop_memory"),
        ("no recuerdes nada más de mí", "stop_memory"),
        ("para de guardar lo que te digo", "stop_memory"),
        ("não guarde mais nada sobre mim", "stop_memory"),
        ("para de lembrar de mim", "stop_memory"),
        ("you can start remembering again", "resume_memory"),
        ("please remember me again", "resume_memory"),
        ("vuelve a recordarme", "resume_memory"),
        ("ya pueden recordar cosas otra vez", "resume_memory"),
        ("volte a lembrar de mim", "resume_memory"),
        ("você pode lembrar de mim de novo", "resume_memory"),
    ],
)
def test_ways_to_say_it(text: str, intent: str) -> None:
    assert sure_intent(text) == intent


ADDRESS = {
    "es-CO": ("Vivo en la calle 45 # 12-30, Bogotá", "olvida mi dirección", "deshacer"),
    "en-US": ("My address is 12 Main Street, Austin", "forget my address", "undo"),
    "pt-BR": ("Meu endereço é Rua das Flores, 120, Recife", "esqueça meu endereço", "desfazer"),
}


@pytest.mark.parametrize("locale", ADDRESS)
async def test_forget_my_address_and_undo(shop: Shop, locale: str) -> None:
    told, forget, undo = ADDRESS[locale]
    conversation = await shop.open(locale, locale)
    customer = await shop.customer_of(conversation)
    await said(shop, conversation, told)
    assert (await known(shop, customer))["address"] == "active"
    reply = (await shop.say(conversation, forget))["reply"]
    assert undo in reply["text"]
    assert (await known(shop, customer))["address"] == "forgotten"
    await shop.say(conversation, undo)
    assert (await known(shop, customer))["address"] == "active"


WRONG = {
    "es-CO": ("Uso talla 42", "¿Qué sabes de mí?", "Eso está mal, soy 43"),
    "en-US": ("I wear size 42", "What do you know about me?", "That's wrong, I'm a 43"),
    "pt-BR": ("Calço 42", "O que você sabe sobre mim?", "Está errado, calço 43"),
}


@pytest.mark.parametrize("locale", WRONG)
async def test_that_is_wrong_corrects_and_says_so(shop: Shop, locale: str) -> None:
    told, ask, wrong = WRONG[locale]
    conversation = await shop.open(locale, locale)
    customer = await shop.customer_of(conversation)
    await said(shop, conversation, told)
    await said(shop, conversation, ask)
    reply = await said(shop, conversation, wrong)
    assert "43" in reply["text"]
    assert "42" in reply["text"]  # "43 instead of 42"
    sizes = {f["value"]: f for f in await shop.facts(customer) if f["attribute"] == "shoe_size"}
    assert sizes["43"]["status"] == "active"
    assert sizes["42"]["status"] == "superseded"
    assert sizes["42"]["superseded_by"] == sizes["43"]["id"]
    assert sizes["43"]["evidence"][0]["quote"] in wrong


async def test_a_merge_keeps_the_wish_not_to_be_remembered(shop: Shop) -> None:
    one, other = await shop.open("one"), await shop.open("other")
    await said(shop, other, "deja de recordarme cosas")
    customer, merged = await shop.customer_of(one), await shop.customer_of(other)
    await shop.http.post(f"/v1/customers/{customer}/merges", json={"other_id": merged})
    assert (await shop.http.get(f"/v1/customers/{customer}")).json()["remember"] is False
    async with shop.recuerda.db.read() as session:
        jobs = (await session.exec(select(Job.state).where(col(Job.kind) == "learn"))).all()
        assert set(jobs) == {JobState.DONE}
        assert len((await session.exec(select(Message.id))).all()) == 2


OTHER = {
    "es-CO": ("Uso talla 41", "olvídate de que uso 43"),
    "en-US": ("I wear size 41", "forget that I'm a size 43"),
    "pt-BR": ("Calço 41", "esquece que eu calço 43"),
}


@pytest.mark.parametrize("locale", OTHER)
async def test_another_value_than_the_one_stored_is_not_forgotten(shop: Shop, locale: str) -> None:
    told, forget = OTHER[locale]
    conversation = await shop.open(f"other-{locale}", locale)
    customer = await shop.customer_of(conversation)
    await said(shop, conversation, told)
    reply = (await shop.say(conversation, forget))["reply"]
    assert not reply["receipt"].get("forgot")
    assert (await known(shop, customer))["shoe_size"] == "active"


async def test_what_is_over_is_looked_at_when_somebody_goes_back_to_it(shop: Shop) -> None:
    """What is current tells nothing of Tuesdays: what is over does."""
    conversation = await shop.open()
    customer = await shop.customer_of(conversation)
    for text in (
        "I train on Tuesdays at 6",
        "I can't train on Tuesdays any more, I only come on Saturdays now",
        "I'm training on Tuesdays again",
    ):
        await said(shop, conversation, text)
    facts = {f["statement"]: f["status"] for f in await shop.facts(customer)}
    assert facts["I only come on Saturdays now"] == "superseded"
    assert facts["I'm training on Tuesdays again"] == "active"
