"""Operations on tensors, as functions and as methods, by name: what they do to form, window and padding."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from lintloss.facts import blanks, label_ids
from lintloss.facts.library import (
    along,
    axes,
    blocks,
    mixtures,
    narrowed,
    onehot,
    operands,
    picks,
    position_weights,
    spread,
    windows,
)
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Tensor, Tuple, Value

Kwargs = dict[str, Value]
Handler = Callable[[Machine, ast.AST, Tensor, list[Value], Kwargs], "Value | None"]


def call(machine: Machine, node: ast.AST, name: str, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Apply an operation to a tensor; None where nothing special is known of it."""
    handler = HANDLERS.get(name)
    return handler(machine, node, value, args, kwargs) if handler is not None else None


# -- padding and masks ------------------------------------------------------------------------------------------------


def _masked_fill(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    """Labels whose padding is overwritten by an id to ignore hold no padding any more."""
    if value.form == onehot.HOT:
        return onehot.spared(machine, node, value)
    if value.form in windows.COMPUTED:
        return value
    mask = kwargs.get("mask", args[0] if args else UNKNOWN)
    filling = kwargs.get("value", args[-1] if len(args) + ("mask" in kwargs) > 1 else UNKNOWN)
    weights = position_weights.filled(machine, node, value, filling)
    if weights is not None:
        return weights
    written = label_ids.overwritten(value, filling)
    if label_ids.is_ignored(filling):
        return blanks.noted(machine, node, written, mask)
    return label_ids.hidden(written, mask, filling)


def _masked_select(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    """What a mask lets through, in one row: as many entries as that is."""
    return replace(value, window=None, axes=("token",), key=machine.key(node))


def _gather(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value | None:
    from lintloss.facts.library import picks

    index = kwargs.get("index", args[1] if len(args) > 1 else args[0] if args else UNKNOWN)
    return picks.picked_by(machine, node, value, index)


def _taken(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value | None:
    """np.take_along_axis(values, ids, axis) picks as gather does."""
    return picks.picked_by(machine, node, value, kwargs.get("indices", args[0] if args else UNKNOWN))


def _argmax(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    if value.form not in windows.COMPUTED:
        return machine.opaque(node)
    return Tensor("choice", value.window, None, machine.key(node), model=value.model, trace=value.trace)


# -- forms ------------------------------------------------------------------------------------------------------------


def _matmul(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value | None:
    other = args[0] if args else UNKNOWN
    return operands.multiplied(machine, node, value, other)


def _log(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    if value.form == "probs":
        return replace(value, form="log_probs").with_step(machine.evidence(node, "their logarithm is taken here"))
    if value.form == "sum of exp":
        return replace(value, form="normalizer")
    if value.form == "picked":
        return picks.log_of_picked(machine, node, value)
    return replace(value, form="")


def _log2(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    if value.form != "picked":
        return replace(value, form="")
    made = picks.log_of_picked(machine, node, value)
    return replace(made, unit=made.unit.swap("nat", "bit"))


def _same(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    return value


def _normalizer(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    return Tensor("normalizer", value.window, None, machine.key(node), model=value.model)


HANDLERS: dict[str, Handler] = {
    "transpose": axes.transpose,
    "swapaxes": axes.transpose,
    "swapdims": axes.transpose,
    "movedim": axes.movedim,
    "moveaxis": axes.movedim,
    "t": axes.t,
    "permute": axes.permute,
    "unsqueeze": axes.unsqueeze,
    "squeeze": axes.squeeze,
    "flip": axes.flip,
    "unfold": axes.unfold,
    "narrow": narrowed.narrow,
    "split": axes.split,
    "chunk": axes.split,
    "tensor_split": axes.split,
    "unbind": axes.unbind,
    "roll": along.roll,
    "pad": along.pad,
    "masked_fill": _masked_fill,
    "masked_fill_": _masked_fill,
    "index_fill": onehot.zeroed,
    "index_fill_": onehot.zeroed,
    "masked_select": _masked_select,
    "gather": _gather,
    "take_along_axis": _taken,
    "take_along_dim": _taken,
    "scatter": onehot.scattered,
    "scatter_": onehot.scattered,
    "scatter_add": mixtures.scattered,
    "scatter_add_": mixtures.scattered,
    "argmax": _argmax,
    "one_hot": onehot.made,
    "onehot": onehot.made,
    "smooth_labels": spread.smoothed,
    "fill_": blocks.refilled,
    "zero_": blocks.refilled,
    "repeat": onehot.repeated,
    "expand": onehot.repeated,
    "new_zeros": blocks.made,
    "new_empty": blocks.made,
    "new_ones": blocks.made,
    "new_full": blocks.full,
    "bmm": _matmul,
    "matmul": _matmul,
    "log": _log,
    "log2": _log2,
    "clamp": _same,
    "clamp_min": _same,
    "clamp_": _same,
    "add": _same,
    "add_": _same,
    "logsumexp": _normalizer,
}
OF_OPAQUE = frozenset(
    {
        "gather",
        "t",
        "transpose",
        "permute",
        "unsqueeze",
        "roll",
        "flip",
        "masked_fill",
        "one_hot",
        "onehot",
        "smooth_labels",
        "new_zeros",
        "new_empty",
        "new_ones",
        "new_full",
        "fill_",
        "zero_",
        "masked_fill_",
        "unfold",
        "narrow",
        "masked_select",
    }
)


def column(machine: Machine, node: ast.AST, name: str, size: Value) -> Tensor | None:
    """torch.full((rows, 1), start_id): a column to put in front."""
    items = size.items if isinstance(size, Tuple) else ()
    if len(items) == 2 and items[1] == Const(1):
        return Tensor("column", None, ("row", "one"), machine.key(node, name))
    return None
