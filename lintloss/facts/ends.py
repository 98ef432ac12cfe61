"""Ends: tests of whether one more whole batch is left, of rows or of the windows of a text: `at + size <= len(rows)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import whole
from lintloss.facts.callers import text_of
from lintloss.facts.caps import is_length
from lintloss.facts.whole import BATCH, ROWS, Counts, Loop
from lintloss.patterns import regex

WIDTHS = (".size(1)", ".size(-1)", ".shape[1]", ".shape[-1]")
NUMBERS = regex(
    r"idx|index|ind$|curr?(ent)?_batch$|(^|_)num|count|_no$|_i$"
)  # of a batch, which say nothing of its size


def steps(loop: Loop, counts: Counts) -> ast.AST | None:
    """Return `range(0, n - size + 1, size)`, or `while at + size <= n`: the last, partial batch is not in it."""
    if isinstance(loop, ast.While):
        return loop.test if _compares(loop.test, counts, ast.LtE, ast.Lt) else None
    return whole.steps(loop, counts)


def asks_for_more(test: ast.expr, counts: Counts) -> bool:
    """Say whether a test finds that less than a whole batch is left: `at + batch_size > len(rows)`.

    Or less than a window of each column: `(i + 1) * steps + 1 > columns.size(1)` where `columns[:, …]` ends there.
    """
    if _compares(test, counts, ast.GtE, ast.Gt) or _passes_columns(test, counts.function):
        return True
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Lt | ast.NotEq):
        return False
    return ROWS.search(text_of(test.left)) is not None and _holds_size(test.comparators[0], counts)


def _passes_columns(test: ast.expr, function: ast.AST) -> bool:
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.GtE | ast.Gt):
        return False
    end, width = text_of(test.left), text_of(test.comparators[0])
    cuts = [
        each for each in ast.walk(function) if isinstance(each, ast.Subscript) and isinstance(each.slice, ast.Tuple)
    ]
    return any(
        text_of(each.value) + size == width
        and isinstance(across, ast.Slice)
        and isinstance(along, ast.Slice)
        and across.lower is across.upper is None
        and along.lower is not None
        and along.upper is not None
        and text_of(along.upper) == end
        for each in cuts
        if isinstance(each.slice, ast.Tuple) and len(each.slice.elts) == 2
        for across, along in [each.slice.elts]
        for size in WIDTHS
    )


def _compares(test: ast.expr, counts: Counts, *operators: type[ast.cmpop]) -> bool:
    """Say whether a test compares the end of the next batch with the number of rows."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], operators):
        return False
    length = counts.of(test.comparators[0])
    if not is_length(length) and not ROWS.search(text_of(length)):
        return False
    end = test.left
    return isinstance(end, ast.BinOp) and isinstance(end.op, ast.Add | ast.Mult) and _holds_size(end, counts)


def _holds_size(node: ast.expr, counts: Counts) -> bool:
    """Say whether a sum has the size of a batch among its terms: rows, or the ids of all its windows."""
    return any(_is_size(each, counts) for each in _terms(node))


def _is_size(node: ast.expr, counts: Counts) -> bool:
    named = any(BATCH.search(text_of(each)) and not NUMBERS.search(text_of(each)) for each in whole.factors_of(node))
    return named or whole.is_of_windows(node, counts)


def _terms(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield from _terms(node.left)
        yield from _terms(node.right)
    else:
        yield node
