"""The typed front door to the prompts: one Markdown + Jinja file each, in the folder `prompts`.

Whatever a person wrote goes through the `data` filter and stands between tags, so that it cannot
close its own delimiter: customer text is data, never instructions.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TypedDict

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound

from recuerda.errors import SetupError
from recuerda.language import Language

LANGUAGE_NAMES: dict[Language, str] = {"en": "English", "es": "Spanish", "pt": "Brazilian Portuguese"}


_BRACKETS = str.maketrans({"<": "‹", "＜": "‹", "﹤": "‹", ">": "›", "＞": "›", "﹥": "›"})


class FactLine(TypedDict):
    ref: str  # F1, F2, ...: what the model cites
    statement: str
    quote: str | None
    said_on: str | None


class SourceLine(TypedDict):
    ref: str  # M1 ... memories, K1 ... knowledge
    title: str
    text: str


def data(text: object) -> str:
    """Written by a person: cannot open or close one of our tags, not even with brackets that look alike."""
    return str(text).translate(_BRACKETS)


@cache
def _environment() -> Environment:
    here = Path(__file__).parent
    # In a wheel the prompts travel inside the package; in a checkout they stand at the top level.
    folder = next(
        (f for f in (here / "_prompts", here.parent.parent / "prompts") if f.is_dir()),
        None,
    )
    if folder is None:
        raise SetupError("The folder `prompts` is missing; install Recuerda again.")
    environment = Environment(  # noqa: S701 - prompts are plain text, not HTML
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters["data"] = data
    return environment


def render(name: str, **context: object) -> str:
    """The prompt `name`, filled in. An unknown variable is an error, never an empty place."""
    try:
        template = _environment().get_template(f"{name}.md")
    except TemplateNotFound as error:
        raise SetupError(f"There is no prompt {name}.md in the folder prompts.") from error
    return template.render(**context).strip()


def reply_system(*, brand: str, language: Language, today: datetime, canary: str) -> str:
    """`canary` is a mark by which a reply that recites this prompt is known."""
    return render(
        "reply_system",
        brand=brand,
        language=LANGUAGE_NAMES[language],
        today=today.strftime("%A %Y-%m-%d"),
        canary=canary,
    )


def reply_turn(
    *,
    message: str,
    language: Language,
    customer_name: str | None,
    facts: Sequence[FactLine],
    memories: Sequence[SourceLine],
    knowledge: Sequence[SourceLine],
    draft: str,
) -> str:
    """`draft` is what the rules alone would answer: the model words it better, and mends it."""
    return render(
        "reply_turn",
        message=message,
        language=LANGUAGE_NAMES[language],
        customer_name=customer_name,
        facts=facts,
        memories=memories,
        knowledge=knowledge,
        draft=draft,
    )
