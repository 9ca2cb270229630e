"""The shop's pages and the chat token it hands to the person it takes the visitor for.

In a real shop the visitor signs in; here, since it is a demo, anybody may say who they are.
"""

import secrets
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from recuerda import customers
from recuerda.api.auth import Running, make_token
from recuerda.language import LANGUAGES, Language, from_locale
from recuerda.models import Assurance, IdentityKind
from recuerda.shop import catalogue, drawings
from recuerda.widget import FreshFiles
from recuerda.yaml_files import read_yaml

BRAND = "Vereda"
_HERE = Path(__file__).parent
_WHO, _LANGUAGE = "vereda_who", "vereda_lang"
_YEAR = 365 * 24 * 3600
_markdown = MarkdownIt("commonmark", {"html": False})
_templates = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
router = APIRouter(prefix="/shop", include_in_schema=False)


def install(app: FastAPI) -> None:
    app.mount("/shop/static", FreshFiles(directory=_HERE / "static"), name="shop-static")
    app.include_router(router)


@cache
def _texts(language: Language) -> dict[str, Any]:
    found: dict[str, Any] = read_yaml(_HERE / "text" / f"{language}.yaml")
    return found


def _who(request: Request) -> str:
    """The external id of a sample customer, or a visitor's own id."""
    return request.cookies.get(_WHO) or f"visitor-{secrets.token_hex(12)}"


def _language(request: Request, who: str) -> Language:
    person = catalogue.people().get(who)
    preferred = [request.cookies.get(_LANGUAGE), person["locale"] if person else None]
    preferred += [part.partition(";")[0].strip() for part in _accepted(request)]
    return next((language for locale in preferred if (language := from_locale(locale))), "en")


def _accepted(request: Request) -> list[str]:
    return request.headers.get("accept-language", "").split(",")


def _page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """Render; or, when the address says `as` or `lang`, keep that in a cookie and come back without it."""
    if request.query_params.get("as") or request.query_params.get("lang"):
        return _chosen(request)
    who = _who(request)
    language = _language(request, who)
    person = catalogue.people().get(who)
    currency = catalogue.currency_of(person, language)
    html = _templates.get_template(template).render(
        brand=BRAND,
        t=_texts(language),
        language=language,
        languages={code: _texts(code)["name"] for code in LANGUAGES},
        locale=catalogue.locale_of(person, language),
        person=person,
        people=catalogue.people(),
        path=request.url.path,
        draw=lambda product: f"/shop/drawings/{product.id}.svg",
        money=lambda product: catalogue.money(product, currency),
        **context,
    )
    response = HTMLResponse(html, status_code=status)
    if request.cookies.get(_WHO) != who:
        _keep(request, response, _WHO, who)
    return response


def _chosen(request: Request) -> Response:
    response = RedirectResponse(request.url.path, status_code=303)
    who, language = request.query_params.get("as"), from_locale(request.query_params.get("lang"))
    if who:
        known = who in catalogue.people()
        _keep(request, response, _WHO, who if known else f"visitor-{secrets.token_hex(12)}")
        response.delete_cookie(_LANGUAGE)  # each person brings their own
    if language:
        _keep(request, response, _LANGUAGE, language)
    return response


def _keep(request: Request, response: Response, name: str, value: str) -> None:
    secure = request.url.scheme == "https"
    response.set_cookie(name, value, max_age=_YEAR, httponly=True, samesite="lax", secure=secure)


@router.get("")
async def home(request: Request, kind: str = "", terrain: str = "", arch: str = "") -> Response:
    everything = list(catalogue.products().values())
    return _page(
        request,
        "home.html",
        found=catalogue.select(kind, terrain, arch),
        chosen={"kind": kind, "terrain": terrain, "arch": arch},
        terrains=catalogue.choices("terrain", everything),
        arches=catalogue.choices("arch_type", everything),
        hero=catalogue.products()["quebrada-alta"],
        made_for=catalogue.made_for(),
    )


@router.get("/products/{product_id}")
async def product(request: Request, product_id: str) -> Response:
    found = catalogue.products().get(product_id)
    if found is None:
        return _page(request, "missing.html", 404)
    alike = [p for p in catalogue.products().values() if p.kind == found.kind and p is not found]
    alike.sort(key=lambda p: -len(set(p.terrain + p.arch) & set(found.terrain + found.arch)))
    return _page(request, "product.html", product=found, alike=alike[:4])


@router.get("/drawings/{product_id}.svg")
async def drawing(product_id: str) -> Response:
    found = catalogue.products().get(product_id)
    if found is None:
        return Response(status_code=404)
    headers = {"Cache-Control": "max-age=3600"}
    return Response(drawings.draw(found), media_type="image/svg+xml", headers=headers)


@router.get("/help")
async def help_pages(request: Request) -> Response:
    return _page(request, "help.html", articles=catalogue.articles().values())


@router.get("/help/{article_id}")
async def help_page(request: Request, article_id: str) -> Response:
    article = catalogue.articles().get(article_id)
    if article is None:
        return _page(request, "missing.html", 404)
    others = [a for a in catalogue.articles().values() if a.language == article.language and a != article]
    others.sort(key=lambda a: a.topic != article.topic)
    html = Markup(_markdown.render(article.text))  # noqa: S704 - our own file, and HTML in it is escaped
    return _page(request, "article.html", article=article, html=html, others=others[:6])


@router.get("/token")
async def token(request: Request, recuerda: Running) -> dict[str, str]:
    """A chat token for whoever the visitor says they are; the customer is made when first needed."""
    who = _who(request)
    person = catalogue.people().get(who)
    kind = IdentityKind.EXTERNAL_ID if person else IdentityKind.VISITOR
    async with recuerda.db.write() as session:
        customer = await customers.resolve(
            session,
            {kind: who},
            name=person["name"] if person else None,
            locale=person["locale"] if person else None,
            assurance=Assurance.SIGNED,
        )
    signed, expires = make_token(recuerda.secrets[0], customer.id)
    return {"token": signed, "expires_at": expires.isoformat(), "customer_id": customer.id}


@router.get("/{path:path}")
async def missing(request: Request, path: str) -> Response:
    return _page(request, "missing.html", 404)
