"""Places in a Python text, found on its ast, and the text edits that mutations are made of."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Replacement:
    """Put `text` in place of the characters from `start` to `end`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """An ASCII Python text and its tree, so that ast columns (bytes) are offsets into a row."""

    text: str
    tree: ast.Module = field(init=False)
    rows: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        assert self.text.isascii(), "fixtures of mutations are ASCII"
        starts = [0]
        for line in self.text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        object.__setattr__(self, "tree", ast.parse(self.text))
        object.__setattr__(self, "rows", tuple(starts))

    def span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return (
            self.rows[node.lineno - 1] + node.col_offset,
            self.rows[node.end_lineno - 1] + node.end_col_offset,
        )

    def of(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def replace(self, node: ast.expr | ast.stmt | ast.keyword, text: str) -> Replacement:
        return Replacement(*self.span(node), text)

    def walk(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """All nodes of these kinds, in the order of the text."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, kinds)]
        yield from sorted(found, key=_position)

    def written(self, *sources: str) -> Iterator[ast.expr]:
        """All expressions that are spelled like one of `sources`."""
        wanted = {ast.unparse(ast.parse(source, mode="eval")) for source in sources}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.expr) and ast.unparse(node) in wanted:
                yield node


def _position(node: ast.AST) -> tuple[int, int]:
    """Where a node begins; a comprehension has no place of its own, its target has."""
    at = node.target if isinstance(node, ast.comprehension) else node
    return at.lineno, at.col_offset  # type: ignore[attr-defined]


def apply(text: str, replacements: Iterable[Replacement]) -> str:
    """Apply replacements from the end; one that lies within another is dropped, the outer one wins."""
    kept: list[Replacement] = []
    for each in sorted(set(replacements), key=lambda each: (each.start, -each.end)):
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    for each in reversed(kept):
        text = text[: each.start] + each.text + text[each.end :]
    return text
