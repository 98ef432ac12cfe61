"""Cross entropy written out: one-hot targets, smoothed or not, times log-probabilities, summed over the classes."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts.library import losses, shapes
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Quantity, Tensor, Value

SMOOTHED = "the targets are spread over the classes here"
HOT, COLD, SCORED = "onehot", "coldhot", "onehot_scores"  # coldhot: 1 where the target is not


def scattered(
    machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: dict[str, Value]
) -> Value | None:
    """Read `zeros_like(x).scatter_(1, ids.unsqueeze(1), 1)` as one-hot ids."""
    index = kwargs.get("index", args[1] if len(args) > 1 else None)
    ids = shapes.tensor(index) if index is not None else None
    if value.form != "filled" or ids is None:
        return None
    return replace(ids, form=HOT, key=(*ids.key, HOT))


def combined(machine: Machine, node: ast.AST, operator: ast.operator, left: Value, right: Value) -> Value | None:
    """Return `left op right` where one side is one-hot targets; None for others."""
    forms = {side.form for side in (left, right) if isinstance(side, Tensor)}
    if not forms & {HOT, COLD}:
        return None
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return _two(machine, node, operator, left, right)
    side, other = (left, right) if isinstance(left, Tensor) else (right, left)
    if not isinstance(side, Tensor):
        return None
    if isinstance(operator, ast.Mult) and other in (Const(0), Const(0.0)):
        return Const(0.0)
    if isinstance(operator, ast.Sub) and side is right and other in (Const(1), Const(1.0)):
        return replace(side, form=COLD if side.form == HOT else HOT)
    return side if isinstance(operator, ast.Mult | ast.Div | ast.Add) else None


def _two(machine: Machine, node: ast.AST, operator: ast.operator, left: Tensor, right: Tensor) -> Value | None:
    if {left.form, right.form} == {HOT, COLD} and isinstance(operator, ast.Add):
        return (left if left.form == HOT else right).with_step(machine.evidence(node, SMOOTHED))
    if isinstance(operator, ast.Mult) and {left.form, right.form} == {HOT, "log_probs"}:
        targets, log_probs = (left, right) if left.form == HOT else (right, left)
        return replace(log_probs, form=SCORED, pad=replace(targets, form="ids"), key=(*log_probs.key, SCORED))
    return None


def _is_smoothed(targets: Tensor) -> bool:
    return any(step.message == SMOOTHED for step in targets.trace)


def summed(machine: Machine, node: ast.AST, value: Tensor, axis: int | None) -> Value | None:
    """Return the sum of one-hot targets times log-probabilities: along the classes the losses, but for the sign."""
    if value.form != SCORED or not isinstance(value.pad, Tensor):
        return None
    picked = losses.picked_by(machine, node, replace(value, form="log_probs", pad=None), value.pad, "onehot")
    if isinstance(picked, Quantity) and picked.scoring is not None and _is_smoothed(value.pad):
        picked = replace(picked, scoring=replace(picked.scoring, smoothed=True))
    if not isinstance(picked, Quantity) or axis is not None:
        return picked
    return losses.reduced(machine, node, picked, "sum")
