"""Masks: which entries a comparison lets through."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts import closings
from lintloss.facts.linear import END, ZERO
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Key, Opaque, Quantity, Tensor, Value, Window
from lintloss.patterns import regex

ATTENTION = regex(r"^(src_|input_|encoder_)?attention_masks?$")
LENGTHS = regex(r"len", re.IGNORECASE)


def attention(machine: Machine, value: Value) -> Tensor | None:
    """Read what models of Hugging Face are given as an attention mask: 1 is text, 0 is padding.

    By its name, or because a model was given it as one. None for what says nothing of it.
    """
    from lintloss.facts.library import shapes

    found = shapes.tensor(value) if isinstance(value, Tensor | Opaque) else None
    if found is None or found.window is None or "transformers" not in machine.frame.module.code:
        return None
    if found.form == "mask" and (found.compares or found.sense is None):
        return None
    if found.form not in {"mask", "ids", ""} or not (
        ATTENTION.search(found.name) or found.window.source in machine.attended
    ):
        return None
    return found if found.form == "mask" else replace(found, form="mask", sense=True)


def switched(machine: Machine, operator: ast.cmpop, left: Value, right: Value) -> Tensor | None:
    """Read `attention_mask == 0` and the like: the same mask, or the padding; None for other comparisons."""
    if right not in (Const(0), Const(1)) or not isinstance(operator, ast.Eq | ast.NotEq | ast.Gt | ast.GtE | ast.Lt):
        return None
    known = isinstance(left, Tensor) and left.form == "mask"
    mask = None if known else attention(machine, left)
    if mask is None:
        return None
    sense = sense_of(operator, right, mask)
    return replace(mask, sense=sense, pad=right if right == Const(0) else None, key=(*mask.key, "switched", sense))


def rest(mask: Tensor) -> Tensor:
    """Return `1 - mask`."""
    return replace(mask, sense=not mask.sense, key=(*mask.key, "rest"))


def sense_of(operator: ast.cmpop, right: Value, left: Value) -> bool | None:
    """Say whether true entries are text: `labels != pad`, `mask == 1`, `mask > 0`."""
    if isinstance(left, Tensor) and left.form == "mask":
        zero = right in (Const(0), Const(False))
        keeps = left.sense is not False
        if isinstance(operator, ast.Eq):
            return keeps != zero
        if isinstance(operator, ast.Lt):
            return not keeps
        return keeps == zero if isinstance(operator, ast.NotEq) else keeps
    if isinstance(operator, ast.Eq) or (isinstance(operator, ast.Lt) and isinstance(right, Const)):
        return False
    return True if isinstance(operator, ast.NotEq) or _begins_at_zero(operator, right) else None


def left_out(operator: ast.cmpop, bound: Value) -> Value:
    """Return the id that a comparison leaves out: `ids >= 0`, `ids > -1` and `ids < 0` tell -1 apart."""
    below = isinstance(operator, ast.Lt) and bound == Const(0)
    return Const(-1) if below or _begins_at_zero(operator, bound) else bound


def _begins_at_zero(operator: ast.cmpop, bound: Value) -> bool:
    return (isinstance(operator, ast.GtE) and bound == Const(0)) or (
        isinstance(operator, ast.Gt) and bound == Const(-1)
    )


def spares(mask: Value, labels: Tensor) -> bool:
    """Say whether `labels[labels < 0] = -100` reaches no padding: the mask tells -1 apart, and the pad id is another."""
    if not isinstance(mask, Tensor) or mask.form != "mask" or mask.sense is not False or mask.pad != Const(-1):
        return False
    if mask.window is None or labels.window is None or mask.window.source != labels.window.source:
        return False
    return isinstance(labels.pad, Const) and isinstance(labels.pad.value, int) and labels.pad.value >= 0


def by_position(machine: Machine, node: ast.Compare, left: Value, rights: list[Value]) -> Tensor | None:
    """Read `arange(T) < lengths` as a length mask; with `<=` it keeps one position too many."""
    operator = node.ops[0]
    sides = [(left, node.comparators[0], operator), (rights[0], node.left, _mirrored(operator))]
    for side, other, order in sides:
        if isinstance(side, Tensor) and side.form == "positions":
            counted = rights[0] if other is node.comparators[0] else left
            if not LENGTHS.search(ast.unparse(other)) and not _rows_counted(machine, counted):
                continue
            closed = isinstance(order, ast.LtE) and side.pad is None  # counted from 1, the last position is n
            closed = closed and not _less_one(other) and not closings.are_given(machine.frame.node, node)
            marks = {"closed"} if closed else set()
            if isinstance(order, ast.Lt) and side.pad is None and _is_of_fed(counted) and not _less_one(other):
                marks.add("fed")
            rows = () if _less_one(other) else _rows_counted(machine, counted)
            window = Window(("lengths", *rows), marks=frozenset(marks))
            keeps = isinstance(order, ast.Lt | ast.LtE)
            return Tensor("mask", window, None, machine.key(node, "lengths"), "mask", sense=keeps)
    return None


def _rows_counted(machine: Machine, lengths: Value) -> Key:
    """Return the identity of the rows that lengths count, each as a whole: `torch.tensor([len(row) for row in rows])`."""
    source = lengths.window.source if isinstance(lengths, Tensor) and lengths.window is not None else ()
    source = source[:-1] if source[-1:] == ("batched",) else source
    slot = machine.get(source, "elem") if source else None
    row = _row_counted(slot.value) if slot is not None else ()
    return row[:-1] if row[-1:] == ("[]",) else row


def _is_of_fed(lengths: Value) -> bool:
    """Say whether lengths are the tokens of what is fed in: `attention_mask.sum(1)`, also less its last column."""
    mask = (
        lengths.counted if isinstance(lengths, Quantity) and lengths.axes == ("row",) and not lengths.offset else None
    )
    if not isinstance(mask, Tensor) or mask.form != "mask" or mask.window is None:
        return False
    return mask.window.lower == ZERO and mask.window.upper in (END, END.plus(-1)) and "attention" in mask.name


def _row_counted(length: Value) -> Key:
    """Return the identity of the row that a number is the whole length of."""
    if isinstance(length, Quantity):
        return length.counted.key if isinstance(length.counted, Tensor | Opaque) and not length.offset else ()
    return length.key[:-1] if isinstance(length, Opaque) and length.key[-1:] == ("len",) else ()


def _mirrored(operator: ast.cmpop) -> ast.cmpop:
    pairs: dict[type[ast.cmpop], ast.cmpop] = {
        ast.Lt: ast.Gt(),
        ast.Gt: ast.Lt(),
        ast.LtE: ast.GtE(),
        ast.GtE: ast.LtE(),
    }
    return pairs.get(type(operator), operator)


def _less_one(node: ast.expr) -> bool:
    return any(isinstance(each, ast.BinOp) and isinstance(each.op, ast.Sub) for each in ast.walk(node))
