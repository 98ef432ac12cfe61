"""Where rows and columns stand in a text: rows end as Python's own do, at \\n, \\r\\n or \\r and nowhere else.

`str.splitlines` also splits at form feeds and Unicode separators, which would shift every row after one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from lintloss.findings import Span
from lintloss.patterns import regex

_ROW = regex(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


def split_rows(text: str) -> list[str]:
    """Split into rows that keep their line endings; joining them gives the text back."""
    if "\r" in text:
        return _ROW.findall(text)
    *rows, last = text.split("\n")  # ten times as fast, and nearly every file ends its rows so
    return [f"{row}\n" for row in rows] + [last] * bool(last)


def ending_of(row: str) -> str:
    """Return the line ending of one row, or "" for a last row without one."""
    return row[len(row.rstrip("\r\n")) :]


class Offsets:
    """Turns 1-based (row, column) into offsets into one text, and back."""

    def __init__(self, text: str) -> None:
        self.rows: Sequence[str] = split_rows(text)
        self._starts = [0]
        for row in self.rows:
            self._starts.append(self._starts[-1] + len(row))
        self._length = len(text)

    def at(self, row: int, column: int) -> int:
        """Return the offset of a place; one past the end of the text or of its row is cut back to that end."""
        if row > len(self.rows):
            return self._length
        text = self.rows[row - 1].rstrip("\r\n")
        return self._starts[row - 1] + min(column - 1, len(text))

    def place(self, offset: int) -> tuple[int, int]:
        """Return the 1-based row and column of an offset."""
        row = max(1, min(bisect_right(self._starts, offset), len(self.rows)))
        return row, offset - self._starts[row - 1] + 1

    def slice(self, span: Span) -> tuple[int, int]:
        """Return the start and end offsets of a span."""
        return self.at(span.row, span.column), self.at(span.end_row, span.end_column)
