"""What is left behind a loop over whole batches, and taken there: `rest = rows[full * batch_size :]`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts.callers import text_of
from lintloss.facts.survey import walk


def is_taken(scope: ast.AST, whole: ast.AST) -> bool:
    """Say whether the end of the rows that a loop or a comprehension takes in whole batches is sliced behind it."""
    batched = {text_of(each.value) for each in _slices(whole)}
    row = getattr(whole, "end_lineno", None) or 0
    return any(each.lineno > row and _is_open(each.slice) and text_of(each.value) in batched for each in _slices(scope))


def _slices(node: ast.AST) -> Iterator[ast.Subscript]:
    return (each for each in walk(node) if isinstance(each, ast.Subscript) and _first(each.slice) is not None)


def _first(index: ast.expr) -> ast.Slice | None:
    part = index.elts[0] if isinstance(index, ast.Tuple) and index.elts else index
    return part if isinstance(part, ast.Slice) else None


def _is_open(index: ast.expr) -> bool:
    """Say whether a slice begins at a place that was computed, and has no end: `[1:]` leaves out a first row."""
    part = _first(index)
    return (
        part is not None
        and part.upper is None
        and part.lower is not None
        and any(isinstance(each, ast.Name) for each in walk(part.lower))
    )
