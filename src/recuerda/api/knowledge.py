"""The brand's knowledge."""

from typing import Annotated

from fastapi import Path, Query, Response

from recuerda.api.auth import BrandMayTendKnowledge, Running, api_router
from recuerda.api.fields import Locale, Page
from recuerda.api.schemas import Created, KnowledgeView, NewKnowledge
from recuerda.errors import NotFound
from recuerda.language import detect, from_locale
from recuerda.memory import NewDocument

DocumentId = Annotated[str, Path(pattern=r"^[\w.:@-]+$", max_length=200)]
router = api_router("/v1/knowledge", tag="knowledge")


@router.put("/{document_id}", responses={503: {}})
async def put(
    document_id: DocumentId,
    body: NewKnowledge,
    recuerda: Running,
    asking: BrandMayTendKnowledge,
) -> Created:
    """Add or replace an article, policy or product. Putting the same again does nothing."""
    await recuerda.knowledge.put(
        NewDocument(
            id=document_id,
            kind=body.kind,
            title=body.title,
            text=body.text,
            url=body.url,
            language=from_locale(body.language) or recuerda.settings.default_language,
            data=body.data,
        )
    )
    return Created(id=document_id)


@router.delete("/{document_id}", status_code=204)
async def remove(document_id: str, recuerda: Running, asking: BrandMayTendKnowledge) -> Response:
    if not await recuerda.knowledge.remove(document_id):
        raise NotFound("There is no knowledge with this id.")
    return Response(status_code=204)


@router.get("", responses={503: {}})
async def search(
    recuerda: Running,
    asking: BrandMayTendKnowledge,
    q: Annotated[str, Query(min_length=1, max_length=2000)],
    language: Locale | None = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 5,
) -> Page[KnowledgeView]:
    """Passages that answer `q`, best first; nothing when we do not know."""
    spoken = from_locale(language) or detect(q, recuerda.settings.default_language)
    hits = await recuerda.knowledge.search(q, language=spoken, limit=limit)
    return Page(
        items=[
            KnowledgeView(
                id=hit.document_id,
                title=hit.title,
                text=hit.text,
                kind=hit.kind,
                language=hit.language,
                url=hit.url,
                score=hit.score,
            )
            for hit in hits
        ]
    )
