"""Rows thrown away: `[next(rows) for _ in range(n)]` where what reads the rows ends the list in the middle.

StopIteration leaves the comprehension, and the rows that it has read already are gone: nobody can score the last batch.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from lintloss.facts import bindings
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
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
    if not machine.loops or not _is_counted(node) or not isinstance(node, ast.ListComp):
        return
    if not any(_ends(machine, each) for each in ast.walk(node.elt) if isinstance(each, ast.Call)):
        return
    if any(frame.statement is not None and _is_tried(frame.node, frame.statement) for frame in machine.frames):
        place = machine.evidence(node, SAID)
        found = Thrown(place, _shown(machine, place), machine.loops[-1])
        if found not in machine.thrown:
            machine.thrown.append(found)


def in_generator(function: ast.AST) -> ast.AST | None:
    """Return where a generator makes each batch so, and ends with the rows."""
    for each in bindings.own(function):
        if isinstance(each, ast.ListComp) and _is_counted(each) and _is_next(each.elt) and _is_tried(function, each):
            return each
    return None


def _is_counted(node: ast.AST) -> bool:
    """Say whether a list has an entry for each number of a range: `… for _ in range(n)`."""
    if not isinstance(node, ast.ListComp) or len(node.generators) != 1 or node.generators[0].ifs:
        return False
    over = node.generators[0].iter
    return isinstance(over, ast.Call) and called_name(over.func) == "range"


def _is_next(element: ast.expr) -> bool:
    return any(_is_next_call(each) for each in ast.walk(element))


def _is_next_call(node: ast.AST) -> bool:
    """Say whether a call raises at the end: `next(rows)`, without a default."""
    return isinstance(node, ast.Call) and called_name(node.func) == "next" and len(node.args) == 1


def _ends(machine: Machine, call: ast.Call) -> bool:
    """Say whether a call raises StopIteration where there is no row left: next(), or the project's own reader."""
    from lintloss.facts.expressions import evaluate

    if _is_next_call(call):
        return True
    reader = evaluate(machine, call.func)
    return isinstance(reader, Func) and any(_raises(each) for each in bindings.own(reader.node))


def _raises(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) and node.exc is not None and _is_stop(node.exc)


def _is_stop(node: ast.expr) -> bool:
    return called_name(node.func if isinstance(node, ast.Call) else node) == "StopIteration"


def _is_tried(function: ast.AST, inner: ast.AST) -> bool:
    """Say whether a statement stands in a `try` whose handler of StopIteration ends the loop, or the function."""
    return any(
        isinstance(each, ast.Try) and any(map(_ends_pass, each.handlers)) and _holds(each.body, inner)
        for each in bindings.own(function)
    )


def _ends_pass(handler: ast.ExceptHandler) -> bool:
    caught = handler.type is not None and any(_is_stop(each) for each in _caught(handler.type))
    return caught and isinstance(handler.body[-1], ast.Break | ast.Return)


def _caught(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _holds(body: Sequence[ast.stmt], inner: ast.AST) -> bool:
    return any(each is inner for statement in body for each in walk(statement))


def _shown(machine: Machine, place: Evidence) -> Evidence:
    """Return the place itself, or the innermost call of the file that is shown which leads there."""
    home = machine.home or machine.shown
    own = [index for index, frame in enumerate(machine.frames) if frame.module.path == home]
    below = machine.frames[own[-1] + 1 :] if own else []
    return below[0].call_place or place if below else place
