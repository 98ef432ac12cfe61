"""Means that are kept while the loop runs: `m += (x - m) / k`, `m += (x - m) * n / seen`, `(m * k + x) / (k + 1)`."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from lintloss.facts import factors, quotients, sums
from lintloss.facts.expressions import evaluate
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.units import count
from lintloss.facts.values import Quantity, Value, options


@dataclass(frozen=True, slots=True)
class Parts:
    """The pieces of a running mean's step: what is averaged, its weight if it has one, and what is counted so far."""

    value: ast.expr
    count: ast.expr
    weight: ast.expr | None = None


def _is(node: ast.expr, operator: type[ast.operator]) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, operator)


def step_of(target: ast.expr, value: ast.expr) -> Parts | None:
    """Read `target += value` as a step of a running mean: value is `(x - target) / k`, or `(x - target) * w / k`."""
    above, below = _factors(value)
    name = ast.unparse(target)
    step = next((each for each in above if isinstance(each, ast.BinOp) and _steps_from(each, name)), None)
    weights = [each for each in above if each is not step]
    if step is None or len(below) != 1 or len(weights) > 1:
        return None
    return Parts(step.left, below[0], weights[0] if weights else None)


def is_step(target: ast.expr, value: ast.expr) -> bool:
    """Say whether `target += value` moves the target towards something: by a share that need not be a count's."""
    name = ast.unparse(target)
    return any(isinstance(each, ast.BinOp) and _steps_from(each, name) for each in _factors(value)[0])


def _steps_from(node: ast.BinOp, name: str) -> bool:
    return _is(node, ast.Sub) and ast.unparse(node.right) == name


def _factors(node: ast.expr) -> tuple[list[ast.expr], list[ast.expr]]:
    """Take a product apart: its factors above and below the line."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult | ast.Div):
        return [node], []
    above, below = _factors(node.left)
    more, less = _factors(node.right)
    if isinstance(node.op, ast.Div):
        more, less = less, more if len(more) < 2 else [node.right]  # (x - m) / (w * k)
    return above + more, below + less


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
    """(m * k + x) / (k + 1), (m * (k - 1) + x) / k: the factor is part of the divisor, or the divisor is part of it."""
    for old, new in ((above.left, above.right), (above.right, above.left)):
        if isinstance(old, ast.BinOp) and _is(old, ast.Mult):
            factors = {ast.unparse(old.left), ast.unparse(old.right)}
            if isinstance(divisor, ast.BinOp) and _is(divisor, ast.Add) and ast.unparse(divisor.left) in factors:
                return Parts(new, divisor)
            less = [each for each in (old.left, old.right) if isinstance(each, ast.BinOp) and _is(each, ast.Sub)]
            if any(ast.unparse(each.left) == ast.unparse(divisor) for each in less):
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
    if parts.weight is not None:
        weighted = factors.multiply(machine, node, value, evaluate(machine, parts.weight))
        if not isinstance(weighted, Quantity):
            return None
        value = weighted
    total = sums.accumulate(machine, node, value, value, machine.depth - len(over))
    if not isinstance(total, Quantity):
        return None
    return quotients.average(machine, node, total, _count(machine, parts.count, over[-1]), "running")


def _count(machine: Machine, divisor: ast.expr, loop: Loop) -> Quantity:
    number = next(
        (each for each in options(evaluate(machine, divisor)) if isinstance(each, Quantity) and each.is_count), None
    )
    return number or Quantity(count(loop.unit), of=loop.key)
