"""The project's own generators of batches: whether what they yield marks labels to be ignored."""

from __future__ import annotations

import ast
from functools import lru_cache

from lintloss.facts import bindings, equality, ignored
from lintloss.facts.expressions import evaluate
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk
from lintloss.facts.values import Func, Value


def note(machine: Machine, loop: Loop, header: ast.expr) -> None:
    """Remember that the generator that a loop runs over marks labels to be ignored, more of them in some batches."""
    for node in _calls(machine.frame.node, header):
        made = _generator(machine, node)
        place = ignored.where(machine, made.module, made.node) if made is not None else None
        for places in (loop.unequal, loop.ignored):
            if place is not None and place not in places:
                places.append(place)


@lru_cache(maxsize=256)
def _calls(function: ast.AST, header: ast.expr) -> tuple[ast.Call, ...]:
    """Return the calls in a loop's header, and those whose results its names were given."""
    inside = walk(header)
    names = {each.id for each in inside if isinstance(each, ast.Name)}
    bound = bindings.of(function)
    given = [each.value for name in sorted(names) for each in bound.get(name, ())]
    return tuple(each for each in (*inside, *given) if isinstance(each, ast.Call))


def _generator(machine: Machine, node: ast.Call) -> Func | None:
    """Return the project's own generator function that a call means, by its name or as a method."""
    function = node.func
    found: Value | None = None
    if isinstance(function, ast.Name):
        found = equality.own_function(machine, node)
    elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name | ast.Attribute):
        found = evaluate(machine, function)
    if not isinstance(found, Func) or isinstance(found.node, ast.Lambda):
        return None
    return found if _yields(found.node) else None


@lru_cache(maxsize=256)
def _yields(function: ast.AST) -> bool:
    return any(isinstance(each, ast.Yield) for each in walk(function))
