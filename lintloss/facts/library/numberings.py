"""Numberings: targets that no data went into, `arange(n) * k`, `zeros(n)`, `[0] * n`: contrastive losses have them.

The right candidate of a row is the one at its own place, or the first: there is one a row, and there are no tokens.
"""

from __future__ import annotations

import ast

from lintloss.facts import bindings
from lintloss.facts.library.tables import TENSOR_MOVES
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, LibObject, Ref, Tensor, Value

RANGES = frozenset({"arange", "range"})
BLOCKS = frozenset({"zeros", "ones", "full", "new_zeros", "new_ones", "new_full"})
WRAPPED = frozenset({"tensor", "as_tensor", "LongTensor", "list", "array", "asarray", "from_numpy", "new_tensor"})


def is_one(machine: Machine, node: ast.AST, target: Value) -> bool:
    """Say whether the targets of a criterion call number the rows, or are one class for all of them."""
    if isinstance(target, LibObject):
        return target.name.rsplit(".", 1)[-1] in RANGES
    if isinstance(target, Tensor):
        return target.form == "positions"
    if isinstance(target, Ref) and target.kind == "tensor":
        return isinstance(machine.elem(target), Const)
    given = node.args[1] if isinstance(node, ast.Call) and len(node.args) > 1 else None
    return given is not None and _is_written(machine, given)


def _is_written(machine: Machine, given: ast.expr) -> bool:
    """Say whether an expression, or all that its name was bound to before, is a numbering."""
    given = _unmoved(given)
    if not isinstance(given, ast.Name) or not machine.frames:
        return _is_made_of_sizes(given)
    bound = bindings.before(bindings.of(machine.frame.node).get(given.id, ()), given.id, given.lineno)
    made = [
        each.value for each in bound if not each.picks and each.value is not None and not _is_moved(each.value, given)
    ]
    return bool(made) and all(map(_is_made_of_sizes, made)) and not any(each.picks for each in bound)


def _unmoved(value: ast.expr) -> ast.expr:
    """Return what a value is elsewhere, or of another type: `labels.to(device)`."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in TENSOR_MOVES:
        value = value.func.value
    return value


def _is_moved(value: ast.expr, name: ast.Name) -> bool:
    """Say whether a name is bound to itself: `labels = labels.to(device)`."""
    kept = _unmoved(value)
    return isinstance(kept, ast.Name) and kept.id == name.id


def _is_made_of_sizes(node: ast.expr) -> bool:
    node = _unmoved(node)
    if isinstance(node, ast.ListComp):  # `[i * 2 for i in range(n)]`
        return all(_is_made_of_sizes(each.iter) for each in node.generators) and _is_number(node.elt)
    if isinstance(node, ast.BinOp):
        sides = (node.left, node.right)
        return any(map(_is_made_of_sizes, sides)) and all(_is_made_of_sizes(side) or _is_number(side) for side in sides)
    if isinstance(node, ast.List):  # `[0] * n`
        return len(node.elts) == 1 and isinstance(node.elts[0], ast.Constant)
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in RANGES:
        return True
    if name in BLOCKS:  # of one axis
        sizes = [each for each in node.args if not isinstance(each, ast.Starred)]
        wide = isinstance(node.args[0], ast.Tuple | ast.List) and len(node.args[0].elts) > 1 if node.args else False
        return len(sizes) == len(node.args) == (2 if name.startswith("full") else 1) and not wide
    return name in WRAPPED and bool(node.args) and _is_made_of_sizes(node.args[0])


def _is_number(node: ast.expr) -> bool:
    """Say whether an expression is arithmetic of sizes, plain names and numbers: `2 * i + 1`, `rank * len(rows)`."""
    if isinstance(node, ast.BinOp):
        return _is_number(node.left) and _is_number(node.right)
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", getattr(node.func, "attr", "")) in {"len", "size"}
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Attribute) and node.value.attr == "shape"
    return isinstance(node, ast.Constant | ast.Name | ast.Attribute)
