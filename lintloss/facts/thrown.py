"""Rows thrown away: `[next(rows) for _ in range(n)]` where what reads the rows ends the list in the middle.

StopIteration leaves the comprehension, and the rows that it has read already are gone: nobody can score the last batch.
So it leaves a loop that fills a list, which `refills` knows.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from lintloss.facts import bindings, exhaustion, refills
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.values import Func
from lintloss.findings import Evidence

SAID = "what was read before the end is lost here: the rows of the last, partial batch"


@dataclass(frozen=True, slots=True)
class Thrown:
    """place: the comprehension. shown: it, or the call in the file that runs which leads there. loop: around it."""

    place: Evidence
    shown: Evidence
    loop: Loop


def note(machine: Machine, node: ast.AST) -> None:
    """Remember a list of so many rows, inside of a `try` that ends the pass where there are no more."""
    if not machine.loops or not refills.is_counted(node) or not isinstance(node, ast.ListComp):
        return
    if not any(_ends(machine, each) for each in ast.walk(node.elt) if isinstance(each, ast.Call)):
        return
    frames = (frame for frame in machine.frames if frame.statement is not None)
    if any(frame.statement is not None and exhaustion.ends_pass(frame.node, frame.statement) for frame in frames):
        _remember(machine, node)


def note_fill(machine: Machine, node: ast.For | ast.While) -> None:
    """Remember a loop that fills the list of a batch, where the function that runs ends with the rows."""
    function = machine.frame.node
    drawn = refills.loses(function, node) if machine.loops and exhaustion.ends_pass(function, node) else None
    if drawn is not None:
        _remember(machine, drawn)


def _remember(machine: Machine, node: ast.AST) -> None:
    place = machine.evidence(node, SAID)
    found = Thrown(place, _shown(machine, place), machine.loops[-1])
    if found not in machine.thrown:
        machine.thrown.append(found)


def in_generator(function: ast.AST) -> ast.AST | None:
    """Return where a generator makes each batch so, and ends with the rows."""
    for each in bindings.own(function):
        if isinstance(each, ast.ListComp) and refills.is_counted(each) and exhaustion.ends_pass(function, each):
            if any(map(exhaustion.is_next, ast.walk(each.elt))):
                return each
        if isinstance(each, ast.For | ast.While) and exhaustion.ends_pass(function, each):
            lost = refills.loses(function, each)
            if lost is not None:
                return lost
    return None


def _ends(machine: Machine, call: ast.Call) -> bool:
    """Say whether a call raises StopIteration where there is no row left: next(), or the project's own reader."""
    from lintloss.facts.expressions import evaluate

    if exhaustion.is_next(call):
        return True
    reader = evaluate(machine, call.func)
    return isinstance(reader, Func) and any(_raises(each) for each in bindings.own(reader.node))


def _raises(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) and node.exc is not None and exhaustion.is_stop(node.exc)


def _shown(machine: Machine, place: Evidence) -> Evidence:
    """Return the place itself, or the innermost call of the file that is shown which leads there."""
    home = machine.home or machine.shown
    own = [index for index, frame in enumerate(machine.frames) if frame.module.path == home]
    below = machine.frames[own[-1] + 1 :] if own else []
    return below[0].call_place or place if below else place
