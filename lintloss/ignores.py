"""Where an ignore comment for a finding can stand, and the edits that write it there (`--add-ignores`)."""

from __future__ import annotations

import io
import re
import tokenize
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from sys import maxsize

from lintloss.findings import Edit, Finding, Fix, Span
from lintloss.lines import ending_of, split_rows
from lintloss.notebook import is_notebook, read_cells
from lintloss.patterns import regex

IGNORE = regex(r"#\s*lintloss\s*:\s*ignore\s*\[(?P<codes>[^\]#]*)\](?P<reason>[^#]*)", re.IGNORECASE)
_MAGIC = regex(r"^(\s*)[%!?].*$", re.M)
_OPENS = ("FSTRING_START", "TSTRING_START")
_CLOSES = ("FSTRING_END", "TSTRING_END")
_LAYOUT = ("NL", "INDENT", "DEDENT", "ENDMARKER", "ENCODING")
_UNIGNORABLE = ("LL001", "LL002", "LL003")  # about the file and its comments, not about a statement


@dataclass(frozen=True, slots=True)
class _Place:
    """The end of a row, or a new line above it."""

    row: int
    is_above: bool = False


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one text: its logical lines, the comment of each row, and the rows no comment can end."""

    texts: tuple[str, ...]
    statements: tuple[tuple[int, int], ...]  # first and last row of each logical line
    comments: dict[int, tuple[int, str]]  # row -> 0-based column and text
    closed: frozenset[int]  # rows that end within a string, or in a continuation
    continued: frozenset[int]

    def statement(self, row: int) -> tuple[int, int] | None:
        found = bisect_right(self.statements, (row, maxsize)) - 1
        return self.statements[found] if found >= 0 and row <= self.statements[found][1] else None


def with_ignores(path: str, text: str, findings: Sequence[Finding], reason: str = "") -> tuple[Finding, ...]:
    """Give each finding of one file, instead of its own fix, a safe one that writes its ignore comment.

    Findings that share a row share one edit. One that no comment can silence gets no fix.
    """
    if not is_notebook(path):
        return _with_ignores(text, findings, reason)
    marked: list[Finding] = []
    for cell in read_cells(text):
        marked += _with_ignores(cell.text, [finding for finding in findings if finding.cell == cell.index], reason)
    return tuple(marked)


def _with_ignores(text: str, findings: Sequence[Finding], reason: str) -> tuple[Finding, ...]:
    rows = _read_rows(text)
    places = [_place(rows, finding) if rows else None for finding in findings]
    codes: dict[_Place, set[str]] = defaultdict(set)
    for place, finding in zip(places, findings, strict=True):
        if place:
            codes[place].add(finding.code)
    edits = {place: _edit(place, codes[place], rows, reason) for place in codes if rows}
    return tuple(
        replace(finding, fix=Fix("add an ignore comment", (edits[place],), safe=True) if place else None)
        for place, finding in zip(places, findings, strict=True)
    )


def ignore_row(text: str, finding: Finding) -> int | None:
    """Return the row at whose end a comment would silence the finding, or None where the text has none."""
    rows = _read_rows(text)
    return _open_row(rows, finding.span.row) if rows else None


def _open_row(rows: _Rows, row: int) -> int | None:
    statement = rows.statement(row)
    if statement is None:
        return None
    return next((at for at in range(row, statement[1] + 1) if at not in rows.closed), None)


def _place(rows: _Rows, finding: Finding) -> _Place | None:
    row = finding.span.row
    statement = rows.statement(row)
    if statement is None or finding.code in _UNIGNORABLE:
        return None
    if row in rows.continued:
        return _Place(statement[0], is_above=True)
    at = _open_row(rows, row)
    return _Place(at) if at else None


def _edit(place: _Place, codes: set[str], rows: _Rows, reason: str) -> Edit:
    text = rows.texts[place.row - 1]
    if place.is_above:
        indent = text[: len(text) - len(text.lstrip(" \t\f"))]
        comment = indent + _comment(codes, reason) + (ending_of(text) or "\n")
        return Edit(Span(place.row, 1, place.row, 1), comment)
    column, old = rows.comments.get(place.row, (0, ""))
    found = IGNORE.search(old)
    if found:
        return _merged(place.row, column, found, codes, reason)
    body, end = text.rstrip(), len(text.rstrip("\r\n"))
    return Edit(Span(place.row, len(body) + 1, place.row, end + 1), "  " + _comment(codes, reason))


def _merged(row: int, column: int, found: re.Match[str], codes: set[str], reason: str) -> Edit:
    old = [code.strip() for code in found["codes"].split(",") if code.strip()]
    kept = old + sorted(code for code in codes if code not in old)
    why = found["reason"].strip() or reason
    start, end = column + found.start() + 1, column + found.start() + len(found.group().rstrip()) + 1
    return Edit(Span(row, start, row, end), _comment(kept, why))


def _comment(codes: Iterable[str], reason: str) -> str:
    ordered = sorted(codes) if isinstance(codes, set) else codes
    return f"# lintloss: ignore[{', '.join(ordered)}] {' '.join(reason.split())}".rstrip()


@lru_cache(maxsize=4)  # one file's findings ask for the same text, one after another
def _read_rows(text: str) -> _Rows | None:
    try:
        return _scan(text)
    except (tokenize.TokenError, SyntaxError):
        pass
    try:  # a notebook cell: its magics are no Python
        return _scan(text, _MAGIC.sub(r"\1pass", text))
    except (tokenize.TokenError, SyntaxError):
        return None


def _scan(text: str, python: str | None = None) -> _Rows:
    texts = split_rows(text)
    readline = io.StringIO(text if python is None else python, newline="").readline
    statements: list[tuple[int, int]] = []
    comments: dict[int, tuple[int, str]] = {}
    strings: set[int] = set()
    opened: list[int] = []  # first rows of the f-strings that are open
    first = 0
    for token in tokenize.generate_tokens(readline):
        kind, row, end_row = tokenize.tok_name[token.type], token.start[0], token.end[0]
        if kind == "COMMENT":
            comments[row] = (token.start[1], token.string)
        elif kind == "NEWLINE":
            statements.append((first, row))
            first = 0
        elif kind not in _LAYOUT:
            first = first or row
        if kind == "STRING":
            strings.update(range(row, end_row))
        elif kind in _OPENS:
            opened.append(row)
        elif kind in _CLOSES:
            strings.update(range(opened.pop(), end_row))
    continued = {row for row, one in enumerate(texts, start=1) if one.rstrip("\r\n").endswith("\\")}
    continued -= strings | comments.keys()
    return _Rows(tuple(texts), tuple(statements), comments, frozenset(strings | continued), frozenset(continued))
