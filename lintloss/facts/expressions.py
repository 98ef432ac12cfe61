"""Evaluates expressions on the abstract machine."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lintloss.facts import fitted
from lintloss.facts.machine import TOTAL, Machine, OutOfBudget
from lintloss.facts.state import Slot
from lintloss.facts.values import (
    REST,
    UNKNOWN,
    Choice,
    Class,
    Const,
    Func,
    Key,
    Lib,
    LibObject,
    ModuleValue,
    Opaque,
    Pending,
    Quantity,
    Ref,
    Tensor,
    Tuple,
    Value,
    Window,
    join,
    join_all,
    options,
)

BUILTINS = frozenset(dir(builtins))


def evaluate(machine: Machine, node: ast.expr) -> Value:
    """Return the abstract value of an expression."""
    machine.steps += 1  # here, not in a method: this runs for every expression
    machine.spent += 1
    if machine.steps > machine.limit or machine.spent > TOTAL:
        raise OutOfBudget
    handler = HANDLERS.get(type(node))
    return handler(machine, node) if handler is not None else _parts(machine, node)


def _parts(machine: Machine, node: ast.expr) -> Value:
    """Evaluate what is inside an expression that itself says nothing: an f-string may hold the perplexity."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            evaluate(machine, child)
    return machine.opaque(node)


def _constant(machine: Machine, node: ast.Constant) -> Value:
    return Const(node.value)


def _name(machine: Machine, node: ast.Name) -> Value:
    slot = machine.read(node.id)
    if slot is not None:
        return looked_up(machine, node.id, slot)
    if node.id in BUILTINS:
        return Lib(f"builtins.{node.id}")
    return Opaque((machine.frame.module.path, node.id), node.id)


def looked_up(machine: Machine, name: str, slot: Slot) -> Value:
    """Return the value of a name; one that an import binds is looked up now."""
    if isinstance(slot.value, Choice):
        return _settled(machine, slot.value)
    if not isinstance(slot.value, Pending):
        return slot.value
    value = imports.resolve(machine, slot.value)
    names = machine.module_names(slot.value.importer)
    if names.get(name) is slot:
        names[name] = Slot(value, slot.depth)
    return value


def _settled(machine: Machine, value: Choice) -> Value:
    """Look up what the imports of several branches bind."""
    if not any(isinstance(each, Pending) for each in value.options):
        return value
    return join_all(imports.resolve(machine, each) if isinstance(each, Pending) else each for each in value.options)


def _attribute(machine: Machine, node: ast.Attribute) -> Value:
    return member(machine, evaluate(machine, node.value), node.attr, node)


def member(machine: Machine, owner: Value, name: str, node: ast.AST) -> Value:
    """Return an attribute of a value."""
    if isinstance(owner, Choice):
        return join_all(member(machine, option, name, node) for option in owner.options if not _has_none(option, name))
    if isinstance(owner, Lib):
        return Lib(f"{owner.name}.{name}")
    if isinstance(owner, ModuleValue):
        if name == "__dict__":
            return imports.members(machine, owner.module)
        slot = machine.global_slot(owner.module.path, name)
        if slot is not None:
            return looked_up(machine, name, slot)
        return calls.submodule(machine, owner, name) or Lib(f"{owner.module.path}:{name}")
    if isinstance(owner, Ref):
        return classes.instance_member(machine, owner, name, node)
    if isinstance(owner, Class):
        if name == "__name__":
            return Const(owner.node.name)
        return classes.class_member(machine, owner, name) or Opaque((owner.node.name, name), name)
    key = getattr(owner, "key", ())
    slot = machine.get(key, name) if key else None
    if slot is not None:
        return slot.value
    return members.member(machine, owner, name, node)


def _has_none(owner: Value, name: str) -> bool:
    """Say whether a value has no such attribute: None, or the tuple that a model returns where no dict is asked for."""
    return isinstance(owner, Const) or (isinstance(owner, Tuple) and name in {"loss", "logits"})


def _subscript(machine: Machine, node: ast.Subscript) -> Value:
    from lintloss.facts.library import indexed, shapes

    owner = evaluate(machine, node.value)
    if isinstance(owner, Choice) and (
        indexed.is_tensor_index(node.slice) or all(isinstance(option, Tensor) for option in owner.options)
    ):
        owner = shapes.either(owner) or owner
    return join_all(subscripts.item(machine, option, node) for option in options(owner))


def _binary(machine: Machine, node: ast.BinOp) -> Value:
    from lintloss.facts import carried, entropies, quotients, running, shared_tensors
    from lintloss.facts.library import folded, pieces

    parts = running.parts_of(node) if machine.loops else None
    if parts is not None:
        value = running.mean(machine, node, parts, machine.loops[-1:])
        return value if value is not None else machine.opaque(node)
    if isinstance(node.op, ast.Div) and isinstance(node.right, ast.BinOp) and isinstance(node.right.op, ast.Mult):
        return _by_product(machine, node, node.right)
    share = quotients.by_reciprocal(node) if isinstance(node.op, ast.Mult) else None
    if share is not None:
        return _binary(machine, share)
    left, right = evaluate(machine, node.left), evaluate(machine, node.right)
    if isinstance(node.op, ast.Mult):
        known = entropies.product(machine, node, left, right) or vectors.repeated(machine, node.left, left)
        if known is not None:
            return known
    row = pieces.joined(machine, node, left, right) if isinstance(node.op, ast.Add) else None
    if isinstance(node.op, ast.BitOr) and (both := folded.merged(machine, node, left, right)) is not None:
        return both
    if row is None and isinstance(node.op, ast.Add) and isinstance(left, Tuple):
        return _lengthened(left, right)
    made = row or mixtures.weighed(machine, node)
    if made is None:
        made = shared_tensors.computed(arithmetic.binary(machine, node, node.op, left, right), left, right)
    if machine.loops and isinstance(node.op, ast.Add | ast.Sub):
        made = carried.note(machine, node, left, right, made, takes=isinstance(node.op, ast.Sub))
    pieces.note(machine, node, made)
    vectors.note_ones(machine, node, made)
    return made


def _lengthened(left: Tuple, right: Value) -> Value:
    """Put two tuples together: `(loss,) + outputs`; one item stands for the rest where its length is unknown."""
    if isinstance(right, Choice):
        return join_all(_lengthened(left, option) for option in right.options)
    if left.items and isinstance(left.items[-1], Opaque) and left.items[-1].name == REST:
        return left
    rest = right.items if isinstance(right, Tuple) else (Opaque((*_identity(right), REST), REST),)
    return Tuple((*left.items, *rest))


def _identity(value: Value) -> Key:
    return value.id if isinstance(value, Ref) else getattr(value, "key", ())


def _by_product(machine: Machine, node: ast.BinOp, below: ast.BinOp) -> Value:
    """Divide by a product: `nats / (math.log(2) * n_bytes)` by the number first, so that the unit is not lost in it."""
    from lintloss.facts import passes

    left = evaluate(machine, node.left)
    one, other = evaluate(machine, below.left), evaluate(machine, below.right)
    for number, rest in ((one, other), (other, one)):
        is_total = any(isinstance(option, Quantity) for option in options(left))
        if isinstance(number, Const) and isinstance(rest, Opaque | Choice) and is_total:
            return arithmetic.binary(
                machine, node, node.op, arithmetic.binary(machine, node, node.op, left, number), rest
            )
    examples = passes.of_rows(machine, left, below, (one, other))
    divisor = examples or arithmetic.binary(machine, below, below.op, one, other)
    return arithmetic.binary(machine, node, node.op, left, divisor)


def _unary(machine: Machine, node: ast.UnaryOp) -> Value:
    from lintloss.facts.library import blocks, losses, masks

    value = evaluate(machine, node.operand)
    if isinstance(node.op, ast.USub):
        if isinstance(value, Quantity):
            return replace(value, negated=not value.negated)
        if isinstance(value, Const) and isinstance(value.value, int | float):
            return Const(-value.value)
        if isinstance(value, Tensor):
            return blocks.negated(value) or losses.negated_picks(machine, node, value) or value
    if isinstance(node.op, ast.Not) and isinstance(value, Const):
        return Const(not value.value)
    attention = masks.attention(machine, value) if isinstance(node.op, ast.Invert) else None
    if attention is not None:
        return masks.rest(attention)
    if isinstance(node.op, ast.Invert) and isinstance(value, Tensor):
        return replace(value, sense=not value.sense if value.sense is not None else None)
    return machine.opaque(node)


def _boolean(machine: Machine, node: ast.BoolOp) -> Value:
    result: Value | None = None
    for each in node.values:
        value = evaluate(machine, each)
        if isinstance(value, Const) and isinstance(node.op, ast.Or) and not value.value and each is not node.values[-1]:
            continue
        result = value if result is None else join(result, value)
        if isinstance(node.op, ast.Or) and (
            isinstance(value, LibObject | Ref | Func) or (isinstance(value, Const) and value.value)
        ):
            break
    return result if result is not None else Const(None)


def _compare(machine: Machine, node: ast.Compare) -> Value:
    from lintloss.facts import pad_marks
    from lintloss.facts.library import masks

    left = evaluate(machine, node.left)
    if isinstance(left, Choice):  # `labels`, of which some were overwritten under a condition
        left = next((option for option in left.options if isinstance(option, Tensor)), left)
    rights = [evaluate(machine, each) for each in node.comparators]
    switched = masks.switched(machine, node.ops[0], left, rights[0]) if len(rights) == 1 else None
    if switched is not None:
        return switched
    if isinstance(left, Const) and len(rights) == 1 and isinstance(rights[0], Const):
        decided = branches.decide(machine, node)
        return machine.opaque(node) if decided is None else Const(decided)
    positional = masks.by_position(machine, node, left, rights) if len(rights) == 1 else None
    if positional is not None:
        return positional
    if (
        len(rights) == 1
        and isinstance(left, Tensor | Opaque)
        and isinstance(node.ops[0], ast.NotEq | ast.Eq | ast.Gt | ast.GtE | ast.Lt)
    ):
        key = left.key
        axes = left.axes if isinstance(left, Tensor) else None
        window = left.window if isinstance(left, Tensor) else Window(left.key) if left.key else None
        sense = masks.sense_of(node.ops[0], rights[0], left)
        if isinstance(left, Tensor) and left.form == "mask":
            return replace(left, sense=sense)
        if isinstance(node.ops[0], ast.NotEq | ast.Eq):
            pad_marks.note_compared(machine, node, shapes.tensor(left) or Tensor(), rights[0], node.comparators[0])
        return Tensor(
            "mask", window, axes, (*key, "mask"), left.name, pad=masks.left_out(node.ops[0], rights[0]), sense=sense
        )
    return machine.opaque(node)


def _choice(machine: Machine, node: ast.IfExp) -> Value:
    decided = branches.decide(machine, node.test)
    if decided is not None:
        return evaluate(machine, node.body if decided else node.orelse)
    one, other = evaluate(machine, node.body), evaluate(machine, node.orelse)
    if ignored.IGNORED in (one, other):
        batch_shapes.note_filled(machine, node, ignored.IGNORED)
    return fitted.either(node.test, one, other) or join(one, other)


def _tuple(machine: Machine, node: ast.Tuple) -> Value:
    return Tuple(tuple(symbolic.keep(machine, each, evaluate(machine, each)) for each in node.elts))


def _list(machine: Machine, node: ast.List | ast.Set) -> Value:
    if node.elts and not any(isinstance(each, ast.Starred) for each in node.elts):
        values = tuple(symbolic.keep(machine, each, evaluate(machine, each)) for each in node.elts)
        if not all(isinstance(value, Const) for value in values):
            return Tuple(values)
        ref = machine.new_list(node, None, Const(len(values)))
        for index, value in enumerate(values):
            machine.put(ref, str(index), value)
        return ref
    values = tuple(evaluate(machine, each) for each in node.elts)
    copied = values[0] if len(values) == 1 else None  # `[*batches]`
    if isinstance(copied, Ref) and copied.id in machine.list_loops:
        return copied
    return machine.new_list(node)


def _dict(machine: Machine, node: ast.Dict) -> Value:
    from lintloss.facts import dead, names

    ref = Ref(machine.key(node, "dict"), "dict")
    values = [evaluate(machine, value) for value in node.values]  # before it is made anew: they may read the last one
    spread = [machine.fields(made) if isinstance(made, Ref) else None for made in values]
    machine.state.heap.clear(ref.id)
    machine.dicts_made[ref.id] = machine.depth
    for key, value, made, held in zip(node.keys, node.values, values, spread, strict=True):
        if key is None:
            for name, slot in (held or {}).items():
                machine.put(ref, name, slot.value)
            continue
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and not isinstance(value, ast.Name):
            names.note(machine, value, key.value, made)
        name = subscripts.subscript_key(machine, key)
        machine.put(ref, name, made)
        records.tell(machine, name, made)
        dead.note_store(machine, key, value, made)
    return ref


def _comprehension(machine: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
    """Run a comprehension as the loops it is, collecting its elements."""
    from lintloss.facts import moved, thrown
    from lintloss.facts.library import folded

    thrown.note(machine, node)
    same = moved.same_batch(machine, node)
    if same is not None:
        return same

    mapped = items.mapped(machine, node) or items.each_of_written(machine, node) or items.each_field(machine, node)
    if mapped is not None:
        return mapped
    if isinstance(node, ast.DictComp) and (keyed := folded.by_key(machine, node, evaluate)) is not None:
        return keyed
    kind = "dict" if isinstance(node, ast.DictComp) else "list"
    ref = machine.new_list(node, kind=kind)
    created = machine.depth

    def collect(index: int) -> str:
        if index == len(node.generators):
            element = node.value if isinstance(node, ast.DictComp) else node.elt
            collecting.collect(machine, ref.id, evaluate(machine, element), created)
            return "next"
        generator = node.generators[index]
        iterable = evaluate(machine, generator.iter)
        number = iterate.as_ranged(machine, generator) if len(node.generators) == 1 else ()
        loop, elements = iterate.describe(
            machine, generator.iter, generator.iter, iterable, machine.text(generator.target), number
        )
        if isinstance(node, ast.ListComp | ast.GeneratorExp):
            batch_shapes.note_sampler(machine, loop, [node.elt], generator.target)
            batch_shapes.note_bound(machine, loop, generator.iter)
        iterate.run(
            machine,
            loop,
            lambda: assign.store(machine, generator.target, elements()),
            lambda: _filtered(machine, generator, collect, index),
        )
        return "next"

    names = machine.state.names
    collect(0)
    machine.state.names = dict(names)
    if isinstance(node, ast.DictComp) and not isinstance(node.value, ast.Name):
        growing.one_for_each_key(machine, ref)
    generator = node.generators[0]
    source = evaluate(machine, generator.iter) if len(node.generators) == 1 and not generator.ifs else UNKNOWN
    if isinstance(source, Ref) and source.kind in {"list", "cat"} and source.id in machine.list_loops:
        machine.list_loops[ref.id] = machine.list_loops[source.id]  # one for each of its elements
    return ref


def _filtered(machine: Machine, generator: ast.comprehension, collect: Callable[[int], str], index: int) -> str:
    for test in generator.ifs:
        evaluate(machine, test)
    return collect(index + 1)


def _lambda(machine: Machine, node: ast.Lambda) -> Value:
    frame = machine.frame
    machine.closures[frame.key] = frame.state.names
    return Func(node, frame.module, closure=() if isinstance(frame.node, ast.Module) else frame.key)


def _walrus(machine: Machine, node: ast.NamedExpr) -> Value:
    value = evaluate(machine, node.value)
    assign.store(machine, node.target, value)
    return value


def _starred(machine: Machine, node: ast.Starred) -> Value:
    return evaluate(machine, node.value)


def _await(machine: Machine, node: ast.Await) -> Value:
    return evaluate(machine, node.value)


def _yield(machine: Machine, node: ast.Yield) -> Value:
    value = evaluate(machine, node.value) if node.value is not None else Const(None)
    frame = machine.frame
    if machine.loops[frame.loop_base :]:
        frame.yields = _collected(machine, value)
    else:
        frame.yields = value if frame.yields is None else join(frame.yields, value)
    return UNKNOWN


def _holds_loss(value: Value) -> bool:
    """Say whether a value is a loss, or a tuple with one in it: `yield loss.item(), perplexity`."""
    found = value.items if isinstance(value, Tuple) else (value,)
    return any(isinstance(option, Quantity) and option.is_loss for each in found for option in options(each))


def _yield_from(machine: Machine, node: ast.YieldFrom) -> Value:
    value = evaluate(machine, node.value)
    if isinstance(value, Ref | LibObject):
        machine.frame.handed = value
    return UNKNOWN


def _collected(machine: Machine, value: Value) -> Ref:
    """Return the list of what a generator yields in its loop: a batch, or a loss, for each of its iterations."""
    from lintloss.facts import collecting

    frame = machine.frame
    yielded = Ref(frame.yielded(machine), "list")
    if _holds_loss(value) and machine.get(yielded, "len") is None:
        machine.put(yielded, "len", Const(0), frame.loop_base)
    collecting.collect(machine, yielded.id, value, frame.loop_base)
    return yielded


def _call(machine: Machine, node: ast.Call) -> Value:
    return calls.evaluate_call(machine, node)


# Each handler takes its own node type, which a dict cannot say.
HANDLERS: dict[type[ast.expr], Callable[[Machine, Any], Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.IfExp: _choice,
    ast.Tuple: _tuple,
    ast.List: _list,
    ast.Set: _list,
    ast.Dict: _dict,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _comprehension,
    ast.Lambda: _lambda,
    ast.NamedExpr: _walrus,
    ast.Starred: _starred,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
    ast.Call: _call,
}


# Evaluation goes round in circles: these need `evaluate`, so they come after it. Inside the functions, the import
# statements were a twentieth of all time.
from lintloss.facts import (  # noqa: E402
    arithmetic,
    assign,
    batch_shapes,
    branches,
    calls,
    classes,
    collecting,
    ignored,
    imports,
    iterate,
    subscripts,
    symbolic,
    vectors,
)
from lintloss.facts.library import growing, items, members, mixtures, records, shapes  # noqa: E402
