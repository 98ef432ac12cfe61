"""Method calls on lists and dicts: `losses.append(loss)`, `totals.get("nll", 0)`, `batch.items()`."""

from __future__ import annotations

import ast

from lintloss.facts import carried, collecting, exponent, fields, left_behind, reduce
from lintloss.facts.library import onehot, pieces, shapes
from lintloss.facts.library.tables import FLATTENING, MEANS, SAME, SUMS
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Opaque, Quantity, Ref, Tuple, Value, options


def of_container(machine: Machine, node: ast.Call, ref: Ref, name: str, args: list[Value]) -> Value | None:
    """Handle a method of a list, a dict or a tensor that is filled place by place; None where it is of another kind."""
    if (
        name == "extend"
        and isinstance(node.func, ast.Attribute)
        and node.args
        and pieces.fill_up(machine, node, node.func.value, node.args[0])
    ):
        return Const(None)
    if name in {"append", "extend", "add", "appendleft"} and args:
        slot = machine.get(ref, "len")
        depth = slot.depth if slot else machine.depth
        value = args[0]
        if name == "extend":
            value = collecting.one_of(machine, ref, value)
            machine.put(ref, "@extended", Const(True), depth)
        collecting.collect(machine, ref.id, value, depth)
        if isinstance(node.func, ast.Attribute):
            left_behind.note_store(machine, node.func.value, node.args[0] if node.args else None, value)
        return Const(None)
    if name == "clear" and not args:
        return emptied(machine, ref)
    if ref.kind == "dict":
        return of_dict(machine, ref, name, args)
    if name in MEANS:
        return reduce.mean(machine, node, ref)
    if name in SUMS:
        return reduce.total(machine, node, ref, fields.dimension(args, {}, 0))
    if name == "exp":
        return exponent.exponential(machine, node, ref)
    if name in {"item"} and ref.kind == "tensor":
        slot = machine.get(ref, "elem")
        return slot.value if slot else UNKNOWN
    if name == "size" and args == [Const(0)] and _holds_tensors(machine, ref):
        return shapes.dimension(machine, Opaque(ref.id), 0)  # as many rows as all of them have
    if name in {"size", "numel"}:
        slot = (
            machine.get(ref, "len") if not args or args[0] == Const(0) else None
        )  # further axes are those of its items
        if name == "size" and ref.kind == "list" and slot is not None and slot.value == Const(0):
            return machine.opaque(node)  # it was empty when it was made; nobody knows how long it has grown
        return slot.value if slot else machine.opaque(node)
    if name in SAME or name in FLATTENING:
        return ref
    tiled = onehot.tiled(machine, node, ref) if name in {"repeat", "expand"} and len(args) > 1 else None
    return tiled or Opaque((*ref.id, "." + name), "")


def emptied(machine: Machine, ref: Ref) -> Value:
    """Forget what a list or dict held: what is put into it from now on is added up from here."""
    machine.state.heap.clear(ref.id)
    machine.list_loops.pop(ref.id, None)
    if ref.kind == "dict":
        machine.dicts_made[ref.id] = machine.depth
    else:
        machine.put(ref, "len", Const(0))
    return Const(None)


def _holds_tensors(machine: Machine, ref: Ref) -> bool:
    """Say whether what was joined are tensors of rows, and no numbers."""
    slot = machine.get(ref, "elem")
    return ref.kind == "cat" and slot is not None and not any(isinstance(x, Quantity) for x in options(slot.value))


def _has_unknown_keys(machine: Machine, ref: Ref) -> bool:
    """Say whether tensors stand in a dict under keys that nobody can tell, `moved[k] = v.to(device)`: any may be there."""
    slot = machine.get(ref, "elem")
    return slot is not None and not any(isinstance(each, Quantity | Const) for each in options(slot.value))


def of_dict(machine: Machine, ref: Ref, name: str, args: list[Value]) -> Value:
    """Handle a method of a dict whose entries are known by their keys."""
    key = str(args[0].value) if args and isinstance(args[0], Const) else "elem"
    if name in {"get", "pop", "setdefault"}:
        slot = machine.get(ref, key)
        if slot is not None:
            return slot.value
        if name == "setdefault" and len(args) > 1:
            collecting.lists_of(machine, ref.id, args[1])
            machine.put(ref, key, args[1], machine.dicts_made.get(ref.id))
        absent = len(args) > 1 and (name == "setdefault" or not _has_unknown_keys(machine, ref))
        return args[1] if absent else Opaque((*ref.id, key), key)
    if name == "values":
        filled = collecting.entered(ref.id), Ref(ref.id, "list")  # by a loop; by a comprehension
        return next((each for each in filled if each.id in machine.list_loops), Tuple((machine.elem(ref),)))
    if name == "items":
        return Tuple((Tuple((Opaque((*ref.id, "key")), machine.elem(ref))),))
    if name == "update" and args and carried.update(machine, ref, args[0]):
        return Const(None)
    return ref if name == "copy" or name in SAME else Opaque((*ref.id, "." + name), "")
