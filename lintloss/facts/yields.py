"""Yields: what a generator gives, by itself or from another one, collected over its loops."""

from __future__ import annotations

import ast

from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, LibObject, Quantity, Ref, Tuple, Value, join, options


def of_yield(machine: Machine, node: ast.Yield) -> Value:
    value = evaluate(machine, node.value) if node.value is not None else Const(None)
    frame = machine.frame
    if machine.loops[frame.loop_base :]:
        frame.yields = _collected(machine, value)
    else:
        frame.yields = value if frame.yields is None else join(frame.yields, value)
    return UNKNOWN


def _holds_loss(value: Value) -> bool:
    """Say whether a value is a loss, or a tuple with one in it: `yield loss.item(), perplexity`."""
    found = value.items if isinstance(value, Tuple) else (value,)
    return any(isinstance(option, Quantity) and option.is_loss for each in found for option in options(each))


def of_yield_from(machine: Machine, node: ast.YieldFrom) -> Value:
    value = evaluate(machine, node.value)
    if isinstance(value, Ref | LibObject):
        machine.frame.handed = value
    return UNKNOWN


def _collected(machine: Machine, value: Value) -> Ref:
    """Return the list of what a generator yields in its loop: a batch, or a loss, for each of its iterations."""
    from lintloss.facts import collecting

    frame = machine.frame
    yielded = Ref(frame.yielded(machine), "list")
    if _holds_loss(value) and machine.get(yielded, "len") is None:
        machine.put(yielded, "len", Const(0), frame.loop_base)
    collecting.collect(machine, yielded.id, value, frame.loop_base)
    return yielded


# Evaluation goes round in circles: `expressions` asks this file, so what needs `evaluate` comes last.
from lintloss.facts.expressions import evaluate  # noqa: E402
