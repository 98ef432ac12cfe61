"""Mixtures: `gate * words + (1 - gate) * copies` of probabilities are probabilities again, as copy mechanisms make them."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TypeGuard

from lintloss.facts.library import onehot
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Tensor, Value

SHARE = (
    "share"  # last in the key of what is left of a gate, or of probabilities times one: of no form until it is added up
)


def combined(machine: Machine, node: ast.AST, operator: ast.operator, left: Value, right: Value) -> Tensor | None:
    """Return `left op right` of probabilities and their shares; None where it makes neither."""
    if isinstance(operator, ast.Sub) and left in (Const(1), Const(1.0)) and isinstance(right, Tensor):
        return _share(right) if _is_probable(right) else None
    if not (isinstance(left, Tensor) and isinstance(right, Tensor) and _is_probable(left) and _is_probable(right)):
        return None
    side = left if left.window == right.window else replace(left, window=None)
    if isinstance(operator, ast.Mult):
        return _share(side)
    if isinstance(operator, ast.Add) and (_is_share(left) or _is_share(right)):
        return _mixed(machine, node, side)
    return None


def weighed(machine: Machine, node: ast.BinOp) -> Tensor | None:
    """Read `weight * cached + (1 - weight) * p`: what is mixed with probabilities so is taken for probabilities, too."""
    from lintloss.facts.expressions import evaluate

    factors = [(each.left, each.right) for each in (node.left, node.right) if _is_product(each)]
    if len(factors) < 2 or not isinstance(node.op, ast.Add):
        return None
    for weight, one in (factors[0], factors[0][::-1]):
        for rest, other in (factors[1], factors[1][::-1]):
            if _is_rest(rest, weight) or _is_rest(weight, rest):
                found = [evaluate(machine, one), evaluate(machine, other)]
                probable = [each for each in found if isinstance(each, Tensor) and each.form == "probs"]
                return _mixed(machine, node, probable[0]) if probable else None
    return None


def _is_product(node: ast.expr) -> TypeGuard[ast.BinOp]:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)


def _is_rest(node: ast.expr, weight: ast.expr) -> bool:
    """Say whether an expression is `1 - weight`."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and isinstance(node.left, ast.Constant)):
        return False
    return node.left.value == 1 and ast.unparse(node.right) == ast.unparse(weight)


def scattered(
    machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: dict[str, Value]
) -> Value | None:
    """Read `words.scatter_add(2, source_ids, copies)`: what is copied goes to the words that it is."""
    added = kwargs.get("src", args[2] if len(args) > 2 else None)
    if _is_probable(value):
        return onehot.in_place(machine, node, _mixed(machine, node, value))
    if value.form != "filled" or value.pad != Const(0) or not isinstance(added, Tensor) or not _is_probable(added):
        return None
    return onehot.in_place(machine, node, replace(added, window=None, axes=None))


def _is_probable(value: Tensor) -> bool:
    return value.form == "probs" or _is_share(value)


def _is_share(value: Tensor) -> bool:
    return value.form == "" and value.key[-1:] == (SHARE,)


def _share(value: Tensor) -> Tensor:
    return value if _is_share(value) else replace(value, form="", key=(*value.key, SHARE))


def _mixed(machine: Machine, node: ast.AST, value: Tensor) -> Tensor:
    key = machine.key(node, "mixture")
    of_one = value.key[-1:] == ("[]",)  # one of several that a loop goes through
    made = replace(value, form="probs", key=(*key, "[]") if of_one else key)
    return made.with_step(machine.evidence(node, "probabilities are mixed here"))
