"""Discarded gradients: a loop over held-out data that calls backward(), takes no step and clears them trains nothing.

A criterion that also trains goes back through each loss it is given, whoever asks; so does a copied training loop of
which only the step was taken out. What reads `.grad` in between makes something of the gradients, whatever it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lintloss.facts import objectives
from lintloss.facts.callers import text_of
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.values import Class, Const, Func, Key, Lib, Quantity, Value
from lintloss.patterns import regex

CLEARS = "zero_grad"
MOVES = regex(r"step|update|apply|minimi[sz]e|train", re.IGNORECASE)
MOVED = regex(
    r"(^|[._(])(\w*optim\w*|opt|\w*scaler|\w*engine|\w*models?|\w*net(work)?|\w*param(eter)?s|weights)\b", re.IGNORECASE
)
NUMBERS = regex(r"\.item\(\)|\blen\(|\.size\(|\.shape\[|\bfloat\(|\bint\(|\.numel\(\)")
LOOKS = frozenset(
    {"builtins", "torch", "logging", "wandb", "numpy"}
)  # libraries that move no weights where they are given some
READS = regex(r"\.grad\b|autograd|clip_grad|requires_grad|create_graph")


@dataclass(frozen=True, slots=True)
class Unstepped:
    """What was known to train before a backward() that no step has followed yet."""

    loops: tuple[tuple[Loop, bool, bool, bool], ...]
    trained: dict[Key, bool]
    flags: dict[Key, str]


def are_in(machine: Machine) -> bool:
    """Say whether the gradients of the running loop are known to be thrown away."""
    return bool(machine.loops) and machine.loops[-1].discards


def remember(machine: Machine) -> None:
    """Note what is known before a backward() says that the running loops train."""
    machine.pending = Unstepped(
        tuple((loop, loop.trains, loop.may_train, loop.steps) for loop in machine.loops),
        dict(machine.trained),
        dict(machine.flags),
    )


def note(machine: Machine, node: ast.Call, method: str, args: Sequence[Value]) -> None:
    """Follow the gradients: a step uses them, and zero_grad() drops those that none did."""
    if machine.pending is None:
        return
    if MOVES.search(method):
        if not _counts(node, args):
            machine.pending = None
    elif method == CLEARS:
        pending, machine.pending = machine.pending, None
        if _are_unread(machine) and pending.loops and pending.loops[-1][0] is machine.loops[-1]:
            machine.loops[-1].discards = True
            _forget(machine, pending)


def _counts(node: ast.Call, args: Sequence[Value]) -> bool:
    """Say whether a method is given numbers alone, `meter.update(loss.item(), len(x))`, and is none of what is trained."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if owner is None or not args or MOVED.search(text_of(owner)):
        return False
    pairs = zip(node.args, args, strict=False)
    return all(isinstance(value, Const | Quantity) or NUMBERS.search(text_of(given)) for given, value in pairs)


def note_given(machine: Machine, node: ast.Call, callee: Value) -> None:
    """Take what is out of sight, and is given the optimizer or the model, for a step: `clip_and_update(model, optimizer)`."""
    if machine.pending is None or isinstance(callee, Func | Class):
        return
    if isinstance(callee, Lib) and callee.name.split(".")[0] in LOOKS:
        return
    given = [*node.args, *(each.value for each in node.keywords)]
    if any(MOVED.search(text_of(each)) for each in given if not isinstance(each, ast.Call) or _hands(each)):
        machine.pending = None


def _hands(given: ast.Call) -> bool:
    """Say whether an argument is what a method of a model gives, `model.parameters()`, and no output of the model."""
    return isinstance(given.func, ast.Attribute) and "param" in given.func.attr


def _are_unread(machine: Machine) -> bool:
    """Say whether a loop over held-out data is running, and neither it nor what it calls reads a gradient."""
    loop = machine.loops[-1] if machine.loops else None
    if loop is None or loop.statement is None or not objectives.is_held_out(loop.statement):
        return False
    called = (frame.node for frame in machine.frames[loop.frame :])
    return not any(READS.search(text_of(each)) for each in (loop.statement, *called))


def _forget(machine: Machine, pending: Unstepped) -> None:
    for loop, trains, may_train, steps in pending.loops:
        loop.trains, loop.may_train, loop.steps = trains, may_train, steps
    machine.trained, machine.flags = pending.trained, pending.flags
