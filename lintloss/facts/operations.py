"""Operations: `a + b`, `-a`, `a or b` and `a < b`, with what they mean for losses, masks and totals."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts.machine import Machine
from lintloss.facts.values import (
    REST,
    Choice,
    Const,
    Func,
    Key,
    LibObject,
    Opaque,
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


def binary(machine: Machine, node: ast.BinOp) -> Value:
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
        return binary(machine, share)
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


def unary(machine: Machine, node: ast.UnaryOp) -> Value:
    from lintloss.facts.library import blocks, masks, picks

    value = evaluate(machine, node.operand)
    if isinstance(node.op, ast.USub):
        if isinstance(value, Quantity):
            return replace(value, negated=not value.negated)
        if isinstance(value, Const) and isinstance(value.value, int | float):
            return Const(-value.value)
        if isinstance(value, Tensor):
            return blocks.negated(value) or picks.negated_picks(machine, node, value) or value
    if isinstance(node.op, ast.Not) and isinstance(value, Const):
        return Const(not value.value)
    attention = masks.attention(machine, value) if isinstance(node.op, ast.Invert) else None
    if attention is not None:
        return masks.rest(attention)
    if isinstance(node.op, ast.Invert) and isinstance(value, Tensor):
        return replace(value, sense=not value.sense if value.sense is not None else None)
    return machine.opaque(node)


def boolean(machine: Machine, node: ast.BoolOp) -> Value:
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


def comparison(machine: Machine, node: ast.Compare) -> Value:
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


# Evaluation goes round in circles: `expressions` asks this file, so what needs `evaluate` comes last.
from lintloss.facts import arithmetic, branches, vectors  # noqa: E402
from lintloss.facts.expressions import evaluate  # noqa: E402
from lintloss.facts.library import mixtures, shapes  # noqa: E402
