"""Reads the package's own YAML and the brand's. What others hand in goes through `yaml.safe_load`."""

from importlib.resources.abc import Traversable
from typing import Any

import yaml

# libyaml's parser is ten times faster than the one in Python, and a start reads a dozen files.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(text: str) -> Any:
    """Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 - both are the safe one


def read_yaml(path: Traversable) -> Any:
    return parse_yaml(path.read_text(encoding="utf-8"))
