"""Where the source of each cell stands in the JSON text of a notebook, to be pointed at and edited in place.

A notebook is never dumped again: only the string literals of an edited `source` are replaced, all other bytes stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]  # public in CPython, missing from typeshed
from typing import NamedTuple

from lintloss.findings import Span
from lintloss.lines import Offsets, split_rows
from lintloss.patterns import regex

_SPACE = regex(r"[ \t\r\n]*")
_ESCAPE = regex(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.S)
_decoder = json.JSONDecoder()


class Piece(NamedTuple):
    """One string literal of a `source`: offsets of its quotes in the JSON text, and the text that it stands for."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class CellSource:
    """The `source` of one cell: `start` and `end` bound the JSON value, which is a list of pieces or a single one."""

    index: int
    kind: str
    start: int
    end: int
    pieces: tuple[Piece, ...]
    is_list: bool

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


def is_notebook(path: str) -> bool:
    """Tell a notebook by its name."""
    return path.endswith(".ipynb")


def read_cells(raw: str) -> tuple[CellSource, ...]:
    """Locate the source of every cell; index counts over all cells, of code or not.

    Raises:
        ValueError: the text is not JSON, or not a notebook with a `cells` list.
    """
    starts = list(_cell_starts(raw))
    return tuple(cell for index, start in enumerate(starts) if (cell := _read_cell(raw, start, index)) is not None)


def _cell_starts(raw: str) -> Iterator[int]:
    members = dict(_members(raw, _skip(raw, 0)))
    if "cells" not in members and "worksheets" in members:  # nbformat 3
        for sheet in _items(raw, members["worksheets"]):
            at = dict(_members(raw, sheet)).get("cells")
            yield from () if at is None else _items(raw, at)
    elif "cells" not in members:
        raise ValueError("no list of cells")
    else:
        yield from _items(raw, members["cells"])


def _read_cell(raw: str, start: int, index: int) -> CellSource | None:
    members = dict(_members(raw, start))
    at = members.get("source", members.get("input"))  # the latter in nbformat 3
    if at is None:
        return None
    kind, _ = _decoder.raw_decode(raw, members["cell_type"]) if "cell_type" in members else ("code", 0)
    _, end = _decoder.raw_decode(raw, at)
    is_list = raw[at] == "["
    places = _items(raw, at) if is_list else [at]
    pieces = tuple(_read_piece(raw, place) for place in places)
    return CellSource(index=index, kind=str(kind), start=at, end=end, pieces=pieces, is_list=is_list)


def _read_piece(raw: str, at: int) -> Piece:
    text, end = _decoder.raw_decode(raw, at)
    if not isinstance(text, str):
        raise ValueError("a cell's source holds something that is not text")
    return Piece(at, end, text)


def _skip(raw: str, at: int) -> int:
    found = _SPACE.match(raw, at)
    return found.end() if found else at


def _members(raw: str, at: int) -> Iterator[tuple[str, int]]:
    """Yield each key of the JSON object at `at` with the offset of its value."""
    if raw[at : at + 1] != "{":
        raise ValueError("not a JSON object")
    at = _skip(raw, at + 1)
    while raw[at : at + 1] == '"':
        key, at = scanstring(raw, at + 1, False)
        at = _skip(raw, _skip(raw, at) + 1)  # over the colon
        yield key, at
        _, at = _decoder.raw_decode(raw, at)
        at = _skip(raw, at)
        if raw[at : at + 1] == ",":
            at = _skip(raw, at + 1)


def _items(raw: str, at: int) -> list[int]:
    """Return the offsets of the items of the JSON list at `at`."""
    if raw[at : at + 1] != "[":
        raise ValueError("not a JSON list")
    found: list[int] = []
    at = _skip(raw, at + 1)
    while raw[at : at + 1] not in ("]", ""):
        found.append(at)
        _, at = _decoder.raw_decode(raw, at)
        at = _skip(raw, at)
        if raw[at : at + 1] == ",":
            at = _skip(raw, at + 1)
    return found


def locate(raw: str, cell: CellSource, span: Span) -> Span:
    """Turn a span of a cell's source into the span of the .ipynb text that spells it.

    An end at the very start of a row stays at the end of the row before, so that no foreign row is covered.
    """
    rows, file = Offsets(cell.text), Offsets(raw)
    start, end = rows.slice(span)
    first = file.place(_spelled_at(raw, cell, start))
    last = file.place(_spelled_at(raw, cell, end, is_end=True))
    return Span(*first, *max(first, last))


def _spelled_at(raw: str, cell: CellSource, offset: int, *, is_end: bool = False) -> int:
    for piece in cell.pieces:
        if offset < len(piece.text) or (is_end and offset == len(piece.text)):
            return _inside(raw, piece, offset)
        offset -= len(piece.text)
    return cell.pieces[-1].end - 1 if cell.pieces else cell.start


def _inside(raw: str, piece: Piece, offset: int) -> int:
    at = piece.start + 1
    for _ in range(offset):
        escape = _ESCAPE.match(raw, at)
        at = escape.end() if escape else at + 1
    return at


def replace_sources(raw: str, sources: Mapping[int, str]) -> str:
    """Return the notebook's text with the sources of the cells in `sources` (by index) replaced, and nothing else."""
    cells = [cell for cell in read_cells(raw) if cell.index in sources]
    for cell in sorted(cells, key=lambda found: -found.start):
        if sources[cell.index] != cell.text:
            raw = raw[: cell.start] + _spell(raw, cell, sources[cell.index]) + raw[cell.end :]
    return raw


def _spell(raw: str, cell: CellSource, source: str) -> str:
    ascii_only = raw.isascii() and re.search(r"\\u(?!00[0-7])", raw) is not None  # keep how the file spells é
    if not cell.is_list:
        return json.dumps(source, ensure_ascii=ascii_only)
    known = {piece.text: raw[piece.start : piece.end] for piece in cell.pieces}  # an unchanged row keeps its spelling
    rows = [known.get(row) or json.dumps(row, ensure_ascii=ascii_only) for row in split_rows(source)]
    if not cell.pieces or not rows:
        return "[" + ", ".join(rows) + "]"
    opening = raw[cell.start : cell.pieces[0].start]
    closing = raw[cell.pieces[-1].end : cell.end]
    several = len(cell.pieces) > 1
    between = raw[cell.pieces[0].end : cell.pieces[1].start] if several else "," + opening[1:]
    return opening + between.join(rows) + closing
