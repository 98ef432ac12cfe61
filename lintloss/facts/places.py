"""Places: where a name, an attribute or an item is held, in the frame or the heap, and since which loop."""

from __future__ import annotations

import ast
from collections.abc import Callable

from lintloss.facts import classes
from lintloss.facts.expressions import evaluate
from lintloss.facts.machine import Machine
from lintloss.facts.state import Slot
from lintloss.facts.subscripts import subscript_key
from lintloss.facts.values import UNKNOWN, Class, Const, Key, Opaque, Quantity, Ref, Value, options


def are_alike(operand: ast.expr, target: ast.expr) -> bool:
    """Say whether an operand is spelled as the target is: most are not even the same kind of expression."""
    if type(operand) is not type(target):
        return False
    if isinstance(operand, ast.Name) and isinstance(target, ast.Name):
        return operand.id == target.id
    return ast.unparse(operand) == ast.unparse(target)


def in_heap(machine: Machine, target: ast.expr) -> tuple[Key, str] | None:
    """Return where in the heap an attribute or item lives."""
    if isinstance(target, ast.Attribute):
        owner = evaluate(machine, target.value)
        name = target.attr
    elif isinstance(target, ast.Subscript):
        owner = evaluate(machine, target.value)
        name = subscript_key(machine, target.slice, owner)
    else:
        return None
    for option in options(owner):
        if isinstance(option, Ref):
            return option.id, name
        if isinstance(option, Opaque) and option.key:
            return option.key, name
        if isinstance(option, Class):
            classes.class_member(machine, option, name)
            return classes.shelf(option), name
    return None


def plain_target(target: ast.expr) -> ast.expr:
    """Return what `x.data` stores into: x."""
    while isinstance(target, ast.Attribute) and target.attr == "data":
        target = target.value
    return target


def put_back(machine: Machine, target: ast.expr, slot: Slot) -> None:
    """Let a name or attribute hold something, as old as the slot says."""
    slot_and_write(machine, target)[1](slot.value, slot.depth)


def slot_of(machine: Machine, target: ast.expr) -> Slot | None:
    """Return what a name or attribute holds, and since when."""
    return slot_and_write(machine, target)[0]


def slot_and_write(machine: Machine, target: ast.expr) -> tuple[Slot | None, Callable[[Value, int], None]]:
    """Return what a target holds, and what stores another value there."""
    if isinstance(target, ast.Name):
        slot = machine.read(target.id)

        def write_name(value: Value, depth: int) -> None:
            machine.write(target.id, value, depth)

        return slot, write_name
    place = in_heap(machine, target)

    def write_heap(value: Value, depth: int) -> None:
        if place is not None:
            machine.state.heap.put(*place, Slot(value, depth))

    slot = machine.state.heap.get(*place) if place is not None else None
    if slot is None and place is not None:
        slot = _default_slot(machine, place, target)
    return slot, write_heap


def _default_slot(machine: Machine, place: tuple[Key, str], target: ast.expr) -> Slot | None:
    """Read an item that was not stored under its own key: an element of the list, a class attribute."""
    length = machine.state.heap.get(place[0], "len")
    if length is not None:
        elem = machine.state.heap.get(place[0], "elem")
        return Slot(elem.value if elem else Const(0), length.depth)
    made = machine.dicts_made.get(place[0])
    if made is not None:  # under a key that is not known: any of its values, 0 where it is still empty
        held = machine.elem(Ref(place[0], "dict"))
        return Slot(Const(0) if held == UNKNOWN else held, made)
    value = evaluate(machine, target)
    return Slot(value, 0) if isinstance(value, Const | Quantity | Ref) else None
