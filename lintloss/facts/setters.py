"""Setters: `model.criterion = smoothing` runs what stands under `@criterion.setter`, and stores nothing by itself."""

from __future__ import annotations

import ast
from functools import lru_cache

from lintloss.facts import calls, classes
from lintloss.facts.expressions import evaluate
from lintloss.facts.machine import Machine
from lintloss.facts.values import Class, Func, Ref, Value, options
from lintloss.patterns import regex

SETTER = regex(r"@(\w+)\.setter\b")


def ran(machine: Machine, target: ast.Attribute, value: Value) -> bool:
    """Run the setter of a property that is assigned to; say whether it is one, of an instance that is known."""
    if not isinstance(target.value, ast.Name | ast.Attribute) or not _is_set_somewhere(machine, target.attr):
        return False
    found = [_of(machine, owner, target.attr) for owner in options(evaluate(machine, target.value))]
    known = [setter for setter in found if setter is not None]
    for setter in known:
        calls.run(machine, target, setter, [value], {})
    return bool(known) and len(known) == len(found)


def _is_set_somewhere(machine: Machine, name: str) -> bool:
    """Say cheaply whether a class that was read has such a setter: to ask each owner costs a step for each attribute."""
    return any(name in _named(module.code) for module in machine.loaded())


@lru_cache(maxsize=512)
def _named(code: str) -> frozenset[str]:
    return frozenset(SETTER.findall(code)) if ".setter" in code else frozenset()


def _of(machine: Machine, owner: Value, name: str) -> Func | None:
    if not isinstance(owner, Ref) or owner.cls is None:
        return None
    for base in classes.bases(machine, owner.cls):
        setter = _setters(base.node).get(name) if isinstance(base, Class) else None
        if setter is not None and isinstance(base, Class):
            return Func(setter, base.module, owner, base, base.closure)
    return None


@lru_cache(maxsize=512)
def _setters(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    """Return the methods of a class under `@name.setter`, by that name."""
    methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
    return {each.name: each for each in methods if any(map(_is_setter, each.decorator_list))}


def _is_setter(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Attribute) and decorator.attr == "setter"
