"""Masks: which entries a comparison lets through, and padding written out as list arithmetic."""

from __future__ import annotations

import ast
import re

from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Opaque, Ref, Tensor, Value, Window

LENGTHS = re.compile(r"len", re.IGNORECASE)


def sense_of(operator: ast.cmpop, right: Value, left: Value) -> bool | None:
    """Say whether true entries are text: `labels != pad`, `mask == 1`, `mask > 0`."""
    if isinstance(left, Tensor) and left.form == "mask":
        zero = right in (Const(0), Const(False))
        keeps = left.sense is not False
        if isinstance(operator, ast.Eq):
            return keeps != zero
        return keeps == zero if isinstance(operator, ast.NotEq) else keeps
    if isinstance(operator, ast.Eq | ast.Lt):
        return False
    return True if isinstance(operator, ast.NotEq) else None


def by_position(machine: Machine, node: ast.Compare, left: Value, rights: list[Value]) -> Tensor | None:
    """Read `arange(T) < lengths` as a length mask; with `<=` it keeps one position too many."""
    operator = node.ops[0]
    sides = [(left, node.comparators[0], operator), (rights[0], node.left, _mirrored(operator))]
    for side, other, order in sides:
        if isinstance(side, Tensor) and side.form == "positions" and LENGTHS.search(ast.unparse(other)):
            closed = isinstance(order, ast.LtE)
            window = Window(
                ("lengths",), marks=frozenset({"closed"}) if closed and not _less_one(other) else frozenset()
            )
            keeps = isinstance(order, ast.Lt | ast.LtE)
            return Tensor("mask", window, None, machine.key(node, "lengths"), "mask", sense=keeps)
    return None


def _mirrored(operator: ast.cmpop) -> ast.cmpop:
    pairs: dict[type[ast.cmpop], ast.cmpop] = {
        ast.Lt: ast.Gt(),
        ast.Gt: ast.Lt(),
        ast.LtE: ast.GtE(),
        ast.GtE: ast.LtE(),
    }
    return pairs.get(type(operator), operator)


def _less_one(node: ast.expr) -> bool:
    return any(isinstance(each, ast.BinOp) and isinstance(each.op, ast.Sub) for each in ast.walk(node))


def padded_list(machine: Machine, node: ast.BinOp, left: Value) -> Tensor | None:
    """Read `ids + [pad] * (longest - len(ids))` as ids that are filled up."""
    if not isinstance(node.op, ast.Add):
        return None
    return filled(machine, node, left, node.right)


def fill_up(machine: Machine, node: ast.AST, target: ast.expr, more: ast.expr) -> bool:
    """Read `ids += [pad] * (longest - len(ids))`; False where it is something else."""
    from lintloss.facts import assign
    from lintloss.facts.expressions import evaluate

    if not (isinstance(more, ast.BinOp) and isinstance(more.op, ast.Mult)):
        return False
    found = filled(machine, node, evaluate(machine, target), more)
    if found is not None:
        assign.store(machine, target, found)
    return found is not None


def filled(machine: Machine, node: ast.AST, left: Value, right: ast.expr) -> Tensor | None:
    """Return `left` filled up by `[pad] * (longest - len)`, None where `right` is something else."""
    from lintloss.facts.expressions import evaluate

    if not (isinstance(right, ast.BinOp) and isinstance(right.op, ast.Mult)):
        return None
    cells, amount = (right.left, right.right) if isinstance(right.left, ast.List) else (right.right, right.left)
    if not (
        isinstance(cells, ast.List) and len(cells.elts) == 1 and isinstance(amount, ast.BinOp | ast.Name | ast.Call)
    ):
        return None
    if isinstance(amount, ast.BinOp) and not isinstance(amount.op, ast.Sub):
        return None
    found = _row(left)
    if found is None:
        return None
    pad = evaluate(machine, cells.elts[0])
    known = pad if not (isinstance(pad, Const) and (not isinstance(pad.value, int) or pad.value < 0)) else None
    step = machine.evidence(node, "rows are filled up here with a pad id")
    window = found.window
    return Tensor(
        "ids",
        window,
        None,
        machine.key(node, "padded"),
        found.name,
        (*found.trace, step) if known is not None else found.trace,
        pad=known,
    )


def _row(value: Value) -> Tensor | None:
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Opaque) and value.key:
        return Tensor("ids", Window(value.key), None, value.key, value.name)
    if isinstance(value, Ref) and value.kind == "list":
        return Tensor("ids", Window(value.id), None, value.id)
    return None
