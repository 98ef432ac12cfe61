"""First batches: loaders of which all who go through them take one batch, to show it. A last, smaller one would not be seen."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings, callers
from lintloss.facts.bindings import Function
from lintloss.facts.caps import parameters, passed
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, children, walk
from lintloss.parse import Module

Loop = ast.For | ast.AsyncFor


def are_all(machine: Machine, module: Module, name: str) -> bool:
    """Say whether a file does nothing with a loader but to run over it in loops that end after the first batch."""
    name = name.rsplit(".", 1)[-1]
    loops = [each for each in walk(module.tree) if isinstance(each, Loop) and _is_of(each.iter, name)]
    if not loops or not all(ends(machine, module, loop) for loop in loops):
        return False
    harmless = {id(each) for loop in loops for each in walk(loop.iter)} | set(_harmless(module, name))
    return all(id(each) in harmless for each in walk(module.tree) if _name(each) == name and _is_read(each))


def _is_of(header: ast.expr, name: str) -> bool:
    return any(_name(each) == name for each in walk(header))


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_read(node: ast.AST) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Load)


def _harmless(module: Module, name: str) -> Iterator[int]:
    """Yield what gives no batch: a loader's length or settings, a test for None, and what keeps it under the same name."""
    called = {id(each.func) for each in walk(module.tree) if isinstance(each, ast.Call)}
    kept = [each for each in walk(module.tree) if isinstance(each, ast.Assign) and name in _stored(each)]
    makers = {called_name(each.value.func) for each in kept if isinstance(each.value, ast.Call)}
    for each in walk(module.tree):
        if isinstance(each, ast.Call) and called_name(each.func) == "len":
            yield from map(id, each.args)
        elif isinstance(each, ast.Attribute) and id(each) not in called:
            yield id(each.value)
        elif isinstance(each, ast.Compare):
            yield from map(id, (each.left, *each.comparators))
        elif isinstance(each, Function) and each.name in makers:  # `return train_loader, val_loader`
            returned = [node for value in bindings.returns(each) if value is not None for node in walk(value)]
            yield from (id(node) for node in returned if isinstance(node, ast.Name))
    for each in kept:  # `loader = prepare(loader)`, `self.loader = loader`
        yield from map(id, walk(each.value))


def _stored(node: ast.Assign) -> list[str]:
    return [_name(part) for target in node.targets for part in getattr(target, "elts", [target])]


def ends(machine: Machine, module: Module, loop: ast.stmt | None) -> bool:
    """Say whether a loop breaks at the end of its first pass: always, or under a flag that every caller sets."""
    if not isinstance(loop, Loop):
        return False
    for each in loop.body:
        if isinstance(each, ast.Break):
            return True
        if isinstance(each, ast.If) and isinstance(each.body[-1], ast.Break) and isinstance(each.test, ast.Name):
            function = _around(module, loop)
            if function is not None and _is_always_set(machine, module, function, each.test.id):
                return True
        if _goes_on(each):
            return False
    return False


def ends_always(loop: Loop) -> bool:
    """Say whether nothing in a loop leads past the break that ends it: `if not stop: continue`."""
    return isinstance(loop.body[-1], ast.Break) and not any(map(_goes_on, loop.body))


def _goes_on(node: ast.AST) -> bool:
    """Say whether a statement of a loop may go on to the next pass, past all that stands behind it."""
    if isinstance(node, ast.For | ast.AsyncFor | ast.While | Function | ast.ClassDef):
        return any(_goes_on(each) for each in getattr(node, "orelse", ()))
    return isinstance(node, ast.Continue) or any(map(_goes_on, children(node)))


def _around(module: Module, loop: ast.stmt) -> Function | None:
    functions = (each for each in walk(module.tree) if isinstance(each, Function))
    inside = [each for each in functions if each.lineno <= loop.lineno <= (each.end_lineno or 0)]
    return max(inside, key=lambda each: each.lineno) if inside else None


def _is_always_set(machine: Machine, module: Module, function: Function, name: str) -> bool:
    if name not in parameters(function):
        return False
    given = passed(machine, module, function, name)
    calls = callers.calls(machine.project, module, function.name)
    return bool(given) and len(given) == len(calls) and all(getattr(each, "value", None) is True for each in given)
