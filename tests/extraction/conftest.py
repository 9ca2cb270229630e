import pytest

from recuerda.extraction import Draft, Turn
from recuerda.extraction.embedded import EmbeddedExtractor


@pytest.fixture(scope="session")
def extractor() -> EmbeddedExtractor:
    return EmbeddedExtractor()


def turns(*said: str) -> list[Turn]:
    """Customer turns; those that start with `A:` are the assistant's."""
    return [Turn("assistant", s[2:].strip()) if s.startswith("A:") else Turn("customer", s) for s in said]


def values(drafts: list[Draft]) -> dict[str, str | None]:
    return {d.attribute: d.value for d in drafts if d.attribute}
