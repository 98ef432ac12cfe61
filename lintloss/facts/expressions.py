"""Evaluates expressions on the abstract machine."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from typing import Any

from lintloss.facts import axis_tests, fitted
from lintloss.facts.machine import TOTAL, Machine, OutOfBudget
from lintloss.facts.state import Slot
from lintloss.facts.values import (
    Choice,
    Class,
    Const,
    Func,
    Lib,
    ModuleValue,
    Opaque,
    Pending,
    Ref,
    Tensor,
    Tuple,
    Value,
    join,
    join_all,
    options,
)

BUILTINS = frozenset(dir(builtins))


def evaluate(machine: Machine, node: ast.expr) -> Value:
    """Return the abstract value of an expression."""
    machine.steps += 1  # here, not in a method: this runs for every expression
    machine.spent += 1
    if machine.steps > machine.limit or machine.spent > TOTAL:
        raise OutOfBudget
    handler = HANDLERS.get(type(node))
    return handler(machine, node) if handler is not None else _parts(machine, node)


def _parts(machine: Machine, node: ast.expr) -> Value:
    """Evaluate what is inside an expression that itself says nothing: an f-string may hold the perplexity."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            evaluate(machine, child)
    return machine.opaque(node)


def _constant(machine: Machine, node: ast.Constant) -> Value:
    return Const(node.value)


def _name(machine: Machine, node: ast.Name) -> Value:
    slot = machine.read(node.id)
    if slot is not None:
        return looked_up(machine, node.id, slot)
    if node.id in BUILTINS:
        return Lib(f"builtins.{node.id}")
    return Opaque((machine.frame.module.path, node.id), node.id)


def looked_up(machine: Machine, name: str, slot: Slot) -> Value:
    """Return the value of a name; one that an import binds is looked up now."""
    if isinstance(slot.value, Choice):
        return _settled(machine, slot.value)
    if not isinstance(slot.value, Pending):
        return slot.value
    value = imports.resolve(machine, slot.value)
    names = machine.module_names(slot.value.importer)
    if names.get(name) is slot:
        names[name] = Slot(value, slot.depth)
    return value


def _settled(machine: Machine, value: Choice) -> Value:
    """Look up what the imports of several branches bind."""
    if not any(isinstance(each, Pending) for each in value.options):
        return value
    return join_all(imports.resolve(machine, each) if isinstance(each, Pending) else each for each in value.options)


def _attribute(machine: Machine, node: ast.Attribute) -> Value:
    return member(machine, evaluate(machine, node.value), node.attr, node)


def member(machine: Machine, owner: Value, name: str, node: ast.AST) -> Value:
    """Return an attribute of a value."""
    if isinstance(owner, Choice):
        return join_all(member(machine, option, name, node) for option in owner.options if not _has_none(option, name))
    if isinstance(owner, Lib):
        return Lib(f"{owner.name}.{name}")
    if isinstance(owner, ModuleValue):
        if name == "__dict__":
            return imports.members(machine, owner.module)
        slot = machine.global_slot(owner.module.path, name)
        if slot is not None:
            return looked_up(machine, name, slot)
        return calls.submodule(machine, owner, name) or Lib(f"{owner.module.path}:{name}")
    if isinstance(owner, Ref):
        return classes.instance_member(machine, owner, name, node)
    if isinstance(owner, Class):
        if name == "__name__":
            return Const(owner.node.name)
        return classes.class_member(machine, owner, name) or Opaque((owner.node.name, name), name)
    key = getattr(owner, "key", ())
    slot = machine.get(key, name) if key else None
    if slot is not None:
        return slot.value
    return members.member(machine, owner, name, node)


def _has_none(owner: Value, name: str) -> bool:
    """Say whether a value has no such attribute: None, or the tuple that a model returns where no dict is asked for."""
    return isinstance(owner, Const) or (isinstance(owner, Tuple) and name in {"loss", "logits"})


def _subscript(machine: Machine, node: ast.Subscript) -> Value:
    from lintloss.facts.library import indexed, shapes

    owner = evaluate(machine, node.value)
    if isinstance(owner, Choice) and (
        indexed.is_tensor_index(node.slice) or all(isinstance(option, Tensor) for option in owner.options)
    ):
        owner = shapes.either(owner) or owner
    return join_all(subscripts.item(machine, option, node) for option in options(owner))


def _choice(machine: Machine, node: ast.IfExp) -> Value:
    decided = branches.decide(machine, node.test)
    if decided is not None:
        return evaluate(machine, node.body if decided else node.orelse)
    one, other = evaluate(machine, node.body), evaluate(machine, node.orelse)
    if ignored.IGNORED in (one, other):
        batch_shapes.note_filled(machine, node, ignored.IGNORED)
    return fitted.either(node.test, one, other) or axis_tests.either(node, one, other) or join(one, other)


def _lambda(machine: Machine, node: ast.Lambda) -> Value:
    frame = machine.frame
    machine.closures[frame.key] = frame.state.names
    return Func(node, frame.module, closure=() if isinstance(frame.node, ast.Module) else frame.key)


def _walrus(machine: Machine, node: ast.NamedExpr) -> Value:
    value = evaluate(machine, node.value)
    assign.store(machine, node.target, value)
    return value


def _starred(machine: Machine, node: ast.Starred) -> Value:
    return evaluate(machine, node.value)


def _await(machine: Machine, node: ast.Await) -> Value:
    return evaluate(machine, node.value)


def _call(machine: Machine, node: ast.Call) -> Value:
    return calls.evaluate_call(machine, node)


# Evaluation goes round in circles: these need `evaluate`, so they come after it. Inside the functions, the import
# statements were a twentieth of all time.
from lintloss.facts import (  # noqa: E402
    assign,
    batch_shapes,
    branches,
    calls,
    classes,
    displays,
    ignored,
    imports,
    operations,
    subscripts,
    yields,
)
from lintloss.facts.library import members  # noqa: E402

# Each handler takes its own node type, which a dict cannot say.
HANDLERS: dict[type[ast.expr], Callable[[Machine, Any], Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.BinOp: operations.binary,
    ast.UnaryOp: operations.unary,
    ast.BoolOp: operations.boolean,
    ast.Compare: operations.comparison,
    ast.IfExp: _choice,
    ast.Tuple: displays.of_tuple,
    ast.List: displays.of_list,
    ast.Set: displays.of_list,
    ast.Dict: displays.of_dict,
    ast.ListComp: displays.comprehension,
    ast.SetComp: displays.comprehension,
    ast.GeneratorExp: displays.comprehension,
    ast.DictComp: displays.comprehension,
    ast.Lambda: _lambda,
    ast.NamedExpr: _walrus,
    ast.Starred: _starred,
    ast.Await: _await,
    ast.Yield: yields.of_yield,
    ast.YieldFrom: yields.of_yield_from,
    ast.Call: _call,
}
