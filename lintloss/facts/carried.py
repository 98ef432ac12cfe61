"""Totals that are built anew in each pass of a loop: `total, n = total + x, n + 1`, a dict, a tuple or an object of them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from lintloss.facts import arithmetic, sums
from lintloss.facts.machine import Machine
from lintloss.facts.state import Slot
from lintloss.facts.values import UNKNOWN, Choice, Const, Opaque, Quantity, Ref, Tuple, Value, join_all, options

ONE: tuple[Value, ...] = (Tuple(()), Const(1))  # sizes of a tensor of one number


@dataclass(frozen=True, slots=True)
class Added:
    """What came of an addition: the value that stood there before, and what was added to it.

    result: kept, so that its identity stays its own. What is made of a result is another object, and no sum any more.
    """

    result: Value
    before: Value
    term: Value
    node: ast.AST


def note(machine: Machine, node: ast.AST, left: Value, right: Value, result: Value, *, takes: bool = False) -> Value:
    """Remember, inside of a loop, of which two numbers a sum was made; return the sum, as an object of its own.

    takes: the right one is taken off.
    """
    if not machine.loops or result == UNKNOWN or not isinstance(result, Const | Quantity | Opaque | Choice):
        return result
    if isinstance(left, Quantity) and left.axes and isinstance(right, Quantity) and right.axes:
        return result  # fields, position by position
    if takes and isinstance(right, Quantity):
        right = replace(right, negated=not right.negated)
    result = replace(result)
    left, right = content(machine, left), content(machine, right)
    sides = [(left, right)] if takes else [(left, right), (right, left)]
    for before, term in sides:
        earlier = machine.added.get(id(before))
        if earlier is not None and earlier.result is before:  # `total + nats + penalty`
            both = arithmetic.binary(machine, node, ast.Add(), earlier.term, term)
            machine.added[id(result)] = Added(result, earlier.before, both, earlier.node)
            return result
    before, term = next(((b, t) for b, t in sides if _may_begin(b) and not _may_begin(t)), sides[0])
    machine.added[id(result)] = Added(result, before, term, node)
    return result


def _may_begin(value: Value) -> bool:
    """Say whether a value is that of a total: 0, or what has been added up over a loop."""
    return any(
        bool(option.loops) if isinstance(option, Quantity) else isinstance(option, Const) and option.value == 0
        for option in options(value)
    )


def content(machine: Machine, value: Value) -> Value:
    """Return the number in a tensor that holds one: `total = torch.zeros(())`."""
    if not isinstance(value, Ref) or value.kind != "tensor":
        return value
    slot, size = machine.get(value, "elem"), machine.get(value, "len")
    return slot.value if slot is not None and size is not None and size.value in ONE else value


def into(machine: Machine, slot: Slot | None, value: Value) -> Slot | None:
    """Return what a place holds when `value` is stored there and was made of what it held: the sum over the loops
    entered since, as old as the place; None for what was not made so.
    """
    if slot is None or slot.depth >= machine.depth or not machine.added:
        return None
    total = _sum(machine, content(machine, slot.value), value, slot.depth)
    if total is not None:
        return Slot(total, slot.depth)
    held = next((option for option in options(slot.value) if isinstance(option, Ref)), None)
    if isinstance(held, Ref) and _fill(machine, held, value, slot.depth):
        return Slot(held, slot.depth)
    if isinstance(value, Tuple):
        return _side_by_side(machine, slot, value)
    return None


def _sum(machine: Machine, before: Value, value: Value, depth: int) -> Value | None:
    """Return the sum over the loops since `depth` where a value is what stood there, and something added."""
    added = machine.added.get(id(value))
    if added is None or added.result is not value or not _is_same(added.before, before):
        return None
    return sums.accumulate(machine, added.node, before, added.term, depth)


def _is_same(one: Value, other: Value) -> bool:
    return one is other or (isinstance(other, Quantity | Choice) and one == other)


def _side_by_side(machine: Machine, slot: Slot, value: Tuple) -> Slot | None:
    """Add up by position: `state = (state[0] + nats, state[1] + 1)`."""
    rows = [each.items for each in options(slot.value) if isinstance(each, Tuple)]
    rows = [items for items in rows if len(items) == len(value.items)]
    before = [join_all(column) for column in zip(*rows, strict=True)] if rows else []
    found = [_sum(machine, old, new, slot.depth) for old, new in zip(before, value.items, strict=False)]
    if not any(each is not None for each in found):
        return None
    items = (new if each is None else each for each, new in zip(found, value.items, strict=True))
    return Slot(Tuple(tuple(items)), slot.depth)


def _fill(machine: Machine, held: Ref, value: Value, depth: int) -> bool:
    """Add up by key, field or position what a new dict, object or list was made of; say whether it was."""
    if isinstance(value, Tuple) and held.kind == "list":
        made = {str(index): item for index, item in enumerate(value.items)}
    elif isinstance(value, Ref) and value.kind == held.kind and value.cls == held.cls:
        made = {name: slot.value for name, slot in machine.fields(value).items()}
    else:
        return False
    old = dict(machine.fields(held))
    totals: dict[str, Value] = {}
    for name, each in made.items():
        before = old[name].value if name in old else _missing(machine, held, each)
        total = _sum(machine, before, each, depth) if before is not None else None
        if total is not None:
            totals[name] = total
    if not totals:
        return False
    for name, each in made.items():
        if name in totals:
            machine.put(held, name, totals[name], depth)
        elif name not in old or (old[name].value is not each and old[name].value != each):
            machine.put(held, name, each)
    return True


def _missing(machine: Machine, held: Ref, made: Value) -> Value | None:
    """Return what a dict holds under a key that it has not: the 0 of `totals.get(key, 0)`."""
    added = machine.added.get(id(made))
    return added.before if added is not None and held.kind == "dict" and isinstance(added.before, Const) else None


def update(machine: Machine, held: Value, more: Value) -> bool:
    """Put into a dict what another one holds: `totals |= {"loss": totals["loss"] + nats}`; say whether both are dicts."""
    if not all(isinstance(each, Ref) and each.kind == "dict" for each in (held, more)):
        return False
    if isinstance(held, Ref) and isinstance(more, Ref):
        for name, slot in machine.fields(more).items():
            grown = into(machine, machine.get(held, name), slot.value) if machine.loops else None
            grown = grown or Slot(slot.value, machine.depth)
            machine.put(held, name, grown.value, grown.depth)
    return True
