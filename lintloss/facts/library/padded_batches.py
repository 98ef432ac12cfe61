"""TensorFlow's `dataset.padded_batch(n)`: rows of unequal length, filled up as they are put together."""

from __future__ import annotations

import ast

from lintloss.facts import pad_marks
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, LibObject, Opaque, Ref, Tuple, Value

Kwargs = dict[str, Value]
# Methods of its data sets that yield the same batches.
KEEPS = frozenset({"prefetch", "cache", "with_options"})


def made(machine: Machine, node: ast.Call, receiver: Value, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Return the data set of the batches, and remember what fills up their rows."""
    if not isinstance(receiver, Opaque | Ref | LibObject):
        return None
    batches = Opaque(machine.key(node, "padded"), "batches")
    if not _has_scalars(node):
        pad = _pad(kwargs.get("padding_values", args[2] if len(args) > 2 else Const(0)))
        place = machine.evidence(node, "rows are filled up here with a pad id")
        pad_marks.note_batches(machine, batches.key, pad, place)
    return batches


def _pad(given: Value) -> Value:
    """Return what labels are filled up with: of a pair, the second."""
    if isinstance(given, Tuple) and given.items:
        given = given.items[-1]
    return Const(0) if given == Const(None) else given


def _has_scalars(node: ast.Call) -> bool:
    """Say whether a part of each row is a number, which nothing fills up: `padded_shapes=([None], [])`."""
    given = [*node.args, *(word.value for word in node.keywords)]
    return any(
        isinstance(each, ast.List | ast.Tuple) and not each.elts for shape in given for each in ast.walk(shape)
    ) or any("TensorShape([])" in ast.unparse(shape) for shape in given)
