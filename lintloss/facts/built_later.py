"""Attributes that __init__ leaves at None and another method makes: `self.model = None`, then `self.model = Net()` in build().

An instance that nobody was seen to set up is completed with them, for its methods to be run as the users of the class do.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings, classes
from lintloss.facts.expressions import evaluate
from lintloss.facts.machine import Frame, Machine
from lintloss.facts.state import Slot, State
from lintloss.facts.values import Class, Const, Opaque, Ref, Value, join_all

NONE = Const(None)


def complete(machine: Machine, owner: Ref) -> None:
    """Give the attributes that are None what the other methods of the class make in their place.

    Raises:
        OutOfBudget: what is made took more than is left.
    """
    missing = {name for name, slot in machine.fields(owner).items() if slot.value == NONE}
    if not missing or owner.cls is None:
        return
    found: dict[str, list[Value]] = {}
    for base in classes.bases(machine, owner.cls):
        if isinstance(base, Class):
            for method, name, node in _assigned(base.node):
                if name in missing:
                    value = _made(machine, owner, base, method, node)
                    found.setdefault(name, []).append(
                        value if _is_told(value) else Opaque((*owner.id, "." + name), name)
                    )
    for name, values in found.items():
        machine.put(owner, name, join_all(values), 0)


def _is_told(value: Value) -> bool:
    return not isinstance(value, Opaque) or bool(value.name)


def _assigned(cls: ast.ClassDef) -> Iterator[tuple[ast.FunctionDef, str, ast.Call]]:
    """Yield `self.name = call(…)` of the methods of a class but its __init__."""
    for method in cls.body:
        if not isinstance(method, ast.FunctionDef) or method.name == "__init__" or not method.args.args:
            continue
        prefix = method.args.args[0].arg + "."
        for name, bound in bindings.of(method).items():
            if name.startswith(prefix):
                for each in bound:
                    if isinstance(each.value, ast.Call) and not each.picks and each.key is None:
                        yield method, name.removeprefix(prefix), each.value


def _made(machine: Machine, owner: Ref, cls: Class, method: ast.FunctionDef, node: ast.Call) -> Value:
    """Evaluate a call where a method makes it; what its locals and parameters hold is unknown."""
    state = State({method.args.args[0].arg: Slot(owner, 0)}, machine.state.heap)
    frame = Frame(cls.module, method, machine.key(method, "built later"), state, method.name, born=machine.spent)
    with machine.within(frame):
        return evaluate(machine, node)
