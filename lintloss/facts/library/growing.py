"""Containers that grow: arrays that a call makes longer, as np.append() does, and dicts with a record for each key."""

from __future__ import annotations

import ast

from lintloss.facts import assign
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Quantity, Ref, Tuple, Value, options

Kwargs = dict[str, Value]


def appended(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """np.append(xs, x) is xs with one value more."""
    if len(args) != 2 or not isinstance(args[0], Ref):
        return machine.opaque(node)
    return joined(machine, args[0], args[1]) or machine.opaque(node)


def joined(machine: Machine, before: Value, more: Value) -> Value | None:
    """Return a list that was made longer by numbers; None where it is no list, or where no loss is added."""
    length = machine.get(before, "len") if isinstance(before, Ref) and before.kind in {"list", "tensor"} else None
    if not isinstance(before, Ref) or length is None:
        return None
    added = [each for each in options(_content(machine, more)) if isinstance(each, Quantity)]
    for each in added:
        assign.collect(machine, before.id, each, length.depth)
    return before if added else None


def _content(machine: Machine, value: Value) -> Value:
    if isinstance(value, Tuple) and len(value.items) == 1:
        return value.items[0]
    return machine.elem(value) if isinstance(value, Ref) and value.kind == "list" else value


def one_for_each_key(machine: Machine, made: Ref) -> None:
    """Let `{name: Average() for name in names}` hold a meter, or a record of totals, for each key: not one for all."""
    slot = machine.get(made, "elem")
    if slot is None or not isinstance(slot.value, Ref) or not _starts_empty(machine, slot.value):
        return
    held = {name: each for name, each in machine.fields(made).items() if name != "elem"}
    machine.state.heap.clear(made.id)
    for name, each in held.items():
        machine.put(made, name, each.value, each.depth)
    machine.put(made, "@made", slot.value, slot.depth)


def _starts_empty(machine: Machine, record: Ref) -> bool:
    """Say whether something holds a number that starts at 0, or is a list without elements: something is added to it."""
    if record.kind == "list":
        return machine.elem(record) == UNKNOWN
    return any(each.value in (Const(0), Const(0.0)) for name, each in machine.fields(record).items() if name != "len")
