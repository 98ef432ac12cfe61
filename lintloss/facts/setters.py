"""Setters: `model.criterion = smoothing` runs what stands under `@criterion.setter`, and stores nothing by itself."""

from __future__ import annotations

import ast

from lintloss.facts import calls, classes
from lintloss.facts.expressions import evaluate
from lintloss.facts.machine import Machine
from lintloss.facts.values import Class, Func, Ref, Value, options


def ran(machine: Machine, target: ast.Attribute, value: Value) -> bool:
    """Run the setter of a property that is assigned to; say whether it is one, of an instance that is known."""
    found = [(owner, _of(machine, owner, target.attr)) for owner in options(evaluate(machine, target.value))]
    known = [setter for _, setter in found if setter is not None]
    for setter in known:
        calls.run(machine, target, setter, [value], {})
    return bool(known) and len(known) == len(found)


def _of(machine: Machine, owner: Value, name: str) -> Func | None:
    if not isinstance(owner, Ref) or owner.cls is None:
        return None
    for base in classes.bases(machine, owner.cls):
        if isinstance(base, Class) and ".setter" in base.module.text:
            for each in base.node.body:
                if isinstance(each, ast.FunctionDef) and any(_sets(one, name) for one in each.decorator_list):
                    return Func(each, base.module, owner, base, base.closure)
    return None


def _sets(decorator: ast.expr, name: str) -> bool:
    """Say whether a method is decorated by `@name.setter`."""
    is_setter = isinstance(decorator, ast.Attribute) and decorator.attr == "setter"
    return is_setter and ast.unparse(decorator) == f"{name}.setter"
