"""Discarded gradients: a loop over held-out data that calls backward(), takes no step and clears them trains nothing.

A criterion that also trains goes back through each loss it is given, whoever asks; so does a copied training loop of
which only the step was taken out. What reads `.grad` in between makes something of the gradients, whatever it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lintloss.facts import objectives
from lintloss.facts.callers import text_of
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.values import Key
from lintloss.patterns import regex

CLEARS = "zero_grad"
MOVES = regex(r"step|update|apply|minimi[sz]e|train", re.IGNORECASE)
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


def note(machine: Machine, method: str) -> None:
    """Follow the gradients: a step uses them, and zero_grad() drops those that none did."""
    if machine.pending is None:
        return
    if MOVES.search(method):
        machine.pending = None
    elif method == CLEARS:
        pending, machine.pending = machine.pending, None
        if _are_unread(machine) and pending.loops and pending.loops[-1][0] is machine.loops[-1]:
            machine.loops[-1].discards = True
            _forget(machine, pending)


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
