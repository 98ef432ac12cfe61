"""Tests in a class's code: what a condition comes to in evaluation mode, where `self.training` is false."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from lintloss.facts import bindings, classes, rates
from lintloss.facts.machine import Machine
from lintloss.facts.rates import Made
from lintloss.facts.survey import called_name
from lintloss.facts.values import Class, Const, Lib, options

DEPTH = 5  # names that stand for one another


@dataclass(frozen=True, slots=True)
class Spot:
    """Where code stands: a method, the class that defines it, and the object that it runs on."""

    machine: Machine
    made: Made
    base: Class
    method: ast.FunctionDef


def holds(spot: Spot, test: ast.expr, depth: int = 0) -> bool | None:
    """Say what a test comes to in evaluation mode, None where that is open."""
    if depth > DEPTH:
        return None
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = holds(spot, test.operand, depth)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        parts = [holds(spot, each, depth) for each in test.values]
        stop = isinstance(test.op, ast.Or)
        return stop if stop in parts else None if None in parts else not stop
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _compared(spot, test.left, test.ops[0], test.comparators[0], depth)
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.Attribute) and isinstance(test.value, ast.Name) and test.value.id == "self":
        return False if test.attr == "training" else _of_field(spot, test.attr, depth)
    if isinstance(test, ast.Name):
        return _of_name(spot, test, depth)
    return True if isinstance(test, ast.Call) and _asks_for_function(spot, test) else None


def _compared(spot: Spot, left: ast.expr, operator: ast.cmpop, right: ast.expr, depth: int) -> bool | None:
    """Read `rate > 0` and the like of a rate that is more than 0, and `self.training is True`."""
    if not isinstance(right, ast.Constant):
        return None
    if isinstance(right.value, bool) and isinstance(operator, ast.Is | ast.Eq):
        inner = holds(spot, left, depth)
        return None if inner is None else inner == right.value
    if right.value in (0, None) and rates.of(spot.machine, spot.made, spot.method, left) == rates.YES:
        if isinstance(operator, ast.Gt | ast.NotEq | ast.IsNot):
            return True
        return False if isinstance(operator, ast.LtE | ast.Eq | ast.Is) else None
    return None


def _of_field(spot: Spot, name: str, depth: int) -> bool | None:
    """Follow `self.name` to the instance, or to what __init__ sets it to, unless something else sets it as well."""
    if rates.is_set_elsewhere(spot.machine, spot.made, name):
        return None
    slot = spot.machine.get(spot.made.instance, name) if spot.made.instance is not None else None
    values = options(slot.value) if slot is not None else ()
    known = {bool(each.value) if isinstance(each, Const) else None for each in values}
    if len(known) == 1 and None not in known:
        return known.pop()
    for maker, value in rates.set_by_init(spot.machine, spot.made, name):
        return holds(Spot(spot.machine, spot.made, spot.base, maker), value, depth + 1)
    return None


def _of_name(spot: Spot, node: ast.Name, depth: int) -> bool | None:
    """Follow a name to what it is bound to once, to a rate that __init__ is given, or to a constant of the file."""
    if rates.is_parameter(spot.method, node.id):
        return True if rates.of(spot.machine, spot.made, spot.method, node) == rates.YES else None
    bound = bindings.of(spot.method).get(node.id, ())
    if bound:
        value = bindings.only(bound)
        return holds(spot, value, depth + 1) if value is not None else None
    known = classes.in_module(spot.machine, spot.base, node)
    return bool(known.value) if isinstance(known, Const) else None


def _asks_for_function(spot: Spot, call: ast.Call) -> bool:
    """Say whether code asks if torch is new enough: `hasattr(F, "scaled_dot_product_attention")`."""
    if called_name(call.func) != "hasattr" or not call.args:
        return False
    asked = classes.in_module(spot.machine, spot.base, call.args[0])
    return isinstance(asked, Lib) and asked.name.split(".")[0] == "torch"
