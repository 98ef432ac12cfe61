"""Numbers that are added up side by side: lists by position, and objects of the project by field."""

from __future__ import annotations

import ast
import re

from lintloss.facts import classes, places, sums
from lintloss.facts.expressions import evaluate
from lintloss.facts.machine import Machine
from lintloss.facts.state import Slot
from lintloss.facts.values import Const, Func, Opaque, Quantity, Ref, Tuple, Value, options

ADDS = ("__add__", "__iadd__", "__radd__")


def by_position(machine: Machine, node: ast.Assign) -> bool:
    """Run `self.data = [a + float(b) for a, b in zip(self.data, args)]`; say whether the statement was that."""
    pair = _zipped(node)
    slot = places.slot_of(machine, node.targets[0]) if pair is not None else None
    if pair is None or slot is None:
        return False
    held = next((each for kind in (Ref, Opaque) for each in options(slot.value) if isinstance(each, kind)), None)
    terms = _row(machine, evaluate(machine, pair.args[1]))
    if not any(isinstance(option, Quantity) for term in terms.values() for option in options(term)):
        return False
    if held is None:
        return False
    if isinstance(held, Opaque):  # `[0.0] * n`
        held = Ref((*held.key, "cells"), "list")
        machine.state.heap.clear(held.id)
        machine.put(held, "len", Const(len(terms)), slot.depth)
    for name, term in terms.items():
        before = machine.get(held, name)
        total = sums.accumulate(machine, node, before.value if before else Const(0), term, slot.depth)
        machine.put(held, name, total, slot.depth)
    places.put_back(machine, node.targets[0], Slot(held, slot.depth))
    return True


def _zipped(node: ast.Assign) -> ast.Call | None:
    """Return the zip() of a sum by position of what is assigned to, None for other assignments."""
    made, target = node.value, node.targets[0]
    if not isinstance(made, ast.ListComp) or len(made.generators) != 1 or made.generators[0].ifs:
        return None
    pairs = made.generators[0].iter
    if not (isinstance(pairs, ast.Call) and isinstance(pairs.func, ast.Name) and pairs.func.id == "zip"):
        return None
    adds = isinstance(made.elt, ast.BinOp) and isinstance(made.elt.op, ast.Add)
    is_own = len(pairs.args) == 2 and ast.unparse(pairs.args[0]) == ast.unparse(target)
    return pairs if adds and is_own else None


def _row(machine: Machine, value: Value) -> dict[str, Value]:
    if isinstance(value, Tuple):
        return {str(index): item for index, item in enumerate(value.items)}
    if isinstance(value, Ref) and value.kind == "list":
        return {name: slot.value for name, slot in machine.fields(value).items() if name.isdigit()}
    return {}


def by_field(machine: Machine, node: ast.stmt, total: Value, term: Value, depth: int) -> Value | None:
    """Return `total + term` of two objects whose class says how their fields are added; None where it does not.

    depth: the loop depth at which `total` was set.
    """
    if not isinstance(total, Ref) or total.kind != "instance" or not isinstance(term, Ref) or term.kind != "instance":
        return None
    methods = (classes.method(machine, total, name) for name in ADDS)
    method = next((each for each in methods if each is not None), None)
    names = _fields_added(machine, method) if method is not None else []
    for name in names:
        mine, other = machine.get(total, name), machine.get(term, name)
        if mine is not None and other is not None:
            value = sums.accumulate(machine, node, mine.value, other.value, min(depth, mine.depth))
            machine.put(total, name, value, min(depth, mine.depth))
    return total if names else None


def _fields_added(machine: Machine, method: Func) -> list[str]:
    """List the fields that a method adds up: `self.loss + other.loss`, `self.loss += other.loss`."""
    parameters = [each.arg for each in method.node.args.args]
    if len(parameters) != 2:
        return []
    mine, other = map(re.escape, parameters)
    sums_of = re.compile(rf"\b{mine}\.(\w+) \+=? {other}\.\1\b")
    return list(dict.fromkeys(found.group(1) for found in sums_of.finditer(machine.text(method.node))))


def by_method(machine: Machine, node: ast.stmt, total: Value, term: Value) -> bool:
    """Run the `__iadd__` of an object: `meter += loss.item()`, `meter += (loss.item(), 1)`; say whether it has one."""
    from lintloss.facts import calls

    if not isinstance(total, Ref) or total.kind != "instance" or not isinstance(term, Quantity | Tuple):
        return False
    method = classes.method(machine, total, "__iadd__")
    if method is None:
        return False
    calls.call(machine, node, method, [term], {})
    return True
