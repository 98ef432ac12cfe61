"""Augmented assignments, `x += y` and `x = x + y` in full: they sum a value over the loops that it is in."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import arithmetic, carried, collecting, dead, places, shared_tensors, sums, vectors
from lintloss.facts.expressions import evaluate
from lintloss.facts.library import shapes
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Opaque, Quantity, Ref, Tensor, Tuple, Value, options


def accumulation(node: ast.Assign) -> tuple[ast.expr, ast.operator, ast.expr] | None:
    """Read `x = x + y` (and `x = y + x`, `x = x / n`) as what it is: an augmented assignment."""
    if len(node.targets) != 1 or not isinstance(node.value, ast.BinOp) or isinstance(node.value.left, ast.Tuple):
        return None  # `outputs = (loss,) + outputs` puts an item in front
    target, value = node.targets[0], node.value
    if not isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
        return None
    if places.are_alike(value.left, target) or _gets(value.left, target):
        return target, value.op, value.right
    if isinstance(value.op, ast.Add) and (places.are_alike(value.right, target) or _gets(value.right, target)):
        return target, value.op, value.left
    return _decayed(target, value)


def _decayed(target: ast.expr, value: ast.BinOp) -> tuple[ast.expr, ast.operator, ast.expr] | None:
    """Read `total = total * w + x * w`, and `count = count * w + w`: sums of x and of ones, as far as their quotient goes."""
    old, new = value.left, value.right
    if not isinstance(value.op, ast.Add) or not isinstance(old, ast.BinOp) or not isinstance(old.op, ast.Mult):
        return None
    if not places.are_alike(old.left, target):
        return None
    if places.are_alike(new, old.right) and not isinstance(new, ast.Constant):
        return target, value.op, ast.copy_location(ast.Constant(1), new)
    if isinstance(new, ast.BinOp) and isinstance(new.op, ast.Mult) and places.are_alike(new.right, old.right):
        return target, value.op, new.left
    return None


def _gets(operand: ast.expr, target: ast.expr) -> bool:
    """Say whether an operand is `totals.get(key, 0)` where the target is `totals[key]`."""
    if not isinstance(target, ast.Subscript) or not isinstance(operand, ast.Call) or len(operand.args) != 2:
        return False
    function = operand.func
    if not isinstance(function, ast.Attribute) or function.attr != "get":
        return False
    owner, key = ast.unparse(target.value), ast.unparse(target.slice)
    return ast.unparse(function.value) == owner and ast.unparse(operand.args[0]) == key


def running_mean(machine: Machine, node: ast.AugAssign) -> bool:
    """Run `m += (x - m) / k`; say whether the statement was that. Of `m += (x - m) * share` nothing is known."""
    from lintloss.facts import running

    if not isinstance(node.op, ast.Add) or not machine.loops or not running.is_step(node.target, node.value):
        return False
    parts = running.step_of(node.target, node.value)
    slot, write = places.slot_and_write(machine, node.target)
    depth = slot.depth if slot is not None else machine.depth
    value = running.mean(machine, node.value, parts, machine.loops[depth:]) if parts is not None else None
    if value is None:
        evaluate(machine, node.value)
    write(value if value is not None else machine.opaque(node), depth)
    return True


def augment(
    machine: Machine, node: ast.stmt, target: ast.expr, operator: ast.operator, operand: Value, *, in_place: bool = True
) -> None:
    """Apply `target op= operand`; addition sums over the loops entered since the target was set.

    in_place: a tensor's own content changes; `x = x + y` binds the name anew.
    """
    from lintloss.facts import piecewise
    from lintloss.facts.library import folded

    target = places.plain_target(target)
    slot, write = places.slot_and_write(machine, target)
    current = slot.value if slot is not None else UNKNOWN
    depth = slot.depth if slot is not None else machine.depth
    if isinstance(operator, ast.Mult) and isinstance(target, ast.Subscript) and _weigh(machine, target):
        return
    if isinstance(operator, ast.Add) and folded.counted(machine, node, current, operand, {}):
        return
    if isinstance(operator, ast.BitOr) and carried.update(machine, current, operand):
        return
    if isinstance(operator, ast.Add) and piecewise.by_method(machine, node, current, operand):
        return
    added = piecewise.by_field(machine, node, current, operand, depth) if isinstance(operator, ast.Add) else None
    if added is not None:
        write(added, depth)
        return
    if not in_place and isinstance(current, Ref) and current.kind == "tensor":
        if isinstance(operator, ast.Add) and vectors.add(machine, node, current, operand, depth):
            return
        current = _content(machine, current)
    if isinstance(operator, ast.Add | ast.Sub):
        if isinstance(current, Ref) and current.kind != "instance":
            _extend(machine, node, current, operand)
            return
        if isinstance(operator, ast.Sub) and isinstance(operand, Quantity):
            operand = replace(operand, negated=not operand.negated)
        value = sums.accumulate(machine, node, current, operand, depth)
        if depth == machine.depth:  # of a helper that was given the total: it is stored where the helper was called
            value = carried.note(machine, node, current, operand, value)
    else:
        value = arithmetic.binary(machine, node, operator, current, operand, inside=depth)
    machine.assigned[machine.frame.module.path, node.lineno] = value
    if isinstance(target, ast.Name):
        dead.note_binding(machine, target, value)
    if in_place and isinstance(operator, ast.Add | ast.Sub):
        shared_tensors.changed(machine, current, value)
    write(value, depth)


def _weigh(machine: Machine, target: ast.Subscript) -> bool:
    """`mask[...] *= factor` makes weights of a mask."""
    slot = machine.read(target.value.id) if isinstance(target.value, ast.Name) else None
    found = shapes.tensor(slot.value) if slot is not None else None
    if found is None or slot is None or not (shapes.mask(found) or found.form == "weights" or "weight" in found.name):
        return False
    place = machine.evidence(target, "some positions are weighted here")
    machine.write(target.value.id, replace(found, form="weights").with_step(place), slot.depth)  # type: ignore[attr-defined]
    return True


def _content(machine: Machine, ref: Ref) -> Value:
    """Return the number in a tensor that holds one."""
    slot = machine.get(ref, "elem")
    return slot.value if slot is not None else ref


def _extend(machine: Machine, node: ast.stmt, ref: Ref, operand: Value) -> None:
    created = machine.get(ref, "len")
    depth = created.depth if created else machine.depth
    for option in options(operand):
        if vectors.add(machine, node, ref, option, depth):
            continue
        if isinstance(option, Ref):
            collecting.collect(machine, ref.id, machine.elem(option), depth)
        elif isinstance(option, Tuple):
            for item in option.items:
                collecting.collect(machine, ref.id, item, depth)
        elif isinstance(option, Opaque | Tensor) and ref.kind == "list":  # `stream += encode(text)`
            machine.put(ref, "@extended", Const(True), depth)
            collecting.collect(machine, ref.id, collecting.one_of(machine, ref, option), depth)
        elif isinstance(option, Quantity) and option.axes and ref.kind == "list":
            collecting.collect(machine, ref.id, option, depth)
        elif isinstance(option, Quantity) or _counts(
            machine, ref, option, depth
        ):  # a scalar in a box: `total = torch.zeros(1)`
            slot = machine.get(ref, "elem")
            total = sums.accumulate(machine, node, slot.value if slot else Const(0), option, depth)
            machine.put(ref, "elem", total, depth)
            machine.put(ref, "boxed", Const(True), depth)


def _counts(machine: Machine, ref: Ref, step: Value, depth: int) -> bool:
    """Say whether a tensor of one number counts iterations: `steps = torch.zeros(1); steps += 1`."""
    return step in (Const(1), Const(1.0)) and machine.depth > depth
