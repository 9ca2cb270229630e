"""The brand's knowledge: put once, cut by structure, found in the asker's language, and silence otherwise."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recuerda.embeddings import SentenceEncoder
from recuerda.errors import BadInput, Unavailable
from recuerda.memory import Knowledge, NewDocument, vectors
from recuerda.memory.concepts import concepts
from recuerda.memory.kb import PassageVectors
from recuerda.memory.loaders import load, load_all, read_catalogue, read_csv, read_html, read_markdown
from recuerda.memory.passages import cut
from recuerda.memory.shelf import FLOOR
from recuerda.memory.spelling import Spelling, mend
from recuerda.memory.vectors import VectorIndex
from recuerda.settings import Settings
from tests.memory.stores import Words, database, memories

RETURNS = "## How long\n\nYou have 30 days to return shoes.\n\n## Refunds\n\nMoney is back in five days."
DEVOLUCIONES = "## Plazo\n\nTienes 30 días para devolver tus zapatillas."


def article(id: str, title: str, text: str, language: str = "en") -> NewDocument:
    return NewDocument(id=id, title=title, text=text, language=language, url=f"/help/{id}")  # type: ignore[arg-type]


@pytest.fixture
async def knowledge(tmp_path: Path) -> AsyncIterator[Knowledge]:
    settings = Settings(data_dir=tmp_path)
    db = await database(settings)
    yield Knowledge(db, SentenceEncoder(), settings)
    await db.close()


async def test_a_document_is_found_cited_replaced_and_removed(knowledge: Knowledge) -> None:
    assert await knowledge.search("refund", language="en") == []
    assert await knowledge.put(article("returns", "Returns", RETURNS))
    assert not await knowledge.put(article("returns", "Returns", RETURNS))
    [hit] = await knowledge.search("when is my money back after a refund?", language="en")
    assert (hit.document_id, hit.title, hit.url) == ("returns", "Returns › Refunds", "/help/returns")
    assert hit.score >= FLOOR
    assert await knowledge.put(article("returns", "Returns", RETURNS.replace("five", "nine")))
    [hit] = await knowledge.search("when is my money back after a refund?", language="en")
    assert "nine days" in hit.text
    [document] = await knowledge.documents(kind="article", language="en")
    assert document.version == 2
    assert await knowledge.remove("returns")
    assert not await knowledge.remove("returns")
    assert await knowledge.search("refund", language="en") == []


async def test_the_askers_language_comes_first_and_another_serves(knowledge: Knowledge) -> None:
    await knowledge.put_many(
        [article("returns", "Returns", RETURNS), article("devoluciones", "Devoluciones", DEVOLUCIONES, "es")]
    )
    spanish = await knowledge.search("¿cuántos días tengo para devolver?", language="es")
    assert spanish[0].document_id == "devoluciones"
    english = await knowledge.search("how many days do I have to return shoes?", language="en")
    assert english[0].document_id == "returns"
    portuguese = await knowledge.search("quantos dias tenho para devolver o tênis?", language="pt", floor=0.0)
    assert portuguese


async def test_what_the_shop_does_not_know_is_not_answered(knowledge: Knowledge) -> None:
    await knowledge.put(article("returns", "Returns", RETURNS))
    assert await knowledge.search("who won the world cup in 1986?", language="en") == []


async def test_a_long_message_brings_what_it_names(knowledge: Knowledge) -> None:
    fees = "The fee is charged every month unless the balance stays above the minimum. "
    await knowledge.put_many(
        [
            article(f"{name}-{n}", f"{name} Account{rest}", f"{name}. {fees}")
            for name in ("Light Blue", "Dark Green", "Navy")
            for n, rest in enumerate(
                (": fees and how to avoid them", " at a glance", ": paying by telephone")
            )
        ]
    )
    chatter = (
        "My sister moved to the coast last spring and we talk on the telephone every month about her garden. "
        "She grows tomatoes, two kinds of beans and a lemon that never gives lemons. "
        "I told her about the Light Blue Account while the neighbour sang, and she laughed a lot. "
    )
    first = (await knowledge.search(chatter, language="en"))[0]
    assert (first.document_id, first.score >= FLOOR) == ("Light Blue-1", True)
    assert await knowledge.search(chatter.replace("Light Blue", "other"), language="en") == []


async def test_a_long_message_brings_what_it_is_about_or_nothing(knowledge: Knowledge) -> None:
    await knowledge.put_many(
        [
            article("returns", "Returns", RETURNS),
            article("hours", "Opening hours", "We open at nine and close at six, on Sundays at two."),
            article(
                "care", "Shoe care", "Wash shoes by hand with cold water. Dry them away from the heater."
            ),
        ]
    )
    letter = (
        "Hello, I bought shoes from you for my brother, who lives abroad and came to see us in May. "
        "He tried the shoes on and they are too narrow, so he would like to return the shoes. "
        "How many days do we have to return shoes, and is the money back in days or in weeks? "
        "He wore the shoes once, indoors, on the carpet of my mother, and the box of the shoes is as it was. "
        "We would return them from here before his flight leaves, or he takes the shoes home and sends them "
        "by post, whatever is easier for you. His birthday was on Sunday, the shoes came on Friday. "
        "My mother says that shops give no money back, only vouchers; I told her that yours does. "
        "Thank you for the help with the return, and greetings to the lady who sold us the shoes. Marta."
    )
    hits = await knowledge.search(letter, language="en")
    assert hits[0].document_id == "returns"
    away = (
        "Hello, my brother lives abroad and came to see us for his birthday. We baked a cake with lemons "
        "from the garden, then the lights went out in all the village and we ate it by candle. "
        "The neighbours brought a guitar and songs from the time when we were small, and nobody went to bed "
        "before three. In the morning the dog had eaten what was left of the cake. Marta."
    )
    assert await knowledge.search(away, language="en") == []


async def test_kinds_narrow_the_search(knowledge: Knowledge) -> None:
    await knowledge.put(article("returns", "Returns", RETURNS))
    assert await knowledge.search("refund", language="en", kinds=["product"], floor=0.0) == []


def test_a_document_is_cut_at_its_headings() -> None:
    pieces = cut(
        "Guide", "Intro.\n\n## Sizes\n\n" + "A sentence about sizes. " * 60 + "\n\n### Kids\n\nSmall."
    )
    assert pieces[0].title == "Guide"
    assert {piece.title for piece in pieces} == {"Guide", "Guide › Sizes", "Guide › Sizes › Kids"}
    assert all(len(piece.text) <= 900 for piece in pieces)
    assert cut("Empty", "")[0].text == ""


def test_one_concept_in_three_languages() -> None:
    assert {"§return"} <= set(concepts("I changed my mind")) & set(
        concepts("quiero que me devuelvan la plata, me arrepentí")
    ) & set(concepts("quero meu dinheiro de volta"))


def test_markdown_with_front_matter() -> None:
    document = read_markdown(
        "a.md", "---\nid: envios\nlanguage: es\ntitle: Envíos\nurl: /e\ntopic: x\n---\n## Cuándo\n\nMañana."
    )
    assert (document.id, document.title, document.language, document.url) == ("envios", "Envíos", "es", "/e")
    assert document.data == {"topic": "x"}
    assert document.text.startswith("## Cuándo")


def test_html_keeps_structure_and_drops_furniture() -> None:
    document = read_html(
        "p.html",
        "<html lang=pt-BR><head><title>Trocas</title><script>x()</script></head><body><nav>menu</nav>"
        "<main><h2>Prazo</h2><p>30 dias.</p></main></body></html>",
    )
    assert (document.title, document.language) == ("Trocas", "pt")
    assert "## Prazo" in document.text
    assert "menu" not in document.text
    assert "x()" not in document.text


def test_csv_and_catalogue() -> None:
    [question] = read_csv("faq.csv", "question,answer\nHow do I wash them?,By hand with cold water.\n")
    assert (question.title, question.kind) == ("How do I wash them?", "article")
    assert question.id == "faq-1"
    english, spanish = read_catalogue(
        "shoes.json",
        '[{"id": "tambo", "name": "Tambo", "price": {"USD": 90},'
        ' "description": {"en": "For the gym.", "es": "Para el gimnasio."}}]',
    )
    assert (english.id, spanish.id, english.kind) == ("tambo:en", "tambo:es", "product")
    assert "90 USD" in english.text
    assert spanish.data is not None
    assert spanish.data["id"] == "tambo"


def test_no_file_silently_replaces_another(tmp_path: Path) -> None:
    for folder, text in (("es", "Enviamos en tres días."), ("en", "We ship in three days.")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "shipping.md").write_text(text)
    (tmp_path / "faq.csv").write_text("question,answer\nDo you ship?,Yes\nWhere?,To Lima\n")
    (tmp_path / "more.json").write_text('[{"title": "Warranty", "text": "Two years"}]')
    documents, bad = load_all(tmp_path, "en")
    assert {d.id for d in documents} == {"shipping", "faq-1", "faq-2", "more-1"}
    assert [error.detail.partition(":")[0] for error in bad] == ["shipping.md"]
    assert "the id shipping is taken already" in bad[0].detail


def test_files_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    (tmp_path / "x.docx").write_text("")
    with pytest.raises(BadInput, match="no known kind"):
        load(tmp_path / "x.docx", "en")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(BadInput, match=r"x\.json"):
        load(tmp_path / "x.json", "en")
    (tmp_path / "x.pdf").write_bytes(b"no pdf")
    with pytest.raises(BadInput, match="PDF"):
        load(tmp_path / "x.pdf", "en")


def test_one_file_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes("# Devolución".encode("latin-1"))
    (tmp_path / "b.json").write_text('[{"id": "x"}]')
    (tmp_path / "c.md").write_text("# Returns\n\nThirty days.")
    documents, bad = load_all(tmp_path, "en")
    assert [document.title for document in documents] == ["Returns"]
    assert [error.detail.split(" ")[0].rstrip(":") for error in bad] == ["a.md", "b.json"]


def test_a_pdf(tmp_path: Path) -> None:
    text = b"BT /F1 12 Tf 72 720 Td (Returns are free for 30 days.) Tj ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(text), text),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, held in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj%s endobj\n" % (number, held)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 6\n0000000000 65535 f \n%strailer<</Root 1 0 R/Size 6>>\nstartxref\n%d\n%%%%EOF"
    (tmp_path / "policy.pdf").write_bytes(body + end % (table, len(body)))
    [document] = load(tmp_path / "policy.pdf", "en")
    assert (document.id, document.language) == ("policy", "en")
    assert "Returns are free for 30 days." in document.text


async def test_mistyped_words_find_what_was_meant(knowledge: Knowledge) -> None:
    await knowledge.put_many(
        [article("returns", "Return policy", RETURNS), article("lights", "Lights", "Lamps for the night.")]
    )
    [hit, *_] = await knowledge.search("what is ur retrun polcy", language="en")
    assert hit.document_id == "returns"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("retrun", "return"),
        ("polcy", "policy"),
        ("retturn", "return"),
        ("repeat", "repeat"),
        ("reborn", "reborn"),
    ],
)
def test_only_slips_are_put_right(typed: str, meant: str) -> None:
    assert mend(typed, Spelling([("our return policy", "en")]).slips(typed, "en")) == meant


async def kept(vectors: VectorIndex) -> set[str]:
    async with vectors.upkeep.open() as shards:
        assert shards
        return set(shards.passages._collection().get(include=[])["ids"])


async def filled(knowledge: Knowledge, vectors: VectorIndex) -> None:
    """Asks, and waits for what that sets off."""
    await knowledge.search("refund", language="en")
    await asyncio.gather(*vectors.upkeep._tasks)


async def test_chroma_holds_the_passages_and_finds_what_exact_search_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "SCANNED", 0)
    async with memories(tmp_path) as (service, db):
        plain = Knowledge(db, Words(), Settings(data_dir=tmp_path))
        knowledge = Knowledge(db, Words(), Settings(data_dir=tmp_path), service.vectors)
        await knowledge.put_many(
            [article("returns", "Returns", RETURNS), article("care", "Care", "Cold water.")]
        )
        await filled(knowledge, service.vectors)
        assert len(await kept(service.vectors)) == 3
        near = await service.vectors.near_passages(
            (await knowledge._shelf()).vectors, Words().embed(["cold water"])[0], 2
        )
        assert near is not None
        assert len(near) == 2
        hits = await knowledge.search("money back refund", language="en", floor=0.0)
        exact = await plain.search("money back refund", language="en", floor=0.0)
        assert [hit.passage_id for hit in hits] == [hit.passage_id for hit in exact]
        assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in exact], abs=1e-4)
        await knowledge.remove("returns")
        await filled(knowledge, service.vectors)
        assert len(await kept(service.vectors)) == 1


async def test_a_lost_collection_is_filled_again_from_sql(tmp_path: Path) -> None:
    async with memories(tmp_path) as (service, db):
        knowledge = Knowledge(db, Words(), Settings(data_dir=tmp_path), service.vectors)
        await knowledge.put(article("returns", "Returns", RETURNS))
        await filled(knowledge, service.vectors)
        await service.reindex()  # drops it, as any mending does
        assert await knowledge.search("refund", language="en", floor=0.0)
        await filled(knowledge, service.vectors)
        assert len(await kept(service.vectors)) == 2
    shutil.rmtree(tmp_path / "chroma")
    async with memories(tmp_path) as (service, db):
        knowledge = Knowledge(db, Words(), Settings(data_dir=tmp_path), service.vectors)
        await filled(knowledge, service.vectors)
        assert len(await kept(service.vectors)) == 2


async def test_a_collection_that_fails_is_answered_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise Unavailable("Chroma failed to read.")

    async with memories(tmp_path) as (service, db):
        knowledge = Knowledge(db, Words(), Settings(data_dir=tmp_path), service.vectors)
        await knowledge.put(article("returns", "Returns", RETURNS))
        await filled(knowledge, service.vectors)
        monkeypatch.setattr(vectors, "SCANNED", 0)
        monkeypatch.setattr(PassageVectors, "nearest", fail)
        assert await knowledge.search("refund", language="en", floor=0.0)
