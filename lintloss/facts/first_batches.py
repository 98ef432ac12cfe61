"""First batches: loaders of which all who go through them take one batch, to show it. A last, smaller one would not be seen."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import callers
from lintloss.facts.bindings import Function
from lintloss.facts.caps import parameters, passed
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.parse import Module


def are_all(machine: Machine, module: Module, name: str) -> bool:
    """Say whether every loop of a file over a loader leaves it after the first batch, and nobody else is given it."""
    name = name.rsplit(".", 1)[-1]
    loops = [each for each in walk(module.tree) if isinstance(each, ast.For) and _is_of(each.iter, name)]
    if not loops or any(name in map(_name, _given(call)) for call in _handing(module, loops, name)):
        return False
    return all(ends(machine, module, loop) for loop in loops)


def _is_of(header: ast.expr, name: str) -> bool:
    return any(_name(each) == name for each in walk(header))


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(each.value for each in call.keywords)]


def _handing(module: Module, loops: list[ast.For], name: str) -> Iterator[ast.Call]:
    """Yield the calls that may read a loader: not what loops wrap it in, its length, and `loader = prepare(loader)`."""
    wraps = {id(each) for loop in loops for each in walk(loop.iter)}
    for each in walk(module.tree):
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Call):
            stored = [part for target in each.targets for part in getattr(target, "elts", [target])]
            if name in map(_name, stored):
                wraps.add(id(each.value))
    for each in walk(module.tree):
        if isinstance(each, ast.Call) and id(each) not in wraps and called_name(each.func) != "len":
            yield each


def ends(machine: Machine, module: Module, loop: ast.stmt | None) -> bool:
    """Say whether a loop breaks at the end of its first pass: always, or under a flag that every caller sets."""
    if not isinstance(loop, ast.For):
        return False
    for each in loop.body:
        if isinstance(each, ast.Break):
            return True
        if isinstance(each, ast.If) and isinstance(each.body[-1], ast.Break) and isinstance(each.test, ast.Name):
            function = _around(module, loop)
            if function is not None and _is_always_set(machine, module, function, each.test.id):
                return True
    return False


def _around(module: Module, loop: ast.For) -> Function | None:
    functions = (each for each in walk(module.tree) if isinstance(each, Function))
    inside = [each for each in functions if each.lineno <= loop.lineno <= (each.end_lineno or 0)]
    return max(inside, key=lambda each: each.lineno) if inside else None


def _is_always_set(machine: Machine, module: Module, function: Function, name: str) -> bool:
    if name not in parameters(function):
        return False
    given = passed(machine, module, function, name)
    calls = callers.calls(machine.project, module, function.name)
    return bool(given) and len(given) == len(calls) and all(getattr(each, "value", None) is True for each in given)
