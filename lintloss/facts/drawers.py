"""Drawers: functions and methods of the project that draw a batch at random, rows or places where windows begin."""

from __future__ import annotations

import ast
from functools import lru_cache

from lintloss.facts import bindings
from lintloss.facts.expressions import evaluate, looked_up
from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk
from lintloss.facts.values import Func, LibObject, Ref, options
from lintloss.parse import Module
from lintloss.patterns import regex

DRAWN = regex(r"(^|\.)(randint|random_integers|integers|randperm|permutation|randrange|choice|choices|sample)$")


def own_function(machine: Machine, node: ast.Call) -> Func | None:
    """Return the project's own function that a call by plain name means."""
    slot = machine.read(node.func.id) if isinstance(node.func, ast.Name) else None
    if slot is None:
        return None
    value = looked_up(machine, node.func.id, slot)  # type: ignore[attr-defined]  # a Name, checked above
    if isinstance(value, LibObject) and value.name.endswith("partial") and value.args:
        value = value.args[0]
    return value if isinstance(value, Func) else None


def own_method(machine: Machine, node: ast.Call) -> Func | None:
    """Return the method that a call means whose class is the project's own: `source.get("val")`, `source("val")`."""
    from lintloss.facts import classes

    function = node.func
    called = _called_instance(machine, function)
    if called is not None:
        return called
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name | ast.Attribute):
        return None
    if isinstance(function.value, ast.Name) and machine.read(function.value.id) is None:
        return None
    owners = [each for each in options(evaluate(machine, function.value)) if isinstance(each, Ref) and each.cls]
    found = classes.method(machine, owners[0], function.attr) if len(owners) == 1 else None
    return found if isinstance(found, Func) else None


def _called_instance(machine: Machine, function: ast.expr) -> Func | None:
    """Return the `__call__` of an instance that is called by its name, or as a field of another."""
    from lintloss.facts import classes

    if not isinstance(function, ast.Name | ast.Attribute) or any(
        isinstance(each, ast.Call) for each in ast.walk(function)
    ):
        return None  # to ask what `evaluate(model).item` is would run the evaluation, before its time
    if isinstance(function, ast.Name) and machine.read(function.id) is None:
        return None
    made = [each for each in options(evaluate(machine, function)) if isinstance(each, Ref) and each.kind == "instance"]
    found = classes.method(machine, made[0], "__call__") if len(made) == 1 and made[0].cls is not None else None
    return found if isinstance(found, Func) else None


def draws_windows(function: ast.AST) -> bool:
    """Say whether a function cuts windows that begin at drawn places: `ids[start : start + size]`, `ids[starts + offsets]`."""
    return any(isinstance(each, ast.Slice | ast.BinOp) for each in _indices(function))


def draws_rows(function: ast.AST) -> bool:
    """Say whether a function takes rows, or windows, at drawn places: there are no whole batches to leave out."""
    return bool(_indices(function))


def draws_one_length(function: ast.AST) -> bool:
    """Say whether all windows that a function cuts are as long as what it was given: `ids[i : i + length]`."""
    cuts = [each for each in _indices(function) if isinstance(each, ast.Slice)]
    bound = bindings.of(function)
    lengths = [
        _names(each.upper) - _names(each.lower) for each in cuts if each.lower is not None and each.upper is not None
    ]
    return len(cuts) == len(lengths) > 0 and not any(name in bound for names in lengths for name in names)


def draws(function: ast.AST) -> bool:
    """Say whether a function draws numbers itself."""
    return _draws(function)


@lru_cache(maxsize=512)
def _indices(function: ast.AST) -> tuple[ast.expr, ...]:
    """Return what data are indexed by where a drawn number is in it."""
    drawn = {
        name
        for name, bound in bindings.of(function).items()
        if any(each.value is not None and _draws(each.value) for each in bound)
    }
    for each in walk(function):
        if isinstance(each, ast.comprehension | ast.For) and (_draws(each.iter) or _names(each.iter) & drawn):
            drawn |= _names(each.target)
    taken = (each for each in walk(function) if isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Load))
    return tuple(each.slice for each in taken if _names(each.slice) & drawn)


def _draws(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Call) and DRAWN.search(ast.unparse(each.func)) is not None for each in walk(node))


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in walk(node) if isinstance(each, ast.Name)}


def trims(module: Module, function: ast.AST) -> bool:
    """Say whether a function, or one of its file that it calls, cuts a batch to what is its longest row: `ids[:, :longest]`."""
    called = {each.func.id for each in walk(function) if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)}
    helpers = (each for each in module.tree.body if isinstance(each, bindings.Function) and each.name in called)
    return any(map(_cuts_to_longest, (function, *helpers)))


@lru_cache(maxsize=512)
def _cuts_to_longest(function: ast.AST) -> bool:
    bound = bindings.of(function)
    for node in walk(function):
        if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple) or len(node.slice.elts) < 2:
            continue
        cut = node.slice.elts[1]
        upper = cut.upper if isinstance(cut, ast.Slice) and cut.lower is None else None
        only = bindings.only(bound.get(upper.id, ())) if isinstance(upper, ast.Name) else upper
        if only is not None and any(map(_is_largest, walk(only))):
            return True
    return False


def _is_largest(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"max", "amax"}
