"""Last blocks: a cursor that goes down the columns of a text by blocks, and stops before the one that is not whole.

`columns[:, at : at + size]`, `at += size`, `if at + size >= columns.size(1): break`: of each row, up to a block is left.
Of a single text the same leaves out less than one window, which is let be.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts.callers import text_of
from lintloss.facts.ends import WIDTHS
from lintloss.facts.survey import called_name, walk
from lintloss.facts.whole import BATCH, Counts, Loop

SHOWS = frozenset({"print", "info", "debug", "warning", "log", "write", "set_postfix", "set_description"})
WORDS_OF = frozenset({"len", "str", "format", "list", "size", "tolist", "item", "int", "float"})  # what puts into words


def of_loop(loop: Loop, counts: Counts) -> ast.AST | None:
    """Return the test that ends a loop before the last block of its columns.

    None where there may be no such block, or where what is left may be taken behind it.
    """
    for cursor, size in _moved(loop):
        cut = {text for text in _cut(loop, cursor, size) if _has_rows(counts.function, text)}
        widths = {text + width for text in cut for width in WIDTHS}
        if not widths or _may_be_taken_behind(loop, counts.function, cursor, cut):
            continue
        if _is_bound_in(loop, size) or _may_fit(loop, size, cut, counts):
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


def _may_be_taken_behind(loop: Loop, scope: ast.AST, cursor: str, columns: set[str]) -> bool:
    """Say whether the cursor is read behind the loop's body, or the columns: `columns[:, at:]`, `columns[:, -rest:]`.

    How many columns there are says nothing of what stands in them.
    """
    last = loop.body[-1].end_lineno or 0
    shown = _shown(scope)
    behind = [each for each in walk(scope) if getattr(each, "lineno", 0) > last and id(each) not in shown]
    return any(text_of(each) == cursor for each in _names(behind)) or _reads(behind, columns)


def _shown(scope: ast.AST) -> set[int]:
    """Return what is only printed or logged, and given to nothing else there: `print("read", at, columns[0, :5])`."""
    statements = (each.value for each in walk(scope) if isinstance(each, ast.Expr) and isinstance(each.value, ast.Call))
    shows = [each for each in statements if called_name(each.func) in SHOWS]
    asked = (call for each in shows for call in walk(each) if isinstance(call, ast.Call) and call is not each)
    scored = {id(node) for call in asked if called_name(call.func) not in WORDS_OF for node in walk(call)}
    return {id(node) for each in shows for node in walk(each)} - scored


def _reads(nodes: list[ast.AST], columns: set[str]) -> bool:
    """Say whether some of these nodes read what stands in columns, and not their shape alone."""
    asked = {
        id(each.value)
        for each in nodes
        if isinstance(each, ast.Attribute) and each.attr in {"size", "shape", "device", "dtype", "numel"}
    }
    return any(text_of(each) in columns and id(each) not in asked for each in _names(nodes))


def _names(nodes: list[ast.AST]) -> Iterator[ast.Name | ast.Attribute]:
    for each in nodes:
        if isinstance(each, ast.Name | ast.Attribute) and isinstance(each.ctx, ast.Load):
            yield each


def _is_bound_in(loop: Loop, size: str) -> bool:
    """Say whether the size changes in the loop: `size = min(size, width - at)` is a block of what is left."""
    inside = (each for each in walk(loop) if isinstance(each, ast.Name | ast.Attribute))
    return any(text_of(each) == size and isinstance(each.ctx, ast.Store) for each in inside)


def _may_fit(loop: Loop, size: str, columns: set[str], counts: Counts) -> bool:
    """Say whether the columns may have been made a multiple of the size, or asked whether they are one.

    `assert width % size == 0`, `width // size * size`, or a function that is given both: `columns = padded(columns, size)`.
    """
    shown = _shown(counts.function)
    before = [
        each for each in walk(counts.function) if 0 < getattr(each, "lineno", 0) < loop.lineno and id(each) not in shown
    ]
    run = {text_of(each.func) for each in walk(loop) if isinstance(each, ast.Call)}
    before = [each for each in before if not _is_of_model(each, run)]
    sizes = {size, *(text_of(each) for each in _names(before) if text_of(counts.of(each)) == size)}
    return any(_rounds(each, sizes) or _gives_both(each, sizes, columns) for each in before)


def _is_of_model(node: ast.AST, run: set[str]) -> bool:
    """Say whether a node asks for the remainder of a setting of what the loop calls: `model.width % size`."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mod) or not isinstance(node.left, ast.Attribute):
        return False
    return any(text_of(node.left).startswith(each + ".") for each in run)


def _rounds(node: ast.AST, sizes: set[str]) -> bool:
    """Say whether a node is the remainder of a division by the size, or a multiple of the quotient."""
    if isinstance(node, ast.Call):
        asked = called_name(node.func) in {"divmod", "remainder", "fmod"}
        return asked and bool(node.args) and text_of(node.args[-1]) in sizes
    if not isinstance(node, ast.BinOp):
        return False
    if isinstance(node.op, ast.Mult):
        sides = ((node.left, node.right), (node.right, node.left))
        return any(text_of(one) in sizes and any(_divides(each, sizes) for each in walk(other)) for one, other in sides)
    return isinstance(node.op, ast.Mod) and text_of(node.right) in sizes


def _divides(node: ast.AST, sizes: set[str]) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.FloorDiv) and text_of(node.right) in sizes


def _gives_both(node: ast.AST, sizes: set[str], columns: set[str]) -> bool:
    """Say whether a statement makes the columns of something and the size, or a call is given both."""
    if isinstance(node, ast.Assign):
        made = any(text_of(each) in columns for each in node.targets)
        return made and any(text_of(each) in sizes for each in _names(walk(node.value)))
    if not isinstance(node, ast.Call):
        return False
    given = walk(node)
    return _reads(given, columns) and any(text_of(each) in sizes for each in _names(given))
