"""Documents cut along their structure into passages small enough to cite."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from markdown_it import MarkdownIt

_MOST = 900  # characters: one thought, and what the sentence encoder still represents well
_LEAST = 200  # a shorter section joins its neighbour under the same heading
_markdown = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True, slots=True)
class Piece:
    title: str  # "Document › Heading"
    text: str


class _Titled(Protocol):
    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...


def embedded_text(piece: _Titled) -> str:
    """What is embedded of a passage: where it stands says half of what it is about."""
    return f"{piece.title}\n{piece.text}"


def cut(title: str, markdown: str) -> list[Piece]:
    """The pieces of a document in order; at least one, even when it has no text."""
    pieces = [
        Piece(" › ".join(path), text)
        for headings, blocks in _sections(markdown)
        if (path := [title, *(h for h in headings if h != title)])
        for text in _packed(blocks)
    ]
    return pieces or [Piece(title, "")]


def _sections(markdown: str) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Each heading's path and the source of the blocks right under it."""
    lines = markdown.splitlines()
    path: list[tuple[int, str]] = []
    blocks: list[str] = []
    tokens = _markdown.parse(markdown)
    for index, token in enumerate(tokens):
        if token.level or token.map is None:
            continue
        if token.type == "heading_open":
            if blocks:
                yield tuple(text for _, text in path), blocks
            depth = int(token.tag[1:])
            path = [(d, text) for d, text in path if d < depth]
            path.append((depth, tokens[index + 1].content.strip()))
            blocks = []
        elif block := "\n".join(lines[token.map[0] : token.map[1]]).strip():
            blocks.append(block)
    if blocks:
        yield tuple(text for _, text in path), blocks


def _packed(blocks: list[str]) -> Iterator[str]:
    """Neighbouring blocks joined up to the size; a block too long by itself cut at lines, then words."""
    held = ""
    for block in (part for whole in blocks for part in _split(whole)):
        if held and len(held) + len(block) > _MOST and len(held) >= _LEAST:
            yield held
            held = ""
        held = f"{held}\n\n{block}" if held else block
    if held:
        yield held


def _split(block: str) -> Iterator[str]:
    if len(block) <= _MOST:
        yield block
        return
    separator = "\n" if "\n" in block else " "
    held = ""
    for part in block.split(separator):
        if held and len(held) + len(part) > _MOST:
            yield held
            held = ""
        held = f"{held}{separator}{part}" if held else part
    if held:
        yield held
