"""Closings: an end token that rows get in their block, behind what `len(row)` counts of them.

`block[i, 1 + len(row)] = END`, or a block that is wider than the longest row: its pad id closes each row.
"""

from __future__ import annotations

import ast

from lintloss.facts import bindings, plain_reads
from lintloss.facts.survey import called_name, walk


def are_given(function: ast.AST, mask: ast.Compare) -> bool:
    """Say whether position `len(row)` of each row holds its end: `arange(n) <= lengths` lets no padding through then."""
    return _reaches_behind(function, mask) or any(map(_closes, bindings.own(function)))


def _reaches_behind(function: ast.AST, mask: ast.Compare) -> bool:
    """Say whether the positions that are compared are more than the longest row has."""
    made = (each for each in walk(mask) if isinstance(each, ast.Call) and called_name(each.func) == "arange")
    return any((_beyond_longest(function, each.args[0]) or 0) > 0 for each in made if len(each.args) == 1)


def _beyond_longest(function: ast.AST, size: ast.expr, depth: int = 4) -> int | None:
    """Return by how much a number is more than the length of the longest row; None where it says nothing of that."""
    if depth == 0:
        return None
    if isinstance(size, ast.Name):
        value = bindings.only(bindings.of(function).get(size.id, ()))
        return _beyond_longest(function, value, depth - 1) if value is not None else None
    if isinstance(size, ast.BinOp) and isinstance(size.op, ast.Add | ast.Sub) and isinstance(size.right, ast.Constant):
        known, more = _beyond_longest(function, size.left, depth), size.right.value
        if known is None or not isinstance(more, int):
            return None
        return known + more if isinstance(size.op, ast.Add) else known - more
    if isinstance(size, ast.Call) and called_name(size.func) == "max":
        return 0
    inner = plain_reads.of_number(size)
    return _beyond_longest(function, inner, depth) if inner is not None else None


def _closes(node: ast.AST) -> bool:
    """Say whether one id is written behind a row: `block[i, len(row) + 1] = END`."""
    target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
    if not isinstance(target, ast.Subscript) or not isinstance(target.slice, ast.Tuple) or len(target.slice.elts) != 2:
        return False
    place = target.slice.elts[1]
    return any(isinstance(each, ast.Call) and called_name(each.func) == "len" for each in walk(place)) and not any(
        isinstance(each, ast.Slice) for each in walk(place)
    )
