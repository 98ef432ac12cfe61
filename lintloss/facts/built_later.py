"""Attributes that __init__ leaves at None and another method makes: `self.model = None`, then `self.model = Net()` in build().

The method may make it under a name of its own, and move or wrap it there: `model = Net()`, `model = DataParallel(model)`,
`self.model = model`. An instance that nobody was seen to set up is completed with them, for its methods to be run as the
users of the class do.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings, callers, classes, modes, strangers
from lintloss.facts.bindings import Binding
from lintloss.facts.callers import text_of
from lintloss.facts.expressions import evaluate
from lintloss.facts.machine import Frame, Machine
from lintloss.facts.state import Slot, State
from lintloss.facts.survey import called_name
from lintloss.facts.values import UNKNOWN, Class, Const, Func, Lib, Opaque, Ref, Value, join_all

NONE = Const(None)
CALLS = 2  # functions that are called by the one that makes a model, and by those


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
                    if _may_switch(machine, owner.cls, base, method, CALLS):
                        modes.switch(machine, value, UNKNOWN, None)
                    _hand_over(machine, base, method, {name, *_names(node)}, value)
                    found.setdefault(name, []).append(
                        value if _is_told(value) else Opaque((*owner.id, "." + name), name)
                    )
    for name, values in found.items():
        machine.put(owner, name, join_all(values), 0)


def _may_switch(machine: Machine, cls: Class, base: Class, function: ast.AST, depth: int) -> bool:
    """Say whether what makes a model, or a function that this calls, may also set its mode: only the making is run.

    Args:
        cls: the class of the object. base: the one that the function stands in, or is called from.
    """
    if callers.MODE.search(text_of(function)):
        return True
    called = {text_of(each.func): each.func for each in bindings.own(function) if isinstance(each, ast.Call)}
    found = (_named(machine, cls, base, each) for each in called.values()) if depth else ()
    return any(
        _may_switch(machine, cls, each.owner or base, each.node, depth - 1) for each in found if isinstance(each, Func)
    )


def _named(machine: Machine, cls: Class, base: Class, function: ast.expr) -> Value | None:
    """Return the method of the object, or the function of the project, that goes by a name."""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "self":
        return classes.class_member(machine, cls, function.attr)
    root = function.value if isinstance(function, ast.Attribute) else function
    return classes.in_module(machine, base, function) if isinstance(root, ast.Name) else None


def _hand_over(machine: Machine, base: Class, method: ast.FunctionDef, names: set[str], model: Value) -> None:
    """Note that a model is given to code out of sight where it is made: `prepare(model)`."""
    for each in bindings.own(method):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and names & set(map(called_name, each.args)):
            called = classes.in_module(machine, base, each.func)
            if isinstance(called, Opaque | Lib):
                strangers.note(machine, called.name or each.func.id, [model])


def _names(node: ast.AST) -> Iterator[str]:
    yield from (each.id for each in ast.walk(node) if isinstance(each, ast.Name))


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
