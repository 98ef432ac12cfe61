"""What a rule says: a Finding is a code, a span, a message, how sure and how bad, and its chain of evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How wrong the number is; `check` fails at WARNING and above by default."""

    NOTE = 1  # the pattern is there and exact here
    WARNING = 2  # wrong as soon as batches (rows, ranks) differ in scored tokens
    ERROR = 3  # wrong on ordinary data

    @property
    def label(self) -> str:
        return self.name.lower()


class Confidence(IntEnum):
    """How much of the chain of evidence is proven and how much is inferred from names."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a file: rows and columns are 1-based, columns count code points, the end is exclusive."""

    row: int
    column: int
    end_row: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """One link of the chain: a line of the user's code and what it contributes."""

    path: str
    span: Span
    message: str
    cell: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace the text of `span` by `content`; an empty span inserts."""

    span: Span
    content: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that remove the finding. Unsafe ones change the reported number: that is their point."""

    message: str
    edits: tuple[Edit, ...]
    safe: bool = False

    @property
    def applicability(self) -> str:
        return "safe" if self.safe else "unsafe"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (or worth a note) at one place.

    For a notebook, rows count within the cell and `cell` counts from 0 over all cells of the file.
    `statement_rows` is the first and last row of the enclosing statement: suppressions are looked for there.
    """

    path: str
    code: str
    name: str
    span: Span
    message: str
    severity: Severity
    confidence: Confidence
    evidence: tuple[Evidence, ...] = ()
    fix: Fix | None = None
    cell: int | None = None
    statement_rows: tuple[int, int] | None = None

    @property
    def order(self) -> tuple[str, int, int, int, str, str]:
        """Sort key of all output: path, (cell,) row, column, code."""
        cell = -1 if self.cell is None else self.cell
        return (self.path, cell, self.span.row, self.span.column, self.code, self.message)
