"""Containers that grow: arrays that a call makes longer, as np.append() does, and dicts with a record for each key."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import collecting
from lintloss.facts.library import shapes
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Opaque, Quantity, Ref, Tensor, Tuple, Value, options

Kwargs = dict[str, Value]


def appended(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """np.append(xs, x) is xs with one value more."""
    if len(args) != 2:
        return machine.opaque(node)
    grown = joined(machine, args[0], args[1])
    if grown is None:
        note_rows(machine, node, *args)
    return grown or machine.opaque(node)


def joined(machine: Machine, before: Value, more: Value) -> Value | None:
    """Return a list that was made longer by numbers; None where it is no list, or where no loss is added."""
    length = machine.get(before, "len") if isinstance(before, Ref) and before.kind in {"list", "tensor"} else None
    if not isinstance(before, Ref) or length is None:
        return None
    added = [each for each in options(_content(machine, more)) if isinstance(each, Quantity)]
    for each in added:
        collecting.collect(machine, before.id, each, length.depth)
    return before if added else None


def note_rows(machine: Machine, node: ast.AST, before: Value, more: Value) -> None:
    """Remember that what `torch.cat([labels, y])` makes has as many rows as the loop has seen, where it began empty."""
    made = [each for each in options(before) if isinstance(each, Ref) and each.kind in {"list", "tensor"}]
    length = machine.get(made[0], "len") if len(made) == 1 else None
    if length is None or length.value not in (Const(0), UNKNOWN) or not isinstance(more, Tensor | Opaque):
        return
    size, loops = shapes.dimension(machine, more, 0), tuple(machine.loops[length.depth :])
    if loops and isinstance(size, Quantity):
        machine.grown[machine.key(node)] = replace(size, of=loops[-1].key, loops=loops, counted=more)


def rows(machine: Machine, value: Value) -> Quantity | None:
    """Return the length of what has grown by the rows of each batch, None for what has not."""
    found = (machine.grown.get(each.key) for each in options(value) if isinstance(each, Opaque))
    return next((each for each in found if each is not None), None)


def rows_of_all(machine: Machine, joined_rows: Ref) -> Quantity | None:
    """Return the length of `torch.cat(labels)`, where a loop has put the rows of each batch into a list."""
    loops, slot = machine.list_loops.get(joined_rows.id, ()), machine.get(joined_rows, "elem")
    batches = options(slot.value) if slot is not None else ()
    if joined_rows.kind != "cat" or not loops or not all(isinstance(each, Tensor | Opaque) for each in batches):
        return None
    sizes = [shapes.dimension(machine, each, 0) for each in batches]
    known = [each for each in sizes if isinstance(each, Quantity)]
    if len(known) != len(sizes) or len({each.unit for each in known}) != 1:
        return None
    return replace(known[0], of=loops[-1].key, loops=loops)


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
