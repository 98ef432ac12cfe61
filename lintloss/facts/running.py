"""Means that are kept while the loop runs: `m += (x - m) / k`, `m += (x - m) * n / seen`, `(m * k + x) / (k + 1)`."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from lintloss.facts import arithmetic
from lintloss.facts.expressions import evaluate
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.units import count
from lintloss.facts.values import Quantity, Value, options


@dataclass(frozen=True, slots=True)
class Parts:
    """What is averaged, the count that it is divided by, and the weight that it comes with."""

    value: ast.expr
    count: ast.expr
    weight: ast.expr | None = None


def _is(node: ast.expr, operator: type[ast.operator]) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, operator)


def step_of(target: ast.expr, value: ast.expr) -> Parts | None:
    """Read `target += value` as a step of a running mean: `(x - target) / k`, `(x - target) * w / k` or `… * (w / k)`."""
    if not isinstance(value, ast.BinOp):
        return None
    if isinstance(value.op, ast.Div):
        return _weighted_step(target, value.left, value.right)
    if isinstance(value.op, ast.Mult):
        for move, share in ((value.left, value.right), (value.right, value.left)):
            found = _moved_to(target, move)
            if found is not None and isinstance(share, ast.BinOp) and isinstance(share.op, ast.Div):
                return Parts(found, share.right, share.left)
    return None


def _weighted_step(target: ast.expr, above: ast.expr, count: ast.expr) -> Parts | None:
    """Read what is divided by the count: `x - target`, or that times a weight."""
    found = _moved_to(target, above)
    if found is not None:
        return Parts(found, count)
    if isinstance(above, ast.BinOp) and isinstance(above.op, ast.Mult):
        for move, weight in ((above.left, above.right), (above.right, above.left)):
            found = _moved_to(target, move)
            if found is not None:
                return Parts(found, count, weight)
    return None


def _moved_to(target: ast.expr, move: ast.expr) -> ast.expr | None:
    """Return x of `x - target`."""
    if isinstance(move, ast.BinOp) and isinstance(move.op, ast.Sub):
        return move.left if ast.unparse(move.right) == ast.unparse(target) else None
    return None


def parts_of(node: ast.BinOp) -> Parts | None:
    """Read an expression as the new value of a running mean, from the old one and what is averaged."""
    if isinstance(node.op, ast.Div) and isinstance(node.left, ast.BinOp) and _is(node.left, ast.Add):
        return _joined(node.left, node.right)
    if not isinstance(node.op, ast.Add):
        return None
    found = step_of(node.left, node.right)
    if found is not None:
        return found
    new = node.right
    if isinstance(new, ast.BinOp) and _is(new, ast.Div) and _rescaled_by(node.left, ast.unparse(new.right)):
        return Parts(new.left, new.right)
    return None


def _joined(above: ast.BinOp, divisor: ast.expr) -> Parts | None:
    """(m * k + x) / (k + 1): the factor is part of the divisor."""
    for old, new in ((above.left, above.right), (above.right, above.left)):
        if isinstance(old, ast.BinOp) and _is(old, ast.Mult):
            factors = {ast.unparse(old.left), ast.unparse(old.right)}
            if isinstance(divisor, ast.BinOp) and _is(divisor, ast.Add) and ast.unparse(divisor.left) in factors:
                return Parts(new, divisor)
    return None


def _rescaled_by(old: ast.expr, divisor: str) -> bool:
    """m * (k - 1) / k, or m * ((k - 1) / k)."""
    if isinstance(old, ast.BinOp) and _is(old, ast.Div):
        return _is(old.left, ast.Mult) and ast.unparse(old.right) == divisor
    if isinstance(old, ast.BinOp) and _is(old, ast.Mult):
        return any(
            isinstance(side, ast.BinOp) and _is(side, ast.Div) and ast.unparse(side.right) == divisor
            for side in (old.left, old.right)
        )
    return False


def mean(machine: Machine, node: ast.AST, parts: Parts, over: list[Loop]) -> Value | None:
    """Average a loss over loops as a running mean; None where no loss is averaged."""
    value = next((each for each in options(evaluate(machine, parts.value)) if isinstance(each, Quantity)), None)
    if value is None or not over or not (value.is_loss or value.is_perplexity):
        return None
    weighted = value
    if parts.weight is not None:
        product = arithmetic.multiply(machine, node, value, evaluate(machine, parts.weight))
        if not isinstance(product, Quantity):
            return None
        weighted = product
    total = arithmetic.accumulate(machine, node, weighted, weighted, machine.depth - len(over))
    if not isinstance(total, Quantity):
        return None
    return arithmetic.average(machine, node, total, _count(machine, parts.count, over[-1]), "running")


def _count(machine: Machine, divisor: ast.expr, loop: Loop) -> Quantity:
    number = next(
        (each for each in options(evaluate(machine, divisor)) if isinstance(each, Quantity) and each.is_count), None
    )
    return number or Quantity(count(loop.unit), of=loop.key)
