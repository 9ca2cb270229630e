"""The export as a page somebody can read: one HTML file, nothing fetched, in the customer's language."""

import base64
import hashlib
from collections import defaultdict
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from recuerda.yaml_files import read_yaml

_HERE = Path(__file__).parent
_templates = Environment(
    loader=FileSystemLoader(_HERE),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STYLE = (_HERE / "page.css").read_text("utf-8")
# The page's own style, and nothing else, whatever a customer wrote into it.
POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(data: dict[str, Any], language: str) -> str:
    """`data` is what `export` gives; `language` is en, es or pt."""
    words = _words()[language]

    def t(key: str, otherwise: str | None = None) -> str:
        return str(words[key] if otherwise is None else words.get(key, otherwise))

    def when(iso: str | None) -> str:
        if not iso:
            return ""
        at = datetime.fromisoformat(iso)
        return f"{at.day} {words['months'][at.month - 1]} {at.year}, {at:%H:%M}"

    facts, threads = defaultdict(list), defaultdict(list)
    for fact in data["facts"]:
        facts[fact["category"]].append(fact)
    for message in data["messages"]:
        threads[message["conversation_id"]].append(message)
    return _templates.get_template("page.html.j2").render(
        data=data,
        facts=facts,
        threads={id: sorted(said, key=lambda m: int(m["position"])) for id, said in threads.items()},
        history=[memory for memory in data["memories"] if memory["kind"] != "turn"],
        style=_STYLE,
        language=language,
        t=t,
        when=when,
    )


@cache
def _words() -> dict[str, dict[str, Any]]:
    words: dict[str, dict[str, Any]] = read_yaml(_HERE / "page.yaml")
    return words
