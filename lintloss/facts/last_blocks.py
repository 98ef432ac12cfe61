"""Last blocks: a cursor that goes down the columns of a text by blocks, and stops before the one that is not whole.

`columns[:, at : at + size]`, `at += size`, `if at + size >= columns.size(1): break`: of each row, up to a block is left.
Of a single text the same leaves out less than one window, which is let be.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts.callers import text_of
from lintloss.facts.ends import WIDTHS
from lintloss.facts.survey import walk
from lintloss.facts.whole import BATCH, Counts, Loop


def of_loop(loop: Loop, counts: Counts) -> ast.AST | None:
    """Return the test that ends a loop before the last block of its columns; None where what is left is taken behind it."""
    for cursor, size in _moved(loop):
        cut = {text for text in _cut(loop, cursor, size) if _has_rows(counts.function, text)}
        widths = {text + width for text in cut for width in WIDTHS}
        if not widths or _is_taken_behind(loop, counts.function, cursor):
            continue
        if (
            isinstance(loop, ast.While)
            and _goes_up_to(loop.test)
            and _is_short(loop.test, cursor, size, widths, counts)
        ):
            return loop.test
        for each in loop.body:
            stops = isinstance(each, ast.If) and isinstance(each.body[-1], ast.Break) and not each.orelse
            if isinstance(each, ast.If) and stops and len(each.body) == 1:
                if _reaches(each.test) and _is_short(each.test, cursor, size, widths, counts):
                    return each.test
    return None


def _has_rows(function: ast.AST, text: str) -> bool:
    """Say whether what is cut is a batch of columns: a function that speaks of batches, or asks how many rows there are."""
    asked = {f"{text}.size(0)", f"{text}.shape[0]"}
    parts = [each for each in walk(function) if isinstance(each, ast.Name | ast.Attribute | ast.Call | ast.Subscript)]
    return any(text_of(each) in asked or _names_batch(each) for each in parts)


def _names_batch(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and BATCH.search(text_of(node)) is not None


def _goes_up_to(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Lt | ast.LtE)


def _reaches(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Gt | ast.GtE)


def _moved(loop: Loop) -> Iterator[tuple[str, str]]:
    """Yield what a loop moves on in each pass, and by how much: `at += size`."""
    for each in loop.body:
        if isinstance(each, ast.AugAssign) and isinstance(each.op, ast.Add) and isinstance(each.target, ast.Name):
            if not isinstance(each.value, ast.Constant) or each.value.value != 1:
                yield each.target.id, text_of(each.value)


def _cut(loop: Loop, cursor: str, size: str) -> set[str]:
    """Return what is cut in all its rows from the cursor on, by the size of a block."""
    return {
        text_of(each.value)
        for each in walk(loop)
        if isinstance(each, ast.Subscript) and isinstance(each.slice, ast.Tuple) and len(each.slice.elts) == 2
        for across, along in [each.slice.elts]
        if isinstance(across, ast.Slice) and across.lower is across.upper is None and isinstance(along, ast.Slice)
        if along.lower is not None and along.upper is not None and text_of(along.lower) == cursor
        if text_of(along.upper) == f"{cursor} + {size}"
    }


def _is_short(test: ast.expr, cursor: str, size: str, widths: set[str], counts: Counts) -> bool:
    """Say whether a test compares the end of the next block with the width, or the cursor with the width less a block."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    left, right = text_of(test.left), test.comparators[0]
    if left == f"{cursor} + {size}":
        return text_of(counts.of(right)) in widths
    if left != cursor or not isinstance(right, ast.BinOp) or not isinstance(right.op, ast.Sub):
        return False
    return text_of(counts.of(right.left)) in widths and text_of(right.right) == size


def _is_taken_behind(loop: Loop, scope: ast.AST, cursor: str) -> bool:
    """Say whether what the cursor has not passed is read behind the loop: `columns[:, at:]`."""
    behind = (each for each in walk(scope) if isinstance(each, ast.Slice) and each.lower is not None)
    last = loop.end_lineno or 0
    return any(each.lower is not None and text_of(each.lower) == cursor and each.lower.lineno > last for each in behind)
