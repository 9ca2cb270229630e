"""Families of phrases in three languages, one pattern each, read from `phrases.yaml`."""

import re
from importlib.resources import files

from recuerda.yaml_files import read_yaml


def _load() -> dict[str, re.Pattern[str]]:
    phrases = read_yaml(files("recuerda.extraction").joinpath("phrases.yaml"))
    return {family: re.compile(rf"\b(?:{'|'.join(patterns)})(?!\w)") for family, patterns in phrases.items()}


SAY = _load()
