"""Branches: which way an `if` goes when that is known, and what holds inside a branch when it is not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager

from lintloss.facts.expressions import evaluate
from lintloss.facts.machine import Machine
from lintloss.facts.values import (
    Choice,
    Class,
    Const,
    Func,
    LibObject,
    ModelOutput,
    Quantity,
    Ref,
    Tensor,
    Tuple,
    Value,
    join_all,
    options,
)

ONE_HOT = frozenset({"one_hot", "scatter", "scatter_", "to_categorical"})
SIZES = frozenset({"dim", "numel", "nelement", "any", "sum", "size"})
SOLID = (Func, Class, LibObject, ModelOutput, Quantity, Tensor)  # never None, never false


def decide(machine: Machine, test: ast.expr) -> bool | None:
    """Return the truth of a test, None when it depends on what is not known."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = decide(machine, test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        parts = [decide(machine, value) for value in test.values]
        stop = isinstance(test.op, ast.Or)
        if stop in parts:
            return stop
        return None if None in parts else not stop
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _compare(machine, test.left, test.ops[0], test.comparators[0])
    if isinstance(test, ast.Name) and test.id == "TYPE_CHECKING":
        return False
    return truth(machine, evaluate(machine, test))


def spares_empty(node: ast.If) -> bool:
    """Say whether an `if` only spares the work where there is none: `if pads.numel() > 0: targets.index_fill_(0, pads, 0)`."""
    test = node.test
    asked = test.left if isinstance(test, ast.Compare) and len(test.ops) == 1 else test
    if isinstance(test, ast.Compare) and not (
        isinstance(test.ops[0], ast.Gt | ast.NotEq) and ast.unparse(test.comparators[0]) == "0"
    ):
        return False
    if not isinstance(asked, ast.Call) or node.orelse:
        return False
    owner = asked.func.value if isinstance(asked.func, ast.Attribute) else None
    if isinstance(asked.func, ast.Name) and asked.func.id == "len" and asked.args:
        owner = asked.args[0]
    elif not isinstance(asked.func, ast.Attribute) or asked.func.attr not in SIZES:
        return False
    return isinstance(owner, ast.Name) and all(_fills(each, owner.id) for each in node.body)


def _fills(statement: ast.stmt, name: str) -> bool:
    """Say whether a statement changes a tensor in place where an index, or a mask, says."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or not call.func.attr.endswith("_"):
        return False
    return any(isinstance(each, ast.Name) and each.id == name for arg in call.args for each in ast.walk(arg))


def makes_classes(node: ast.If) -> bool:
    """Say whether a branch makes one-hot rows of class ids: on the other side, the same targets are such rows already."""
    only = node.body[0] if len(node.body) == 1 and not node.orelse else None
    target = only.targets[0] if isinstance(only, ast.Assign) and len(only.targets) == 1 else None
    if not isinstance(only, ast.Assign) or not isinstance(target, ast.Name):
        return False
    if not any(isinstance(each, ast.Name) and each.id == target.id for each in ast.walk(node.test)):
        return False
    calls = (each for each in ast.walk(only.value) if isinstance(each, ast.Call))
    made = (each for each in calls if ast.unparse(each.func).rsplit(".", 1)[-1] in ONE_HOT)
    return any(isinstance(part, ast.Name) and part.id == target.id for each in made for part in _given(each))


def _given(call: ast.Call) -> Iterator[ast.AST]:
    return (part for each in (*call.args, *(word.value for word in call.keywords)) for part in ast.walk(each))


def asks_for_packages(machine: Machine, test: ast.expr) -> bool:
    """Say whether an imported module asks a function, while it is imported: `if is_torch_available():`."""
    if not machine.loading or not isinstance(machine.frame.node, ast.Module):
        return False
    parts = test.values if isinstance(test, ast.BoolOp) else [test]
    plain = (each.operand if isinstance(each, ast.UnaryOp) and isinstance(each.op, ast.Not) else each for each in parts)
    return all(isinstance(each, ast.Call) for each in plain)


def truth(machine: Machine, value: Value) -> bool | None:
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, Func | Class | LibObject | ModelOutput):
        return True
    if isinstance(value, Tuple):
        return bool(value.items)
    return None


def _compare(machine: Machine, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool | None:
    if isinstance(left, ast.Name) and left.id == "__name__" and isinstance(right, ast.Constant):
        is_main = len(machine.frames) == 1
        return is_main if isinstance(operator, ast.Eq) else not is_main
    one, other = evaluate(machine, left), evaluate(machine, right)
    if isinstance(operator, ast.Is | ast.IsNot):
        same = _is_same(one, other)
        return same if same is None or isinstance(operator, ast.Is) else not same
    if isinstance(other, Const):
        found = {
            _ordered(operator, each.value, other.value) if isinstance(each, Const) else None for each in options(one)
        }
        return found.pop() if len(found) == 1 else None
    if isinstance(operator, ast.In | ast.NotIn) and isinstance(one, Const) and isinstance(other, Tuple):
        if all(isinstance(item, Const) for item in other.items):
            return (one in other.items) == isinstance(operator, ast.In)
    return None


def _is_same(one: Value, other: Value) -> bool | None:
    for value, constant in ((one, other), (other, one)):
        if isinstance(constant, Const) and constant.value is None:
            if isinstance(value, Const):
                return value.value is None
            if isinstance(value, SOLID) or (isinstance(value, Ref) and value.kind != "dict"):
                return False
    return None


def _ordered(operator: ast.cmpop, left: object, right: object) -> bool | None:
    try:
        if isinstance(operator, ast.Eq):
            return left == right
        if isinstance(operator, ast.NotEq):
            return left != right
        if isinstance(left, int | float) and isinstance(right, int | float):
            for kind, answer in (
                (ast.Lt, left < right),
                (ast.LtE, left <= right),
                (ast.Gt, left > right),
                (ast.GtE, left >= right),
            ):
                if isinstance(operator, kind):
                    return answer
    except TypeError:
        return None
    return None


def assume(machine: Machine, test: ast.expr, holds: bool) -> None:
    """Note in the state what a branch takes for granted: a flag is what the branch says it is."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        assume(machine, test.operand, not holds)
    elif isinstance(test, ast.BoolOp):
        if holds == isinstance(test.op, ast.And):
            for value in test.values:
                assume(machine, value, holds)
    elif isinstance(test, ast.Name):
        slot = machine.read(test.id)
        if (
            slot is not None
            and not isinstance(slot.value, Quantity | Ref | Tensor | Const)
            and test.id in machine.state.names
        ):
            if not holds:
                machine.write(test.id, Const(None), slot.depth)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.left, ast.Name):
        _assume_equal(machine, test.left, test.ops[0], test.comparators[0], holds)


def _assume_equal(machine: Machine, name: ast.Name, operator: ast.cmpop, right: ast.expr, holds: bool) -> None:
    slot = machine.read(name.id)
    compares = isinstance(operator, ast.Eq | ast.Is | ast.NotEq | ast.IsNot)
    if not compares or slot is None or name.id not in machine.state.names:
        return
    if isinstance(operator, ast.Eq | ast.Is) != holds:
        rest = [each for each in options(slot.value) if each != evaluate(machine, right)]
        if rest and isinstance(slot.value, Choice) and all(isinstance(each, Const) for each in slot.value.options):
            machine.write(name.id, join_all(rest), slot.depth)
        return
    if isinstance(right, ast.Constant) and not isinstance(slot.value, Quantity | Ref):
        machine.write(name.id, Const(right.value), slot.depth)


@contextmanager
def guarded(machine: Machine, test: ast.expr, holds: bool) -> Iterator[None]:
    """Remember, inside a branch of a loop, the condition that leads there."""
    text = machine.text(test)
    place = machine.evidence(test, f"only when `{text}`" if holds else f"only when not `{text}`")
    machine.guards.append((machine.depth, place, _spelled_out(machine, test)))
    try:
        yield
    finally:
        machine.guards.pop()


def _spelled_out(machine: Machine, test: ast.expr) -> str:
    """Return the code of a condition; of a name for one that asks for a phase, `learning = phase == "train"`, that one's."""
    from lintloss.facts import bindings, phases

    asked = test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else test
    bound = bindings.of(machine.frame.node).get(asked.id, ()) if isinstance(asked, ast.Name) else ()
    value = bindings.only(bound) if bound else None
    if isinstance(value, ast.Compare) and phases.asks_for_phase(machine.text(value)):
        return machine.text(value)
    return machine.text(test)


def skip(machine: Machine, node: ast.If, *, leaves: bool) -> None:
    """Remember, for the rest of the running loop's body, the condition under which `continue` (or `break`) skips it."""
    if any(
        isinstance(each, ast.AugAssign) and re.search(r"loss|nll|ppl", ast.unparse(each)) for each in ast.walk(node)
    ):
        return
    place = machine.evidence(node.test, f"skipped when `{ast.unparse(node.test)}`")
    machine.guards.append((machine.depth, place, "" if leaves else _spelled_out(machine, node.test)))
