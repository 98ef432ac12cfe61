"""Rows and columns from 1 in code points <-> lines and characters from 0, in the units that the editor counts in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lsprotocol import types as lsp

from lintloss.findings import Span
from lintloss.lines import split_rows

Measure = Callable[[str], int]


def measure_of(encoding: str) -> Measure:
    """Return what measures a text in the units of a position encoding: "utf-16", "utf-8" or "utf-32"."""
    if encoding == "utf-32":
        return len
    if encoding == "utf-8":
        return lambda text: len(text.encode("utf-8", "surrogatepass"))
    return lambda text: len(text.encode("utf-16-le", "surrogatepass")) // 2


class Ruler:
    """Places in one text. Rows end as Python's do (a form feed is no end), which is how the protocol has it, too."""

    def __init__(self, text: str, measure: Measure) -> None:
        self._rows: Sequence[str] = [row.rstrip("\r\n") for row in split_rows(text)]
        self._measure = measure

    def range(self, span: Span) -> lsp.Range:
        return lsp.Range(self._position(span.row, span.column), self._position(span.end_row, span.end_column))

    def _position(self, row: int, column: int) -> lsp.Position:
        text = self._rows[row - 1] if row <= len(self._rows) else ""
        return lsp.Position(row - 1, self._measure(text[: column - 1]))


def touches(one: lsp.Range, other: lsp.Range) -> bool:
    """Say whether two ranges share a place; a cursor at an end counts."""
    return _key(one.start) <= _key(other.end) and _key(other.start) <= _key(one.end)


def _key(position: lsp.Position) -> tuple[int, int]:
    return position.line, position.character
