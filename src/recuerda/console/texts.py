"""The console's words: one YAML file a language, all with the same keys."""

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request

from recuerda.language import LANGUAGES, Language, from_locale
from recuerda.yaml_files import read_yaml

COOKIE = "recuerda_lang"
_FOLDER = Path(__file__).parent / "text"


@cache
def texts(language: Language) -> dict[str, Any]:
    """`{"review.title": "Review"}`: the file's keys joined by dots; lists stay lists."""
    flat: dict[str, Any] = {}

    def walk(prefix: str, node: Any) -> None:
        if isinstance(node, dict):
            for key, child in node.items():
                walk(f"{prefix}.{key}" if prefix else str(key), child)
        else:
            flat[prefix] = node

    walk("", read_yaml(_FOLDER / f"{language}.yaml"))
    return flat


class Words:
    """What templates call as `t("review.title", n=3)`. An unknown key is an error, never an empty place."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._texts = texts(language)

    def __call__(self, key: str, **values: object) -> str:
        text = str(self._texts[key])
        return text.format(**values) if values else text

    def named(self, group: str, name: str) -> str:
        """The word for one of a group that may grow, such as a kind of work; else the name itself."""
        return str(self._texts.get(f"{group}.{name}", name))

    def months(self) -> list[str]:
        found: list[str] = self._texts["months"]
        return found


def language_of(request: Request) -> Language:
    """The agent's choice, else the first of the browser's languages that we speak."""
    accepted = request.headers.get("accept-language", "").split(",")
    wanted = [request.cookies.get(COOKIE), *(part.partition(";")[0].strip() for part in accepted)]
    return next((language for locale in wanted if (language := from_locale(locale))), LANGUAGES[0])
