"""Families of phrases in three languages, one pattern each, read from `phrases.yaml`."""

import re
from importlib.resources import files

import yaml


def _load() -> dict[str, re.Pattern[str]]:
    text = files("recuerda.extraction").joinpath("phrases.yaml").read_text(encoding="utf-8")
    return {
        family: re.compile(rf"\b(?:{'|'.join(patterns)})(?!\w)")
        for family, patterns in yaml.safe_load(text).items()
    }


SAY = _load()
