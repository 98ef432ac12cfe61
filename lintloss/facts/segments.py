"""Means of the segments of one batch, added up: `for i in range(0, T, width): total += loss(x[:, i : i + width])`.

What an unknown iteration adds divides out with what counts it. A count of batches counts no segments, so that a batch
that was cut into four has a loss four times as large.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts.linear import Linear
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Averaging
from lintloss.facts.units import ONE, count
from lintloss.facts.values import Quantity, Tensor

SEGMENT = "segment"
ITERATIONS = ("batch", "step", "example")


def told_apart(machine: Machine, node: ast.AST, total: Quantity, divisor: Quantity) -> Quantity:
    """Return a sum of means with its steps called segments, where they are that and the divisor counts none of them."""
    cutting = _cutting(total)
    if cutting is None or total.unit.power("step") != 1 or total.unit.degree != 0:
        return total
    if total.weights or _is_divided_on(machine, node):  # an average already: over the segments
        return total
    others = [loop for loop in total.loops if loop is not cutting]
    counts_others = any(divisor.of and divisor.of in (loop.key, loop.source) for loop in others)
    counts_one = divisor.unit.degree == 1 and any(divisor.unit.power(name) == 1 for name in ITERATIONS)
    if not counts_one or not counts_others or cutting in divisor.loops:
        return total
    return replace(total, unit=total.unit.swap("step", SEGMENT))


def _cutting(total: Quantity) -> Loop | None:
    """Return the loop that goes along the positions (or the rows) of each batch, a stretch of them at a time."""
    target = total.scoring.target if total.scoring is not None and total.scoring.reduction == "mean" else None
    window = target.window if isinstance(target, Tensor) else None
    if window is None or "at" in window.marks or window.length == Linear(const=1):
        return None
    return next((loop for loop in total.loops if loop.index in window.lower.atoms), None)


def _is_divided_on(machine: Machine, node: ast.AST) -> bool:
    """Say whether the statement divides a mean once more, by the segments perhaps: `np.mean(losses) / segments`."""
    statement = machine.frame.statement
    if statement is None or hasattr(statement, "body"):
        return False
    quotients = (each for each in ast.walk(statement) if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Div))
    return any(part is node for each in quotients if each is not node for part in ast.walk(each.left))


def forget(machine: Machine, mean: Quantity) -> None:
    """Take back that a divisor left segments out: what their number may be divides the mean now."""
    if mean.unit.power(SEGMENT) <= 0:
        return
    for key, seen in list(machine.log.items()):
        if isinstance(seen, Averaging) and seen.after == mean:
            before = replace(seen.before, unit=seen.before.unit.swap(SEGMENT, "step"))
            machine.log[key] = replace(seen, before=before, after=_over_iterations(mean))


def _over_iterations(mean: Quantity) -> Quantity:
    """Return a mean as it is where segments divide out with the iterations that were counted."""
    name = next((name for name in ITERATIONS if mean.unit.power(name) < 0), "")
    unit = mean.unit / count(SEGMENT) * (count(name) if name else ONE)
    return replace(mean, unit=unit, weights=(*mean.weights, *([name] if name else [])))
