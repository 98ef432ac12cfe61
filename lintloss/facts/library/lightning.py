"""Lightning's hooks: steps run once per batch, and what they return or leave on self is averaged at the epoch's end."""

from __future__ import annotations

import re

from lintloss.facts.library import meters
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Func, Ref, Value
from lintloss.findings import Evidence
from lintloss.patterns import regex

STEP = regex(r"^(validation|test)_step$")
END = regex(r"^(validation|test)(_epoch)?_end$")


def loop_around(machine: Machine, function: Func) -> Loop | None:
    """Return the loop over batches in which a framework calls a step, None for other functions."""
    if not _is_hook(machine, function, STEP):
        return None
    key = ("lightning", function.module.path, function.node.lineno)
    loop = machine.loop_of.get(key)
    if loop is None:
        span = machine.anchor(function.module).span(function.node)
        place = Evidence(function.module.path, span, "called by the framework once per batch")
        loop = machine.loop_of[key] = Loop(key, place, unit="batch")
    return loop


def note_returned(machine: Machine, function: Func, loop: Loop, value: Value) -> None:
    """Remember what a step returns: the hook at the epoch's end is given a list of it."""
    owner = function.self_value
    if isinstance(owner, Ref) and value != Const(None):
        outputs = Ref((*owner.id, "outputs", _stem(function)), "list")
        machine.put(outputs, "elem", value, 0)
        machine.put(outputs, "len", Const(0), 0)
        machine.list_loops[outputs.id] = (loop,)


def outputs_given(machine: Machine, function: Func) -> list[Value]:
    """Return the argument that the hook at the epoch's end is called with, [] for other functions."""
    owner = function.self_value
    if not isinstance(owner, Ref) or not _is_hook(machine, function, END):
        return []
    outputs = Ref((*owner.id, "outputs", _stem(function)), "list")
    return [outputs] if outputs.id in machine.list_loops else []


def _stem(function: Func) -> str:
    return getattr(function.node, "name", "").split("_")[0]


def _is_hook(machine: Machine, function: Func, names: re.Pattern[str]) -> bool:
    owner = function.self_value
    if not names.match(getattr(function.node, "name", "")) or not isinstance(owner, Ref):
        return False
    return meters.is_lightning(machine, owner)
