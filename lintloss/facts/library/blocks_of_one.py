"""Blocks of one number, and what arithmetic makes of them: `zeros(rows, width) - 100`, `-ones_like(ids)`."""

from __future__ import annotations

import ast
import operator as operators
from collections.abc import Callable
from dataclasses import replace

from lintloss.facts.values import Const, Tensor, Value

KNOWN: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operators.add,
    ast.Sub: operators.sub,
    ast.Mult: operators.mul,
}


def combined(operator: ast.operator, left: Value, right: Value) -> Tensor | None:
    """Return `block - 100`, or `-1 * block`, as the block of another number; None for what is no such thing."""
    numbers = [_number(side) for side in (left, right)]
    block = next((side for side in (left, right) if isinstance(side, Tensor)), None)
    compute = KNOWN.get(type(operator))
    if block is None or compute is None or numbers[0] is None or numbers[1] is None:
        return None
    return replace(block, pad=Const(compute(numbers[0], numbers[1])))


def negated(value: Tensor) -> Tensor | None:
    number = _number(value)
    return replace(value, pad=Const(-number)) if number is not None else None


def _number(value: Value) -> float | None:
    """Return a number, or the one that a block is made of, which nothing was written into yet."""
    if isinstance(value, Tensor):
        value = value.pad if value.form == "filled" and value.window is None and value.pad is not None else value
    held = value.value if isinstance(value, Const) else None
    return held if isinstance(held, int | float) and not isinstance(held, bool) else None
