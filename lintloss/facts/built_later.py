"""Attributes that __init__ leaves at None and another method makes: `self.model = None`, then `self.model = Net()` in build().

The method may make it under a name of its own, and move or wrap it there: `model = Net()`, `model = DataParallel(model)`,
`self.model = model`. An instance that nobody was seen to set up is completed with them, for its methods to be run as the
users of the class do.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings, classes
from lintloss.facts.bindings import Binding
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


def _assigned(cls: ast.ClassDef) -> Iterator[tuple[ast.FunctionDef, str, ast.expr]]:
    """Yield `self.name = call(…)` of the methods of a class but its __init__, also of what a call made under a name."""
    for method in cls.body:
        if not isinstance(method, ast.FunctionDef) or method.name == "__init__" or not method.args.args:
            continue
        prefix = method.args.args[0].arg + "."
        for name, bound in bindings.of(method).items():
            if name.startswith(prefix):
                for each in bound:
                    if each.value is not None and _is_whole(each) and _is_made(method, each.value):
                        yield method, name.removeprefix(prefix), each.value


def _is_whole(bound: Binding) -> bool:
    return not bound.picks and bound.key is None


def _is_made(method: ast.FunctionDef, node: ast.expr) -> bool:
    return isinstance(node, ast.Call) or bool(_makers(method, node))


def _makers(method: ast.FunctionDef, node: ast.AST) -> list[ast.Call]:
    """Return the calls that make what a local name holds; none where it may hold anything else.

    What is bound to the name from itself, as `model = model.to(device)` and `model, optimizer = initialize(model, …)`
    do, is still the same thing.
    """
    if not isinstance(node, ast.Name):
        return []
    bound = [each for each in bindings.of(method).get(node.id, ()) if not _is_of(each.value, node.id)]
    made = [each.value for each in bound if _is_whole(each) and isinstance(each.value, ast.Call)]
    return made if len(made) == len(bound) else []


def _is_of(node: ast.expr | None, name: str) -> bool:
    return node is not None and any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))


def _made(machine: Machine, owner: Ref, cls: Class, method: ast.FunctionDef, node: ast.expr) -> Value:
    """Evaluate a call where a method makes it; the locals that no call made and the parameters are unknown."""
    names = {method.args.args[0].arg: Slot(owner, 0)}
    state = State(names, machine.state.heap)
    frame = Frame(cls.module, method, machine.key(method, "built later"), state, method.name, born=machine.spent)
    with machine.within(frame):
        for each in ast.walk(node):
            made = _makers(method, each)
            if made and isinstance(each, ast.Name) and each.id not in names:
                names[each.id] = Slot(join_all(evaluate(machine, call) for call in made), 0)
        return evaluate(machine, node)
