"""Rows of source with marks under the spans: gutter, tabs expanded, wide characters counted by the cells they fill."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from lintloss.findings import Span
from lintloss.report.wording import on_one_line

TAB = 4
_MOST_ROWS = 7  # of one span; the middle of a longer one is left out
_STYLES = {"gutter": "blue", "mark": "bold red", "link": "bold cyan"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A span to underline and the words beside the underline; `style` is a key of the style table."""

    span: Span
    label: str = ""
    style: str = "mark"


def excerpt(rows: Sequence[str], marks: Sequence[Mark], *, width: int, context: int = 1) -> list[Text]:
    """Return the lines of an excerpt that shows every mark, with `context` rows around each."""
    shown = _shown_rows(rows, marks, context)
    if not shown:
        return []
    digits = len(str(shown[-1]))
    lines = [_gutter("", digits)]
    last = shown[0] - 1
    for row in shown:
        if row != last + 1:
            lines.append(Text("." * digits + " ", style=_STYLES["gutter"]))
        lines += _row(rows[row - 1], row, [mark for mark in marks if _covers(mark, row)], digits, width)
        last = row
    return [*lines, _gutter("", digits)]


def _shown_rows(rows: Sequence[str], marks: Sequence[Mark], context: int) -> list[int]:
    wanted: set[int] = set()
    for mark in marks:
        first, last = mark.span.row, mark.span.end_row
        if last - first >= _MOST_ROWS:
            half = _MOST_ROWS // 2
            wanted.update(range(first - context, first + half), range(last - half + 1, last + context + 1))
        else:
            wanted.update(range(first - context, last + context + 1))
    return sorted(row for row in wanted if 1 <= row <= len(rows))


def _covers(mark: Mark, row: int) -> bool:
    return mark.span.row <= row <= mark.span.end_row


def _gutter(label: str, digits: int) -> Text:
    return Text(f"{label:>{digits}} | " if label else f"{'':>{digits}} |", style=_STYLES["gutter"])


def _row(text: str, row: int, marks: Sequence[Mark], digits: int, width: int) -> Iterable[Text]:
    room = max(20, width - digits - 3)
    columns = [_columns(text, mark, row) for mark in marks]
    start = _first_cell(columns, room, cell_len(expand(text)))
    line = Text.assemble(_gutter(str(row), digits), _window(expand(text), start, room))
    line.rstrip()
    yield line
    for mark, (left, right) in zip(marks, columns, strict=True):
        if not text.strip() and mark.span.row < row < mark.span.end_row:
            continue  # nothing to underline
        label = f" {mark.label}" if mark.label and row == mark.span.end_row else ""
        under = " " * (left - start) + "^" * max(1, min(right, start + room) - left)
        yield Text.assemble(_gutter("", digits), (f" {under}{label}", _STYLES[mark.style]))


def _columns(text: str, mark: Mark, row: int) -> tuple[int, int]:
    """Return the cells between which a row is underlined; a row in the middle from its first word to its end."""
    indent = len(text) - len(text.lstrip())
    left = mark.span.column - 1 if row == mark.span.row else indent
    right = mark.span.end_column - 1 if row == mark.span.end_row else len(text)
    return cell_len(expand(text[:left])), cell_len(expand(text[:right]))


def expand(text: str) -> str:
    """Expand tabs to stops of 4 cells and spell control characters out, so that every character has a width."""
    if text.isascii() and text.isprintable():
        return text
    parts: list[str] = []
    cells = 0
    for character in text:
        spelled = " " * (TAB - cells % TAB) if character == "\t" else on_one_line(character)
        parts.append(spelled)
        cells += cell_len(spelled)
    return "".join(parts)


def _first_cell(columns: Sequence[tuple[int, int]], room: int, cells: int) -> int:
    """Return the cell at which the window on a long row begins: 0 unless a mark would fall out of sight."""
    leftmost = min((left for left, _ in columns), default=0)
    rightmost = max((right for _, right in columns), default=0)
    return 0 if cells <= room or rightmost <= room else max(0, leftmost - room // 4)


def _window(text: str, start: int, room: int) -> str:
    if start:
        kept = text
        while cell_len(text) - cell_len(kept) < start and kept:
            kept = kept[1:]
        text = kept
    return text if cell_len(text) <= room else set_cell_size(text, room - 1) + "…"
