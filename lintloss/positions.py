"""Columns of `ast` (UTF-8 bytes from 0) -> columns that people and tools read (code points from 1)."""

from __future__ import annotations

import ast


def split_rows(text: str) -> tuple[str, ...]:
    """Split as Python's tokenizer counts rows: at LF, CRLF and CR only (str.splitlines also splits at form feeds)."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return tuple(text.split("\n"))


def column_of(line: str, byte_offset: int) -> int:
    """Return the 1-based code point column of a 0-based UTF-8 byte offset into `line`."""
    if line.isascii():  # a flag of the string, not a scan
        return byte_offset + 1
    return len(line.encode("utf-8", "surrogatepass")[:byte_offset].decode("utf-8", "ignore")) + 1


def span_of(node: ast.expr | ast.stmt, lines: tuple[str, ...], is_ascii: bool) -> tuple[int, int, int, int]:
    """Return (row, column, end row, end column) of a node, 1-based, the end exclusive."""
    row, end_row = node.lineno, node.end_lineno or node.lineno
    end_offset = node.col_offset if node.end_col_offset is None else node.end_col_offset
    if is_ascii:
        return row, node.col_offset + 1, end_row, end_offset + 1
    return row, column_of(_line(lines, row), node.col_offset), end_row, column_of(_line(lines, end_row), end_offset)


def _line(lines: tuple[str, ...], row: int) -> str:
    """Before 3.12 the nodes inside an f-string may point past the end of the file."""
    return lines[row - 1] if 0 < row <= len(lines) else ""
