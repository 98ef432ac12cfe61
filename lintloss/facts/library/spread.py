"""Label smoothing by hand: targets that are spread over the classes, and the mean over the classes added to a loss."""

from __future__ import annotations

import ast

from lintloss.facts import options as settings
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Opaque, Tensor, Value, options

SMOOTHED = "the targets are spread over the classes here"
MAYBE = "the targets are spread over the classes here, by an amount that is not known"
WEIGHED = "one-hot targets are made smaller here"
UNIFORM = "uniform"  # log-probabilities summed over the classes: what a uniform target would cost, but for the sign

NOTHING = (Const(0), Const(0.0), Const(False))
WHOLE = (Const(1), Const(1.0), Const(True))


def is_certain(targets: Value) -> bool:
    """Say whether targets are known to be spread over the classes."""
    return all(_has(each, SMOOTHED) for each in options(targets))


def amount(targets: Value) -> Value | None:
    """Return by how much targets are spread where that depends on what is not known; None where they are not."""
    found = any(_has(each, SMOOTHED) or _has(each, MAYBE) for each in options(targets))
    return Opaque(("smoothing",), "smoothing") if found and not is_certain(targets) else None


def _has(targets: Value, message: str) -> bool:
    return isinstance(targets, Tensor) and any(step.message == message for step in targets.trace)


def filled(machine: Machine, node: ast.AST, targets: Tensor, hot: Value | None, cold: Value | None) -> Tensor:
    """Return one-hot targets with `hot` at the label and `cold` elsewhere, marked where they are spread."""
    hot = Const(1) if hot is None or isinstance(hot, Tensor) else hot
    cold = Const(0) if cold is None else cold
    if cold in NOTHING and (hot in WHOLE or not isinstance(hot, Const)):
        return targets
    known = (isinstance(hot, Const) and hot not in WHOLE) or (isinstance(cold, Const) and cold not in NOTHING)
    return targets.with_step(machine.evidence(node, SMOOTHED if known else MAYBE))


def weighed(machine: Machine, node: ast.AST, targets: Tensor, factor: Value) -> Tensor:
    """Return one-hot targets times a factor: 1 - 0.1 is half of a smoothing, and so is an option that is on by default."""
    if factor in WHOLE or not (isinstance(factor, Const) or settings.default_of(machine, factor)):
        return targets
    return targets.with_step(machine.evidence(node, WEIGHED))


def raised(machine: Machine, node: ast.AST, targets: Tensor, more: Value) -> Tensor:
    """Return one-hot targets with something added everywhere: the other half."""
    if more in NOTHING:
        return targets
    known = isinstance(more, Const) or _has(targets, WEIGHED)
    return targets.with_step(machine.evidence(node, SMOOTHED if known else MAYBE))


def joined(machine: Machine, node: ast.AST, hot: Tensor, cold: Tensor) -> Tensor:
    """Return `hot * (1 - eps) + (1 - hot) * eps / n`: targets that are spread by an amount that is known, or is not."""
    known = _has(hot, WEIGHED) or _has(cold, WEIGHED)
    return hot.with_step(machine.evidence(node, SMOOTHED if known else MAYBE))


def smoothed(
    machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: dict[str, Value]
) -> Tensor | None:
    """Read `optax.smooth_labels(targets, 0.1)`."""
    by = kwargs.get("alpha", args[0] if args else None)
    if by is None:
        return None
    return value if by in NOTHING else raised(machine, node, value, by)


def over_classes(value: Value, axis: int | None) -> Tensor | None:
    """Return the sum or mean of log-probabilities over the classes, and what is summed of it again."""
    if not isinstance(value, Tensor):
        return None
    if value.form == UNIFORM:
        return value
    if value.form != "log_probs" or axis not in {-1, 1, 2} or "logsigmoid" in value.key:
        return None
    return Tensor(UNIFORM, None, None, (*value.key, UNIFORM), model=value.model, trace=value.trace)


def combined(operator: ast.operator, left: Value, right: Value) -> Value | None:
    """Return `left op right` where one side is the cost of uniform targets: the same, whatever it is scaled by."""
    side, other = (left, right) if isinstance(left, Tensor) and left.form == UNIFORM else (right, left)
    if not isinstance(side, Tensor) or side.form != UNIFORM or not isinstance(operator, ast.Mult | ast.Div):
        return None
    return Const(0.0) if other in NOTHING and isinstance(operator, ast.Mult) else side
