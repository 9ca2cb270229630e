"""Files to documents: Markdown with front matter, HTML, PDF, CSV and JSON catalogues.

HTML is turned to Markdown by markdownify (MIT), PDF read by pypdf (BSD); both are imported when needed.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from recuerda.errors import BadInput
from recuerda.language import LANGUAGES, Language, detect, from_locale
from recuerda.memory.knowledge import NewDocument

_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"^#\s+(.+?)\s*#*$", re.MULTILINE)
_PRICE: dict[Language, str] = {"en": "Price", "es": "Precio", "pt": "Preço"}
# What a column or key is called by those who export catalogues and questions; the first that is there.
_ID = ("id", "sku", "slug", "handle")
_TITLE = ("title", "name", "question", "título", "titulo", "nombre", "nome", "pregunta", "pergunta")
_TEXT = (
    "text",
    "description",
    "answer",
    "body",
    "texto",
    "descripción",
    "descripcion",
    "descrição",
    "respuesta",
)
_URL = ("url", "link", "href")


def load_all(path: Path, otherwise: Language) -> tuple[list[NewDocument], list[BadInput]]:
    """The documents of a file, or of every file under a folder that is of a known kind; and what is wrong
    with each file that cannot be read, or says again what another file is called.

    `otherwise` is the language of texts that neither say nor show theirs.
    """
    files = [path]
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in _READERS)
    documents: dict[str, NewDocument] = {}
    bad: list[BadInput] = []
    for file in files:
        try:
            found = _load(file, otherwise)
        except BadInput as error:
            bad.append(error)
            continue
        twice = [document.id for document in found if documents.setdefault(document.id, document) != document]
        if twice:  # one would silently replace the other
            bad.append(
                BadInput(
                    f"{file.name}: the id {twice[0]} is taken already, by a file or record before it. "
                    "Give each an `id` of its own, or name the file otherwise."
                )
            )
    return list(documents.values()), bad


def load(path: Path, otherwise: Language) -> list[NewDocument]:
    """`load_all` for files that must all be good: raises the first BadInput."""
    documents, bad = load_all(path, otherwise)
    if bad:
        raise bad[0]
    return documents


def _load(path: Path, otherwise: Language) -> list[NewDocument]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise BadInput(f"{path.name} is of no known kind. Known are: {', '.join(sorted(_READERS))}.")
    try:
        return reader(path, otherwise)
    except BadInput as error:
        named = path.name in error.detail
        raise error if named else BadInput(f"{path.name}: {error.detail}") from error
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is not UTF-8: save it as UTF-8 first.") from error
    except RecursionError as error:
        raise BadInput(f"{path.name} cannot be read: it is nested too deep.") from error
    except (ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError, csv.Error) as error:
        raise BadInput(f"{path.name} cannot be read: {error}") from error


def read_markdown(name: str, text: str, otherwise: Language = "en") -> NewDocument:
    """Front matter may give `id`, `language`, `title`, `url`, `kind`; anything else goes to `data`."""
    given: dict[str, Any] = {}
    if found := _FRONT_MATTER.match(text):
        given = yaml.safe_load(found.group(1)) or {}
        text = text[found.end() :]
    stem = Path(name).stem
    heading = _HEADING.search(text)
    title = str(given.pop("title", None) or (heading.group(1) if heading else stem.replace("-", " ")))
    return NewDocument(
        id=str(given.pop("id", stem)),
        title=title,
        text=text.strip(),
        language=from_locale(given.pop("language", None)) or detect(text, otherwise),
        kind=str(given.pop("kind", "article")),
        url=given.pop("url", None),
        data={key: str(value) for key, value in given.items()} or None,
    )


def read_html(name: str, text: str, otherwise: Language = "en") -> NewDocument:
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    page = BeautifulSoup(text, "html.parser")
    language = from_locale(str(page.html.get("lang") or "")) if page.html else None
    title = (page.title.get_text(strip=True) if page.title else "") or Path(name).stem
    link = page.find("link", rel="canonical")
    for furniture in page(["script", "style", "nav", "header", "footer", "aside", "form", "noscript"]):
        furniture.decompose()
    body = page.find("main") or page.find("article") or page.body or page
    markdown = MarkdownConverter(heading_style="ATX", strip=["a", "img"]).convert_soup(body).strip()
    return NewDocument(
        id=Path(name).stem,
        title=title,
        text=markdown,
        language=language or detect(markdown, otherwise),
        url=str(link["href"]) if link and link.get("href") else None,
    )


def read_pdf(path: Path, otherwise: Language = "en") -> NewDocument:
    """A heading for each page, so that a passage says where it stands. Scans hold no text: BadInput."""
    from pypdf import PdfReader
    from pypdf.errors import PdfReadError

    try:
        reader = PdfReader(path)
        pages = [page.extract_text().strip() for page in reader.pages]
        title = reader.metadata.title if reader.metadata else None
    except PdfReadError as error:
        raise BadInput(f"{path.name} is not a PDF that can be read.") from error
    if not any(pages):
        raise BadInput(f"{path.name} has no text: it is probably a scan. Put it through OCR first.")
    text = "\n\n".join(f"## {number}\n\n{_paragraphs(page)}" for number, page in enumerate(pages, 1) if page)
    return NewDocument(path.stem, title or path.stem, text, detect(text, otherwise))


def read_csv(name: str, text: str, otherwise: Language = "en") -> list[NewDocument]:
    return [
        document
        for number, row in enumerate(csv.DictReader(text.splitlines()), 1)
        for document in _record(
            {k.strip(): v for k, v in row.items() if k and v}, f"{Path(name).stem}-{number}", otherwise
        )
    ]


def read_catalogue(name: str, text: str, otherwise: Language = "en") -> list[NewDocument]:
    """A JSON list of records, or an object holding one: a document for each record and language."""
    found = json.loads(text)
    if isinstance(found, dict):
        found = next((value for value in found.values() if isinstance(value, list)), [found])
    return [
        document
        for number, row in enumerate(found, 1)
        for document in _record(row, f"{Path(name).stem}-{number}", otherwise)
    ]


def _record(row: Mapping[str, Any], unnamed: str, otherwise: Language) -> Iterator[NewDocument]:
    lower = {key.lower(): key for key in row}

    def first(names: tuple[str, ...]) -> Any:
        return next((row[lower[name]] for name in names if name in lower), None)

    id, title, described = str(first(_ID) or unnamed), first(_TITLE), first(_TEXT)
    if title is None and described is None:
        raise BadInput(f"Record {unnamed} has neither a title nor a text.")
    many = isinstance(described, dict)
    for language in LANGUAGES if many else (None,):
        if many and not described.get(language):
            continue
        text = str(_in(described, language) or "")
        spoken = language or from_locale(row.get("language")) or detect(f"{title} {text}", otherwise)
        yield NewDocument(
            id=f"{id}:{language}" if language else id,
            title=str(_in(title, spoken) or id),
            text=_described(row, text, spoken),
            language=spoken,
            kind="product" if "price" in lower or "sku" in lower else "article",
            url=first(_URL),
            data=dict(row),
        )


def _described(row: Mapping[str, Any], text: str, language: Language) -> str:
    """A product as Markdown: what it is, what it is good for, what it costs."""
    parts = [text]
    highlights = _in(row.get("highlights"), language)
    if isinstance(highlights, list):
        parts.append("\n".join(f"- {item}" for item in highlights))
    price = row.get("price")
    if isinstance(price, dict):
        price = ", ".join(f"{amount} {currency}" for currency, amount in price.items())
    if price:
        parts.append(f"{_PRICE[language]}: {price}")
    return "\n\n".join(part for part in parts if part)


def _in(value: Any, language: Language | None) -> Any:
    return value.get(language) if isinstance(value, dict) else value


def _paragraphs(text: str) -> str:
    """Lines broken by the page's width joined again; a line that starts a list or ends a sentence stays."""
    return re.sub(r"(?<![.:!?])\n(?![\s•\-–*\d])", " ", text)


_READERS: dict[str, Callable[[Path, Language], list[NewDocument]]] = {
    ".md": lambda path, other: [read_markdown(path.name, path.read_text("utf-8"), other)],
    ".markdown": lambda path, other: [read_markdown(path.name, path.read_text("utf-8"), other)],
    ".html": lambda path, other: [read_html(path.name, path.read_text("utf-8"), other)],
    ".htm": lambda path, other: [read_html(path.name, path.read_text("utf-8"), other)],
    ".pdf": lambda path, other: [read_pdf(path, other)],
    ".csv": lambda path, other: read_csv(path.name, path.read_text("utf-8-sig"), other),
    ".json": lambda path, other: read_catalogue(path.name, path.read_text("utf-8"), other),
}
