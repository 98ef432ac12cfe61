"""Assignment: what a name, an attribute, an item or a tuple of those is given, and what is known of it from then on."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts import batch_shapes, carried, collecting, dead, moved, names, places, presumptions, writes
from lintloss.facts.library import records
from lintloss.facts.machine import Machine
from lintloss.facts.state import Slot
from lintloss.facts.values import (
    UNKNOWN,
    Choice,
    Const,
    Key,
    ModelOutput,
    Opaque,
    Quantity,
    Ref,
    Tensor,
    Tuple,
    Value,
    join,
)
from lintloss.patterns import regex


def store(machine: Machine, target: ast.expr, value: Value) -> None:
    """Bind `value` to a target: a name, an attribute, an item, a tuple of those."""
    from lintloss.facts import drops, setters

    if isinstance(target, ast.Name | ast.Attribute):
        drops.note_stored(machine, target.id if isinstance(target, ast.Name) else target.attr, value, target)
    if isinstance(target, ast.Name):
        grown = carried.into(machine, machine.read(target.id), value) if machine.loops else None
        value = grown.value if grown is not None else presumptions.as_loss(machine, target, named(value, target.id))
        names.note(machine, machine.frame.statement or target, target.id, value)
        machine.write(target.id, value, grown.depth if grown is not None else None)
        dead.note_binding(machine, target, value)
        machine.assigned[machine.frame.module.path, target.lineno] = value
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(machine, target.elts, value)
    elif isinstance(target, ast.Starred):
        store(machine, target.value, UNKNOWN)
    else:
        if isinstance(target, ast.Subscript):
            batch_shapes.note_ignored(machine, target, value)
        if isinstance(target, ast.Subscript) and (
            moved.by_key(machine, target, value)
            or writes.into_table(machine, target, value)
            or writes.into_losses(machine, target, value)
            or writes.into_matrix(machine, target, value)
            or writes.into_tensor(machine, target, value)
        ):
            return
        if isinstance(target, ast.Attribute) and setters.ran(machine, target, value):
            return
        place = places.in_heap(machine, target)
        if place is not None:
            _put(machine, place, target, named(value, target.attr) if isinstance(target, ast.Attribute) else value)


def named(value: Value, name: str) -> Value:
    """Let an opaque value go by the name it was given; a name such as `loss` says what it is presumed to be."""
    if isinstance(value, Opaque) and value.name != name and (not value.name or _is_mask_now(value.name, name)):
        return replace(value, name=name)
    if isinstance(value, Tensor) and (not value.name or (value.form == "" and _is_mask_now(value.name, name))):
        return replace(value, name=name)
    if isinstance(value, ModelOutput) and not value.logits.name:
        return replace(value, logits=replace(value.logits, name=name))
    return value


def _is_mask_now(old: str, name: str) -> bool:
    """Say whether what another function had called otherwise, `pad` say, is called a mask where it came to."""
    return "mask" in name.lower() and "mask" not in old.lower()


def _unpack(machine: Machine, targets: list[ast.expr], value: Value) -> None:
    items: list[Value] | None = None
    if isinstance(value, Choice):
        rows = [
            option.items for option in value.options if isinstance(option, Tuple) and len(option.items) == len(targets)
        ]
        if rows:
            items = [_joined([row[i] for row in rows]) for i in range(len(targets))]
    elif isinstance(value, Tuple) and len(value.items) == len(targets):
        items = list(value.items)
    elif isinstance(value, Tuple) and value.items and getattr(value.items[-1], "name", "") == "*":  # with more behind
        items = [*value.items[:-1], *(UNKNOWN for _ in targets)][: len(targets)]
    elif isinstance(value, Tuple) and any(isinstance(t, ast.Starred) for t in targets):
        star = next(i for i, t in enumerate(targets) if isinstance(t, ast.Starred))
        tail = len(targets) - star - 1
        if len(value.items) >= len(targets) - 1:
            items = [*value.items[:star], UNKNOWN, *value.items[len(value.items) - tail :]]
    if items is None:
        items = [item_of(machine, value, i, len(targets), _name(t)) for i, t in enumerate(targets)]
    for target, item in zip(targets, items, strict=False):
        store(machine, target, item)


def _joined(values: list[Value]) -> Value:
    merged = values[0]
    for value in values[1:]:
        merged = join(merged, value)
    return merged


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


LOSS_PART = regex(r"^(\w+_)?(loss|losses|nll|ce|xent)(_\w+)?$|^l(v|value|s)?$", re.IGNORECASE)


def item_of(machine: Machine, value: Value, index: int, width: int, name: str) -> Value:
    """Return item `index` of a value that is unpacked into `width` names; the name it gets is a hint."""
    from lintloss.facts.library import features, outputs, records, shapes

    held = records.as_tuple(machine, value)
    if held is not None:
        return held.items[index] if index < len(held.items) else UNKNOWN
    if isinstance(value, Opaque) and value.name == ".shape":
        return shapes.dimension(machine, value, index)
    if isinstance(value, ModelOutput):
        return outputs.item(machine, value, index, width, name)
    if isinstance(value, Ref) and value.kind != "instance":
        slot = machine.get(value, str(index))
        if slot is None:
            slot = machine.get(value, "elem")
            apart = features.part(slot.value, index) if slot is not None else None
            if apart is not None:
                return apart
            if slot is not None and isinstance(slot.value, Opaque | Tensor):  # parts of one batch, not the same thing
                return Opaque((*value.id, index), name)
        return slot.value if slot else UNKNOWN
    if isinstance(value, Opaque):
        return Opaque((*value.key, index), name)
    if isinstance(value, Quantity) and value.presumed and not value.axes and not value.loops:
        return value if LOSS_PART.match(name) else Opaque((*machine.key(machine.frame.node, name), index), name)
    if isinstance(value, Tensor) and value.form in {"hidden", "logits"}:  # q, k, v = qkv.chunk(3): positions stay
        return replace(value, form="hidden", axes=None, key=(*value.key, index))
    return UNKNOWN


def _put(machine: Machine, place: tuple[Key, str], target: ast.expr, value: Value) -> None:
    """Store in the heap; filling a list by index inside a loop is collecting over that loop."""
    old = machine.state.heap.get(*place)
    machine.assigned[machine.frame.module.path, target.lineno] = value
    owner = place[0]
    records.tell(machine, place[1], value)
    if machine.filing:
        machine.filed.add(owner)
    if machine.guards and " not in " in machine.guards[-1][2]:
        collecting.lists_of(machine, owner, value)
        made = machine.dicts_made.get(owner)
        if made is not None and old is None and isinstance(value, Const) and value.value == 0:
            machine.state.heap.put(*place, Slot(value, made))  # `if k not in d: d[k] = 0.0`: as old as the dict
            return
    grown = carried.into(machine, old, value) if machine.loops else None
    if grown is not None:
        machine.state.heap.put(*place, grown)
        return
    collects = isinstance(target, ast.Subscript) and place[1] == "elem"
    if collects:
        collecting.enter(machine, owner, value)
    length = machine.state.heap.get(owner, "len")
    if isinstance(target, ast.Subscript) and not isinstance(value, Quantity) and _rewrites_each(machine, target):
        machine.loops[-1].rewritten.add(owner)
        machine.state.heap.put(*place, Slot(value, old.depth if old is not None else machine.depth))
        return
    if collects and length is not None:
        collecting.collect(machine, owner, value, length.depth)
        return
    machine.state.heap.put(*place, Slot(value, machine.depth if old is None or not collects else old.depth))


def _rewrites_each(machine: Machine, target: ast.Subscript) -> bool:
    """Say whether each element gives way to a new one: `for i in range(len(xs)): xs[i] = …`, `for i, x in enumerate(xs)`."""
    loop = machine.loops[-1].statement if machine.loops else None
    if not isinstance(loop, ast.For) or not isinstance(loop.iter, ast.Call):
        return False
    number = loop.target.elts[0] if isinstance(loop.target, ast.Tuple) else loop.target
    if not places.are_alike(target.slice, number):
        return False
    owner = machine.text(target.value)
    return machine.text(loop.iter) in {f"range(len({owner}))", f"enumerate({owner})"}
