"""Reads integer expressions of the user's code as Linear: `start + block_size`, `-(end - previous_end)`.

What a name stands for is remembered when it is bound, because the value alone no longer shows the arithmetic.
"""

from __future__ import annotations

import ast

from lintloss.facts.linear import ZERO, Linear
from lintloss.facts.machine import Frame, Machine
from lintloss.facts.state import Slot
from lintloss.facts.values import Const, Func, LibObject, Opaque, Quantity, Ref, Tensor, Value

LOOKED_UP = frozenset({"len", "size", "numel", "dim", "nelement"})  # calls that are cheap to evaluate again
THROUGH = frozenset({"int", "item", "round", "long"})


def of(machine: Machine, node: ast.expr) -> Linear:
    """Return an integer expression in terms of what is unknown in it."""
    if isinstance(node, ast.Constant):
        return Linear(const=node.value) if isinstance(node.value, int) else _text(machine, node)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return of(machine, node.operand).times(-1)
    if isinstance(node, ast.BinOp):
        return _binary(machine, node)
    if isinstance(node, ast.IfExp):
        return of(machine, node.body)
    if isinstance(node, ast.Call):
        return _call(machine, node)
    if isinstance(node, ast.Name):
        return _name(machine, node)
    if isinstance(node, ast.Subscript):
        return _item(machine, node)
    if isinstance(node, ast.Attribute):
        return _value(machine, node)
    return _text(machine, node)


def _binary(machine: Machine, node: ast.BinOp) -> Linear:
    left, right = of(machine, node.left), of(machine, node.right)
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    if isinstance(node.op, ast.Mult):
        return left.product(right)
    if isinstance(node.op, ast.FloorDiv) and left.is_const and right.is_const and right.const:
        return Linear(const=left.const // right.const)
    return Linear.of((type(node.op).__name__, left, right))


def _call(machine: Machine, node: ast.Call) -> Linear:
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if name in {"min", "max"} and len(node.args) == 2:
        # `min(begin + window, n)`: what it is everywhere but at the end of the text.
        either = [of(machine, arg) for arg in node.args]
        return max(either, key=lambda each: len(each.terms)) if either[0].terms != either[1].terms else either[0]
    if name in THROUGH:
        inner = node.args[0] if node.args else node.func.value if isinstance(node.func, ast.Attribute) else None
        return of(machine, inner) if inner is not None else _text(machine, node)
    return _value(machine, node) if name in LOOKED_UP else _text(machine, node)


def _name(machine: Machine, node: ast.Name) -> Linear:
    from lintloss.facts.expressions import evaluate

    value = evaluate(machine, node)
    known = machine.frame.integers.get(node.id)
    if known is not None and known[0] is value:
        return known[1]
    return of_value(value) or Linear.of(("name", *machine.frame.key, node.id))


def _item(machine: Machine, node: ast.Subscript) -> Linear:
    """Read `starts[index]` of a range as start + index * step."""
    from lintloss.facts.expressions import evaluate

    owner = evaluate(machine, node.value)
    if isinstance(owner, LibObject) and owner.name == "builtins.range" and not isinstance(node.slice, ast.Slice):
        start, step = of_range(owner)
        return start + of(machine, node.slice).product(step)
    return _value(machine, node)


def of_range(made: LibObject) -> tuple[Linear, Linear]:
    """Return where a range starts and its step."""
    numbers = [of_value(arg) or Linear.of(("arg", *made.key, i)) for i, arg in enumerate(made.args)]
    return (numbers[0] if len(numbers) > 1 else ZERO, numbers[2] if len(numbers) > 2 else Linear(const=1))


def _value(machine: Machine, node: ast.expr) -> Linear:
    from lintloss.facts.expressions import evaluate

    return of_value(evaluate(machine, node)) or _text(machine, node)


def _text(machine: Machine, node: ast.expr) -> Linear:
    return Linear.of(("text", *machine.frame.key, ast.unparse(node)))


def of_value(value: Value) -> Linear | None:
    """Return an abstract value as an integer, None when it has no identity."""
    if isinstance(value, Const):
        return Linear(const=value.value) if isinstance(value.value, int) else None
    if isinstance(value, Quantity):
        return Linear.of(("count", *value.of, str(value.unit))) if value.of else None
    if isinstance(value, Opaque | Tensor) and value.key:
        return Linear.of(value.key)
    return None


def remember(machine: Machine, name: str, node: ast.expr, value: Value) -> None:
    """Remember what `name` was bound to, where that is arithmetic on integers."""
    if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Call | ast.Subscript | ast.IfExp) and _may_be_integer(value):
        machine.frame.integers[name] = (value, of(machine, node))


def _may_be_integer(value: Value) -> bool:
    if isinstance(value, Opaque):
        return bool(value.key)
    return isinstance(value, Quantity) and value.is_count


def pass_on(machine: Machine, call: ast.AST, function: Func, callee: Frame, bound: dict[str, Slot]) -> None:
    """Let a function's parameters stand for what the call's arguments stand for; runs in the caller's frame."""
    if not isinstance(call, ast.Call):
        return
    names = [each.arg for each in (*function.node.args.posonlyargs, *function.node.args.args)]
    if function.self_value is not None:
        names = names[1:]
    given = [*zip(names, call.args, strict=False), *((each.arg, each.value) for each in call.keywords if each.arg)]
    for name, node in given:
        slot = bound.get(name)
        if slot is not None and _may_be_integer(slot.value) and isinstance(node, ast.BinOp | ast.UnaryOp | ast.Name):
            callee.integers[name] = (slot.value, of(machine, node))


def stride_of(machine: Machine, value: Value) -> Linear | None:
    """Return the step of a range that is iterated or indexed."""
    if isinstance(value, LibObject) and value.name == "builtins.range":
        return of_range(value)[1]
    if isinstance(value, Ref) and value.kind == "list":
        slot = machine.get(value, "range")
        return stride_of(machine, slot.value) if slot is not None else None
    return None
