"""Unconsumed: loaders that no loop ever asks for a batch, followed from the name they are stored under to all its readers."""

from __future__ import annotations

import ast
from functools import lru_cache

from lintloss.facts import bindings, callers
from lintloss.facts.caps import Function, parameters
from lintloss.facts.project import Project
from lintloss.facts.survey import called_name, children
from lintloss.parse import Module

DEPTH = 5  # functions that hand it on


def is_one(project: Project, module: Module, row: int, name: str, depth: int = DEPTH) -> bool:
    """Say whether what a function binds to a name at a row is tested, wrapped and handed on, and never iterated.

    A reader that is not in sight may iterate it.
    """
    function = _function_at(module, row)
    if function is None or name not in bindings.of(function):  # an attribute, or what a function returns
        return False
    return _is_unread(project, module, function, name, depth)


def _function_at(module: Module, row: int) -> Function | None:
    around = [each for each in _functions(module) if each.lineno <= row <= (each.end_lineno or 0)]
    return max(around, key=lambda each: each.lineno) if around else None


@lru_cache(maxsize=64)
def _functions(module: Module) -> tuple[Function, ...]:
    return tuple(each for each in ast.walk(module.tree) if isinstance(each, Function))


def _is_unread(project: Project, module: Module, function: Function, name: str, depth: int) -> bool:
    if depth == 0 or any(isinstance(each, ast.Global | ast.Nonlocal) for each in bindings.own(function)):
        return False
    return all(_is_idle(project, module, function, above, depth) for above in _uses(function, name))


@lru_cache(maxsize=256)
def _uses(function: Function, name: str) -> tuple[tuple[ast.AST, ...], ...]:
    """List where a function reads a name, each with the nodes around it, innermost last; inner functions are looked into."""
    found: list[tuple[ast.AST, ...]] = []
    stack: list[tuple[ast.AST, ...]] = [(function,)]
    while stack:
        path = stack.pop()
        if isinstance(path[-1], ast.Name) and path[-1].id == name and isinstance(path[-1].ctx, ast.Load):
            found.append(path)
        stack += [(*path, each) for each in children(path[-1])]
    return tuple(found)


def _is_idle(project: Project, module: Module, function: Function, path: tuple[ast.AST, ...], depth: int) -> bool:
    """Say whether one reader of a loader takes no batch from it, nor whoever it gives it to."""
    used, around = path[-1], path[-2]
    if isinstance(around, ast.If) or (isinstance(around, ast.Compare) and len(around.comparators) == 1):
        return True  # `if valid_loader is not None`
    if isinstance(around, ast.Call) and called_name(around.func) == "len":
        return True
    if isinstance(around, ast.Call) and called_name(around.func) == "iter":
        stored = path[-3]
        target = stored.targets[0] if isinstance(stored, ast.Assign) else None
        return isinstance(target, ast.Name) and _is_unread(project, module, function, target.id, depth - 1)
    if isinstance(around, ast.Call):
        return _is_left_by(project, module, around, used, depth)
    index = around.elts.index(used) if isinstance(around, ast.Tuple) and isinstance(used, ast.expr) else None
    returned = path[-3] if index is not None else around
    return isinstance(returned, ast.Return) and _is_left_by_callers(project, module, function, index, depth)


def _is_left_by(project: Project, module: Module, call: ast.Call, used: ast.AST, depth: int) -> bool:
    """Say whether a function of the file that is given a loader takes no batch from it."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    functions = [each for each in module.tree.body if isinstance(each, Function) and each.name == name]
    if len(functions) != 1 or any(isinstance(each, ast.Starred) for each in call.args):
        return False
    given = dict(zip(parameters(functions[0]), call.args, strict=False))
    given.update({each.arg: each.value for each in call.keywords if each.arg is not None})
    names = [each for each, value in given.items() if value is used]
    return len(names) == 1 and _is_unread(project, module, functions[0], names[0], depth - 1)


def _is_left_by_callers(project: Project, module: Module, function: Function, index: int | None, depth: int) -> bool:
    """Say whether all callers of a function are in sight, and none takes a batch from what it returns."""
    sites = list(callers.in_module(module, function.name))
    others = any(True for _ in project.using(module.path, function.name, [function.name]))
    if not sites or others or any(isinstance(each, ast.ClassDef) for _, around in sites for each in around):
        return False
    return all(_is_left_at(project, module, function, around, index, depth) for _, around in sites)


def _is_left_at(
    project: Project, module: Module, function: Function, around: callers.Around, index: int | None, depth: int
) -> bool:
    caller = next((each for each in reversed(around) if isinstance(each, Function)), None)
    if caller is None:
        return False
    found = []
    for node in bindings.own(caller):
        value = node.value if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(value, ast.Call) and called_name(value.func) == function.name:
            found.append(_taken(node.targets[0], index))
    named = (each for each in bindings.own(caller) if isinstance(each, ast.Name) and each.id == function.name)
    if len(found) != sum(1 for _ in named):  # handed on, or its result given to somebody at once
        return False
    return bool(found) and all(each and _is_unread(project, module, caller, each, depth - 1) for each in found)


def _taken(target: ast.expr, index: int | None) -> str:
    """Return the name that one of the values returned is given to; "" where it is no name."""
    if index is not None and isinstance(target, ast.Tuple) and index < len(target.elts):
        target = target.elts[index]
    elif index is not None:
        return ""
    return target.id if isinstance(target, ast.Name) else ""
