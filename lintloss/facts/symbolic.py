"""Reads integer expressions of the user's code as Linear: `start + block_size`, `-(end - previous_end)`.

What a name stands for is remembered when it is bound, because the value alone no longer shows the arithmetic.
"""

from __future__ import annotations

import ast

from lintloss.facts import bindings
from lintloss.facts.linear import ZERO, Linear
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Frame, Machine
from lintloss.facts.state import Slot
from lintloss.facts.values import Choice, Const, Func, LibObject, Opaque, Quantity, Tensor, Tuple, Value, options

LOOKED_UP = frozenset({"len", "size", "numel", "dim", "nelement"})  # calls that are cheap to evaluate again
STEPPED = Const("stepped")  # stands for whatever a name holds that a loop moves on
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
        from lintloss.facts import branches

        decided = branches.decide(machine, node.test)
        return _text(machine, node) if decided is None else of(machine, node.body if decided else node.orelse)
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
    name = (
        node.func.id
        if isinstance(node.func, ast.Name)
        else node.func.attr
        if isinstance(node.func, ast.Attribute)
        else ""
    )
    if name in {"min", "max"} and len(node.args) == 2:
        # `min(begin + window, n)`: what it is everywhere but at the end of the text.
        either = [of(machine, arg) for arg in node.args]
        if name == "max" and sum(each.is_const for each in either) == 1:
            return next(each for each in either if not each.is_const)  # `max(end - window, 0)`: but for the first ones
        grows = [each for each in either if all(factor > 0 for _, factor in each.terms)] or either
        return max(grows, key=lambda each: len(each.terms))
    if name in THROUGH:
        inner = node.args[0] if node.args else node.func.value if isinstance(node.func, ast.Attribute) else None
        return of(machine, inner) if inner is not None else _text(machine, node)
    if name not in LOOKED_UP:
        return _text(machine, node)
    return _length(machine, node) or _value(machine, node)


def is_negated(node: ast.expr | None) -> bool:
    """Say whether an index counts from the end: `-1`, `-fresh`, `-fresh - 1`."""
    while isinstance(node, ast.BinOp):
        node = node.left
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return not isinstance(node.operand, ast.UnaryOp)
    return False


def _length(machine: Machine, node: ast.Call) -> Linear | None:
    """Return len(x) or x.numel() of a row that was cut from `begin` to `end`."""
    from lintloss.facts.expressions import evaluate

    owner = (
        node.args[0]
        if node.args and isinstance(node.func, ast.Name)
        else node.func.value
        if isinstance(node.func, ast.Attribute)
        else None
    )
    value = evaluate(machine, owner) if owner is not None else None
    window = value.window if isinstance(value, Tensor) else None
    if window is None or window.flat or window.axis is None or any(atom == ("end",) for atom in window.length.atoms):
        return None
    asked = node.args[0] if node.args and not isinstance(node.func, ast.Name) else ast.Constant(0)
    is_it = isinstance(asked, ast.Constant) and asked.value == window.axis
    return window.length if is_it else None


def _name(machine: Machine, node: ast.Name) -> Linear:
    from lintloss.facts.expressions import evaluate

    value = evaluate(machine, node)
    known = machine.frame.integers.get(node.id)
    if known is not None and (known[0] is value or (known[0] is STEPPED and not isinstance(value, Const))):
        return known[1]
    taken = kept(machine, value) if _is_taken_out(machine, node.id) else None
    number = taken or of_value(value) or Linear.of(("name", *machine.frame.key, node.id))
    for atom in number.atoms:
        machine.called.setdefault(atom, node.id)
    return number


def _is_taken_out(machine: Machine, name: str) -> bool:
    """Say whether a name is bound by taking pairs apart only; `previous = end` holds a bound of the pass before."""
    return all(each.over is not None or each.picks for each in bindings.of(machine.frame.node).get(name, ()))


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

    value = evaluate(machine, node)
    return kept(machine, value) or of_value(value) or _text(machine, node)


def _text(machine: Machine, node: ast.expr) -> Linear:
    return Linear.of(("text", *machine.frame.key, machine.text(node)))


def of_value(value: Value) -> Linear | None:
    """Return an abstract value as an integer, None when it has no identity."""
    if isinstance(value, Const):
        return Linear(const=value.value) if isinstance(value.value, int) else None
    if isinstance(value, Quantity) and value.loops and value.of == value.loops[-1].key:
        return Linear.of(value.loops[-1].index).times(value.by).plus(value.offset)
    if isinstance(value, Quantity):
        return Linear.of(("count", *value.of, str(value.unit))).plus(value.offset) if value.of else None
    if isinstance(value, Opaque | Tensor) and value.key:
        return Linear.of(value.key)
    if isinstance(value, Choice) and all(isinstance(each, Const | Opaque) for each in value.options):
        return Linear.of(("choice", *map(repr, value.options)))  # one of so many: the same, where they are the same
    return None


def keep(machine: Machine, node: ast.expr, value: Value) -> Value:
    """Return a bound of a window that is put into a pair, known by what it stands for: `yield at, min(at + size, n)`.

    Only what moves by a stride is one. An index that stands there as it is says so itself.
    """
    if not isinstance(node, ast.Name | ast.BinOp | ast.Call) or not any(map(_may_be_integer, options(value))):
        return value
    is_counted = isinstance(value, Quantity) and value.loops and value.of != value.loops[-1].key
    if is_counted or isinstance(machine.frame.statement, ast.Return):  # what a loop has counted: `return total, count`
        return value
    number = of(machine, node)
    strides = (machine.strides.get(atom) for atom, factor in number.terms if factor > 0)
    if number == of_value(value) or not any(each is not None and each[0] != Linear(const=1) for each in strides):
        return value
    name = next((each.name for each in options(value) if isinstance(each, Opaque)), "")
    made = machine.opaque(node, name)
    machine.bounds[made.key] = number
    return made


def kept(machine: Machine, value: Value) -> Linear | None:
    """Return what a bound of a window stands for that came out of a pair; of several paths, on the one that moves on."""
    found = (machine.bounds.get(each.key) for each in options(value) if isinstance(each, Opaque))
    return next((each for each in found if each is not None), None)


def numbers(machine: Machine, target: ast.expr, node: ast.expr, value: Value) -> list[tuple[str, Linear]]:
    """Return the names that an assignment binds to arithmetic on integers, read before they are bound anew."""
    if isinstance(target, ast.Tuple) and isinstance(node, ast.Tuple) and len(target.elts) == len(node.elts):
        items = value.items if isinstance(value, Tuple) and len(value.items) == len(node.elts) else ()
        parts = zip(target.elts, node.elts, items, strict=False)
        return [found for each, part, item in parts for found in numbers(machine, each, part, item)]
    if not isinstance(target, ast.Name) or not isinstance(
        node, ast.BinOp | ast.UnaryOp | ast.Call | ast.Subscript | ast.IfExp
    ):
        return []
    return [(target.id, of(machine, node))] if _may_be_integer(value) else []


def remember(machine: Machine, found: list[tuple[str, Linear]]) -> None:
    """Remember what names were bound to: `seq_len = min(seq_len or bptt, rest)` reads the old name."""
    for name, number in found:
        slot = machine.state.names.get(name)
        if slot is not None:
            machine.frame.integers[name] = (slot.value, number)


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


def note_stride(machine: Machine, loop: Loop, node: ast.expr) -> None:
    """Remember by how much the index of a loop over a range grows from one pass to the next."""
    stride = _step(machine, node)
    if stride is not None:
        machine.strides[loop.index] = (stride, loop.place)


def _step(machine: Machine, node: ast.expr) -> Linear | None:
    if not isinstance(node, ast.Call):
        return None
    name = (
        node.func.id
        if isinstance(node.func, ast.Name)
        else node.func.attr
        if isinstance(node.func, ast.Attribute)
        else ""
    )
    if name in {"range", "trange", "arange"}:
        return of(machine, node.args[2]) if len(node.args) == 3 else Linear(const=1)
    return _step(machine, node.args[0]) if name in {"tqdm", "enumerate", "list", "track"} and node.args else None


def step_by(machine: Machine, node: ast.AST, name: str, operand: ast.expr) -> None:
    """Remember `start += stride` in a loop: from the second pass on, the name is an index of its own."""
    if not machine.loops:
        return
    atom = ("stepped", *machine.frame.key, name)
    machine.strides[atom] = (of(machine, operand), machine.evidence(node, "moved on here"))
    machine.frame.integers[name] = (STEPPED, Linear.of(atom))
