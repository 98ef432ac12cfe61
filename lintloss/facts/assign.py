"""Assignment: plain stores, and the augmented ones that sum a value over the loops it is in."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import replace

from lintloss.facts import (
    arithmetic,
    batch_shapes,
    carried,
    classes,
    dead,
    moved,
    names,
    presumptions,
    regularizers,
    shared_tensors,
    sums,
    vectors,
    writes,
)
from lintloss.facts.expressions import evaluate
from lintloss.facts.library import records, shapes
from lintloss.facts.machine import Machine
from lintloss.facts.state import Slot
from lintloss.facts.subscripts import subscript_key
from lintloss.facts.values import (
    UNKNOWN,
    Choice,
    Class,
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
    options,
)
from lintloss.findings import Evidence
from lintloss.patterns import regex


def accumulation(node: ast.Assign) -> tuple[ast.expr, ast.operator, ast.expr] | None:
    """Read `x = x + y` (and `x = y + x`, `x = x / n`) as what it is: an augmented assignment."""
    if len(node.targets) != 1 or not isinstance(node.value, ast.BinOp) or isinstance(node.value.left, ast.Tuple):
        return None  # `outputs = (loss,) + outputs` puts an item in front
    target, value = node.targets[0], node.value
    if not isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
        return None
    if _same(value.left, target) or _gets(value.left, target):
        return target, value.op, value.right
    if isinstance(value.op, ast.Add) and (_same(value.right, target) or _gets(value.right, target)):
        return target, value.op, value.left
    return _decayed(target, value)


def _decayed(target: ast.expr, value: ast.BinOp) -> tuple[ast.expr, ast.operator, ast.expr] | None:
    """Read `total = total * w + x * w`, and `count = count * w + w`: sums of x and of ones, as far as their quotient goes."""
    old, new = value.left, value.right
    if not isinstance(value.op, ast.Add) or not isinstance(old, ast.BinOp) or not isinstance(old.op, ast.Mult):
        return None
    if not _same(old.left, target):
        return None
    if _same(new, old.right) and not isinstance(new, ast.Constant):
        return target, value.op, ast.copy_location(ast.Constant(1), new)
    if isinstance(new, ast.BinOp) and isinstance(new.op, ast.Mult) and _same(new.right, old.right):
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


def _same(operand: ast.expr, target: ast.expr) -> bool:
    """Say whether an operand is spelled as the target is: most are not even the same kind of expression."""
    if type(operand) is not type(target):
        return False
    if isinstance(operand, ast.Name) and isinstance(target, ast.Name):
        return operand.id == target.id
    return ast.unparse(operand) == ast.unparse(target)


def running_mean(machine: Machine, node: ast.AugAssign) -> bool:
    """Run `m += (x - m) / k`; say whether the statement was that. Of `m += (x - m) * share` nothing is known."""
    from lintloss.facts import running

    if not isinstance(node.op, ast.Add) or not machine.loops or not running.is_step(node.target, node.value):
        return False
    parts = running.step_of(node.target, node.value)
    slot, write = _slot(machine, node.target)
    depth = slot.depth if slot is not None else machine.depth
    value = running.mean(machine, node.value, parts, machine.loops[depth:]) if parts is not None else None
    if value is None:
        evaluate(machine, node.value)
    write(value if value is not None else machine.opaque(node), depth)
    return True


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
        place = _heap_place(machine, target)
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


def _heap_place(machine: Machine, target: ast.expr) -> tuple[Key, str] | None:
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


def _put(machine: Machine, place: tuple[Key, str], target: ast.expr, value: Value) -> None:
    """Store in the heap; filling a list by index inside a loop is collecting over that loop."""
    old = machine.state.heap.get(*place)
    machine.assigned[machine.frame.module.path, target.lineno] = value
    owner = place[0]
    records.tell(machine, place[1], value)
    if machine.filing:
        machine.filed.add(owner)
    if machine.guards and " not in " in machine.guards[-1][2]:
        lists_of(machine, owner, value)
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
        _enter(machine, owner, value)
    length = machine.state.heap.get(owner, "len")
    if isinstance(target, ast.Subscript) and not isinstance(value, Quantity) and _rewrites_each(machine, target):
        machine.loops[-1].rewritten.add(owner)
        machine.state.heap.put(*place, Slot(value, old.depth if old is not None else machine.depth))
        return
    if collects and length is not None:
        collect(machine, owner, value, length.depth)
        return
    machine.state.heap.put(*place, Slot(value, machine.depth if old is None or not collects else old.depth))


def _enter(machine: Machine, owner: Key, value: Value) -> None:
    """Collect what a loop puts into a dict, an entry in each pass: `ppl[name] = …`, whose `.values()` may be averaged.

    What was summed or averaged by a loop of its own is the result of a whole set; those are compared, not averaged.
    """
    made = machine.dicts_made.get(owner)
    if made is None or made >= machine.depth or not isinstance(value, Quantity):
        return
    if (value.is_loss or value.is_perplexity) and all(loop in machine.loops for loop in value.loops):
        collect(machine, entered(owner).id, value, made)


def entered(owner: Key) -> Ref:
    """Return the list of what a loop has put into a dict."""
    return Ref((*owner, "@values"), "list")


def _rewrites_each(machine: Machine, target: ast.Subscript) -> bool:
    """Say whether each element gives way to a new one: `for i in range(len(xs)): xs[i] = …`, `for i, x in enumerate(xs)`."""
    loop = machine.loops[-1].statement if machine.loops else None
    if not isinstance(loop, ast.For) or not isinstance(loop.iter, ast.Call):
        return False
    number = loop.target.elts[0] if isinstance(loop.target, ast.Tuple) else loop.target
    if not _same(target.slice, number):
        return False
    owner = machine.text(target.value)
    return machine.text(loop.iter) in {f"range(len({owner}))", f"enumerate({owner})"}


def lists_of(machine: Machine, owner: Key, value: Value) -> None:
    """Let a list or meter that is made where a dict lacks it be as old as the dict: `if k not in d: d[k] = []`."""
    made = machine.dicts_made.get(owner)
    if made is not None and isinstance(value, Ref) and value.kind == "list":
        machine.put(value, "len", Const(0), made)
    elif made is not None and isinstance(value, Ref) and value.kind == "instance":
        for name, slot in machine.fields(value).items():
            machine.put(value, name, slot.value, made)


def collect(machine: Machine, owner: Key, value: Value, created: int) -> None:
    """Add `value` to the elements of a list made at loop depth `created`."""
    over = tuple(machine.loops[created:])
    if over:
        regularizers.note(machine, machine.frame.statement or machine.frame.node, value)
        dead.note_report(machine, machine.frame.statement or machine.frame.node, value)
        machine.list_loops[owner] = over
    guards = sums.open_guards(machine, created)
    value = _guarded(value, guards)
    if isinstance(value, Quantity) and over:
        value = replace(value, fed=sums.fed(machine, value) or value.fed)
    slot = machine.state.heap.get(owner, "elem")
    old = slot.value if slot else None
    machine.state.heap.put(owner, "elem", Slot(value if old is None else join(old, value), created))


def _guarded(value: Value, guards: tuple[Evidence, ...]) -> Value:
    if guards and isinstance(value, Quantity):
        return replace(value, guards=guards)
    return value


def augment(
    machine: Machine, node: ast.stmt, target: ast.expr, operator: ast.operator, operand: Value, *, in_place: bool = True
) -> None:
    """Apply `target op= operand`; addition sums over the loops entered since the target was set.

    in_place: a tensor's own content changes; `x = x + y` binds the name anew.
    """
    from lintloss.facts import piecewise
    from lintloss.facts.library import folded

    target = plain_target(target)
    slot, write = _slot(machine, target)
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
            collect(machine, ref.id, machine.elem(option), depth)
        elif isinstance(option, Tuple):
            for item in option.items:
                collect(machine, ref.id, item, depth)
        elif isinstance(option, Opaque | Tensor) and ref.kind == "list":  # `stream += encode(text)`
            machine.put(ref, "@extended", Const(True), depth)
            collect(machine, ref.id, one_of(machine, ref, option), depth)
        elif isinstance(option, Quantity) and option.axes and ref.kind == "list":
            collect(machine, ref.id, option, depth)
        elif isinstance(option, Quantity) or _counts(
            machine, ref, option, depth
        ):  # a scalar in a box: `total = torch.zeros(1)`
            slot = machine.get(ref, "elem")
            total = sums.accumulate(machine, node, slot.value if slot else Const(0), option, depth)
            machine.put(ref, "elem", total, depth)
            machine.put(ref, "boxed", Const(True), depth)


def one_of(machine: Machine, ref: Ref, more: Value) -> Value:
    """Return an item of what a list is extended by; of ids, one by one: a stream, not rows."""
    if isinstance(more, Ref):
        return machine.elem(more)
    is_row = isinstance(more, Tensor) and more.window is not None and more.form in {"", "ids"}
    return Opaque((*ref.id, "entry"), "") if is_row else more


def _counts(machine: Machine, ref: Ref, step: Value, depth: int) -> bool:
    """Say whether a tensor of one number counts iterations: `steps = torch.zeros(1); steps += 1`."""
    return step in (Const(1), Const(1.0)) and machine.depth > depth


def plain_target(target: ast.expr) -> ast.expr:
    """Return what `x.data` stores into: x."""
    while isinstance(target, ast.Attribute) and target.attr == "data":
        target = target.value
    return target


def put_back(machine: Machine, target: ast.expr, slot: Slot) -> None:
    """Let a name or attribute hold something, as old as the slot says."""
    _slot(machine, target)[1](slot.value, slot.depth)


def slot_of(machine: Machine, target: ast.expr) -> Slot | None:
    """Return what a name or attribute holds, and since when."""
    return _slot(machine, target)[0]


def _slot(machine: Machine, target: ast.expr) -> tuple[Slot | None, Callable[[Value, int], None]]:
    if isinstance(target, ast.Name):
        slot = machine.read(target.id)

        def write_name(value: Value, depth: int) -> None:
            machine.write(target.id, value, depth)

        return slot, write_name
    place = _heap_place(machine, target)

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
