"""F-strings as Python 3.12 reads them (PEP 701), for an older Python: quotes of their own kind, and rows, in their braces."""

from __future__ import annotations

import ast
import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst

IS_OLD = sys.version_info < (3, 12)


def emptied(text: str) -> str | None:
    """Return the text without what stands in such f-strings, all else at the same rows and byte offsets.

    None where there is none, or where LibCST, which reads the newer syntax, cannot read the text either.
    """
    if not IS_OLD or ('f"' not in text and "f'" not in text):
        return None
    import libcst as cst
    from libcst.metadata import MetadataWrapper, PositionProvider

    try:
        tree = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        places = tree.resolve(PositionProvider)
    except (cst.ParserSyntaxError, RecursionError):
        return None
    rows = text.splitlines(keepends=True)
    found = [node for node in places if isinstance(node, cst.FormattedString) and not _is_readable(tree.module, node)]
    for node in found:
        place = places[node]
        _empty(rows, (place.start.line, place.start.column), (place.end.line, place.end.column))
    return "".join(rows) if found else None


def _is_readable(module: cst.Module, node: cst.FormattedString) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(f"({module.code_for_node(node)}\n)")
        except SyntaxError:
            return False
    return True


def _empty(rows: list[str], start: tuple[int, int], end: tuple[int, int]) -> None:
    """Write `""` where a string began, and blanks up to its end."""
    for row in range(start[0], end[0] + 1):
        line = rows[row - 1]
        first = start[1] if row == start[0] else 0
        last = end[1] if row == end[0] else len(line.rstrip("\r\n"))
        blank = " " * len(line[first:last].encode("utf-8", "surrogatepass"))
        rows[row - 1] = line[:first] + ('""' + blank[2:] if row == start[0] else blank) + line[last:]
