"""Gradient accumulation: a micro-batch's mean loss divided by the number of micro-batches, in whatever spelling."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts.averages import scores_tokens
from lintloss.facts.equality import proven_equal, proven_unequal
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Accumulated
from lintloss.facts.survey import walk
from lintloss.facts.values import Const, LibObject, Opaque, Quantity, Value
from lintloss.findings import Evidence
from lintloss.patterns import regex

STEPS = regex(r"accum|micro_?batch|grad_?acc|steps_per_update|batch_split|update_freq", re.IGNORECASE)
INVERSE = "inverse accumulation"  # the name of 1 / accumulation_steps


def note_quotient(machine: Machine, node: ast.AST, loss: Quantity) -> None:
    """Note `loss / accumulation_steps`."""
    divisor = _right(node)
    if divisor is not None and (STEPS.search(ast.unparse(divisor)) or _steps_every(machine, ast.unparse(divisor))):
        _observe(machine, node, loss)


def _steps_every(machine: Machine, divisor: str) -> bool:
    """Say whether the optimizer moves once in so many passes of the running loop: `if (step + 1) % n == 0: optimizer.step()`."""
    loop = machine.loops[-1].statement if machine.loops else None
    if loop is None or divisor.isnumeric():
        return False
    return any(
        isinstance(each, ast.If) and _is_every(each.test, divisor) and _has_call(each.body, "step")
        for each in walk(loop)
    )


def _is_every(test: ast.expr, divisor: str) -> bool:
    return any(
        isinstance(each, ast.BinOp) and isinstance(each.op, ast.Mod) and ast.unparse(each.right) == divisor
        for each in ast.walk(test)
    )


def _has_call(body: list[ast.stmt], method: str) -> bool:
    return any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr == method
        for statement in body
        for each in walk(statement)
    )


def inverse(machine: Machine, node: ast.AST, left: Value) -> Value | None:
    """Return 1 / accumulation_steps, which loses nothing but its name; None for other quotients."""
    divisor = _right(node)
    if left in (Const(1), Const(1.0)) and divisor is not None and STEPS.search(ast.unparse(divisor)):
        return Opaque(machine.key(node), INVERSE)
    return None


def undoes(factor: Opaque) -> bool:
    """Say whether a factor is the accumulation steps, by which a loss was divided for training."""
    return factor.name != INVERSE and STEPS.search(factor.name) is not None


def note_product(machine: Machine, node: ast.AST, loss: Quantity, other: Value) -> None:
    """Note `loss * scale` where scale is one over the accumulation steps."""
    if isinstance(other, Opaque) and other.name == INVERSE:
        _observe(machine, node, loss)


def note_backward(machine: Machine, node: ast.Call, receiver: Value, args: list[Value]) -> None:
    """Note accelerator.backward(loss): it divides by the gradient_accumulation_steps that it was made with."""
    if not isinstance(receiver, LibObject) or not args or not isinstance(args[0], Quantity):
        return
    steps = dict(receiver.kwargs).get("gradient_accumulation_steps")
    if steps is not None and steps not in (Const(1), Const(None)):
        _observe(machine, node, args[0])


def _right(node: ast.AST) -> ast.expr | None:
    value = node.value if isinstance(node, ast.Assign) else node
    if isinstance(value, ast.AugAssign):
        return value.value
    return value.right if isinstance(value, ast.BinOp) else None


def _observe(machine: Machine, node: ast.AST, loss: Quantity) -> None:
    from lintloss.facts.settings import seen_at

    if loss.is_loss and loss.unit.is_intensive:
        loops = tuple(loop for loop in machine.loops if loop.unit != "epoch")
        machine.observe(Accumulated(loss=loss, loops=loops, **seen_at(machine, node, loops[-1:])))


def unequal_means(seen: Accumulated) -> tuple[bool, tuple[Evidence, ...]] | None:
    """Say whether micro-batches are proven to differ in scored tokens; None where they do not, or where it is no training."""
    loss = replace(seen.loss, loops=seen.loops)
    if seen.setting.phase == "evaluation" or proven_equal(loss) or not scores_tokens(seen, loss):
        return None
    unequal = proven_unequal(loss)
    return bool(unequal), (*unequal, *loss.trace)
