"""Operations on tensors, as functions and as methods: what they do to form, window and padding."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import replace

from lintloss.facts import blanks, label_ids, symbolic, terms
from lintloss.facts.library import (
    blocks,
    features,
    losses,
    mixtures,
    narrowed,
    onehot,
    position_weights,
    spread,
    windows,
)
from lintloss.facts.linear import END, ZERO, Linear
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Opaque, Ref, Tensor, Tuple, Value
from lintloss.patterns import regex

Kwargs = dict[str, Value]
PAD = regex(r"(?<![a-z])pad(?!d)", re.IGNORECASE)
EPSILONS = regex(r"(^|_)(eps|epsilon|tiny|smooth_eps)$", re.IGNORECASE)
Handler = Callable[[Machine, ast.AST, Tensor, list[Value], Kwargs], "Value | None"]


def call(machine: Machine, node: ast.AST, name: str, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Apply an operation to a tensor; None where nothing special is known of it."""
    handler = HANDLERS.get(name)
    return handler(machine, node, value, args, kwargs) if handler is not None else None


def _number(value: Value | None) -> int | None:
    return value.value if isinstance(value, Const) and isinstance(value.value, int) else None


def _axis(args: list[Value], kwargs: Kwargs, at: int) -> int | None:
    return _number(kwargs.get("dim", kwargs.get("axis", args[at] if len(args) > at else None)))


# -- axes -------------------------------------------------------------------------------------------------------------


def _transpose(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    first = _number(kwargs.get("dim0", args[0] if args else None))
    second = _number(kwargs.get("dim1", args[1] if len(args) > 1 else None))
    if first is None or second is None:
        return replace(value, axes=None, window=None)
    return windows.transposed(value, first, second)


def _t(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    return (
        windows.transposed(value, 0, 1)
        if value.form not in windows.COMPUTED
        else replace(value, axes=None, window=None)
    )


def _permute(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    given = args[0].items if len(args) == 1 and isinstance(args[0], Tuple) else args
    order = [_number(each) for each in given]
    if order in ([0, 2, 1], [0, 1, 2], [0, 3, 1, 2], [0, -1, 1]):
        return replace(value, axes=None)
    if order in ([1, 0, 2], [1, 0]):
        return windows.transposed(value, 0, 1)
    if order in ([1, 2, 0], [2, 0, 1]):
        return replace(windows.transposed(value, 0, 1), axes=None)
    return replace(value, axes=None, window=None)


def _movedim(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    """x.movedim(-1, 1) puts the classes before the positions, as a permutation would."""
    rank = 3 if value.form in windows.COMPUTED else 2
    ends = [
        _number(kwargs.get(name, args[at] if len(args) > at else None))
        for at, name in enumerate(("source", "destination"))
    ]
    if ends[0] is None or ends[1] is None or not all(-rank <= each < rank for each in ends if each is not None):
        return replace(value, axes=None, window=None)
    order = [each for each in range(rank) if each != ends[0] % rank]
    order.insert(ends[1] % rank, ends[0] % rank)
    return _permute(machine, node, value, [Const(each) for each in order], {})


def _unsqueeze(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    if _axis(args, kwargs, 0) != 0:
        return value
    axes = ("row", *value.axes) if value.axes is not None else None
    return replace(value, window=windows.with_new_axis(value.window, 0), axes=axes)


def _squeeze(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    window = value.window
    at = _axis(args, kwargs, 0)
    if window is None or at not in {0, None} or window.source[-1:] != (windows.NEW,):
        return value
    axis = window.axis - 1 if window.axis is not None else None
    axes = value.axes[1:] if value.axes is not None else None
    return replace(value, window=replace(window, source=window.source[:-1], axis=axis), axes=axes)


def _split(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value | None:
    """x.split(n): batches of rows; along another axis, parts of the features."""
    axis = _axis(args, kwargs, 1)
    apart = features.parts(machine, node, value, axis)
    if apart is not None or value.window is None or axis not in {0, None}:
        return apart
    source = (*value.window.source, ("rows", str(args[0]) if args else ""))
    return machine.new_list(
        node, replace(value, window=replace(value.window, source=source), key=(*value.key, "split")), Const(0)
    )


def _unbind(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value | None:
    """qkv.view(B, T, 3, H, D).unbind(2): parts of the features."""
    return features.parts(machine, node, value, _axis(args, kwargs, 0) or 0)


def _flip(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    return replace(value, window=None)


def _unfold(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    """x.unfold(axis, size, step): windows that begin every `step` positions."""
    size, step = (symbolic.of_value(arg) for arg in args[1:3]) if len(args) >= 3 else (None, None)
    if value.window is None or size is None or step is None:
        return replace(value, window=None)
    atom = ("unfold", *machine.key(node))
    machine.strides[atom] = (Linear(const=1), machine.evidence(node, "windows are cut here"))
    lower = value.window.lower + Linear.of(atom).product(step)
    return replace(value, window=replace(value.window, lower=lower, upper=lower + size, axis=1), axes=None)


# -- moving along the sequence ----------------------------------------------------------------------------------------


def _roll(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    shift = kwargs.get("shifts", kwargs.get("shift", args[0] if args else UNKNOWN))
    return windows.rolled(machine, node, value, shift, kwargs.get("dims", args[1] if len(args) > 1 else None))


def _pad(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    """F.pad(x, (left, right)); hidden states are padded in the third and fourth number."""
    amounts = kwargs.get("pad", args[0] if args else UNKNOWN)
    numbers = [_number(each) for each in amounts.items] if isinstance(amounts, Tuple) else []
    if value.form in windows.COMPUTED and len(numbers) >= 4 and numbers[:2] == [0, 0]:
        numbers = numbers[2:]
    elif value.form in windows.COMPUTED and not (value.window is not None and value.window.flat):
        return replace(value, window=None)
    fill = kwargs.get("value", args[2] if len(args) > 2 else Const(0))
    left, right = (numbers[0], numbers[1]) if len(numbers) >= 2 else (None, None)
    window = value.window
    if window is not None and isinstance(left, int):
        stop = window.upper.plus(right) if isinstance(right, int) else window.upper
        window = replace(window, lower=window.lower.plus(-left), upper=stop)
    elif left is None:
        window = None
    pads_rows = right != 0 and isinstance(amounts, Tuple) and not isinstance(right, int)
    return replace(value, window=window, pad=fill if pads_rows and value.form not in windows.COMPUTED else value.pad)


def joined(machine: Machine, node: ast.AST, items: tuple[Value, ...], along: Value) -> Value | None:
    """cat([a, b]): along the sequence it extends the window of the one piece that is traced."""
    axis = _number(along)
    traced = [(i, item) for i, item in enumerate(items) if isinstance(item, Tensor) and item.window is not None]
    if not traced:
        return None
    forms = {item.form for _, item in traced}
    if len(traced) == 2 and traced[0][1].window is not None and len(items) == 2:
        wrapped = _wrapped(traced[0][1], traced[1][1])
        if wrapped is not None:
            return wrapped.with_step(machine.evidence(node, "the row's own first token is put behind its last here"))
    computed = bool(forms & windows.COMPUTED)
    if (axis in {-1, 2} and computed) or (axis == 0 and len(traced) == len(items) and not computed):
        return traced[0][1] if axis != 0 else None
    if len(traced) > 1:
        sources = [item.window.source for _, item in traced if item.window is not None]
        own = [
            pair
            for pair in traced
            if pair[1].window is not None and len(sources) == 2 and pair[1].form in windows.COMPUTED
        ]
        if len(own) != 1:
            return None
        traced = own
    index, piece = traced[0]
    if piece.window is None:
        return None
    lower, upper = piece.window.lower, piece.window.upper
    for i, item in enumerate(items):
        if i < index:
            lower = lower - _length(machine, item, i, node)
        elif i > index:
            upper = upper + _length(machine, item, i, node)
    return replace(piece, window=replace(piece.window, lower=lower, upper=upper), axes=None)


def _wrapped(first: Tensor, second: Tensor) -> Tensor | None:
    """[x[:, 1:], x[:, :1]]: a roll spelled out."""
    one, two = first.window, second.window
    if (
        one is None
        or two is None
        or one.source != two.source
        or one.upper != END
        or two.lower != ZERO
        or one.lower != two.upper
    ):
        return None
    return replace(first, window=replace(one, upper=END + one.lower).marked("wraps"))


def _length(machine: Machine, value: Value, index: int, node: ast.AST) -> Linear:
    """Return how many positions a piece has: a column that was made for it has one."""
    if isinstance(value, Tensor) and value.axes == ("row", "one"):
        return Linear(const=1)
    if isinstance(value, Ref) and value.kind == "list":
        written = _written_out(machine, value)
        return Linear(const=written) if written else Linear.of(("piece", *value.id))
    return Linear.of(("piece", *getattr(value, "key", machine.key(node)), index))


def _written_out(machine: Machine, made: Ref) -> int:
    """Return how many numbers a list holds that is written out, `torch.tensor([-100])`; 0 where it has grown."""
    slot = machine.get(made, "len")
    size = slot.value.value if slot is not None and isinstance(slot.value, Const) else None
    return size if isinstance(size, int) and machine.get(made, "elem") is None else 0


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
    from lintloss.facts.library import losses

    index = kwargs.get("index", args[1] if len(args) > 1 else args[0] if args else UNKNOWN)
    return losses.picked_by(machine, node, value, index)


def _taken(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value | None:
    """np.take_along_axis(values, ids, axis) picks as gather does."""
    return losses.picked_by(machine, node, value, kwargs.get("indices", args[0] if args else UNKNOWN))


def _argmax(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    if value.form not in windows.COMPUTED:
        return machine.opaque(node)
    return Tensor("choice", value.window, None, machine.key(node), model=value.model, trace=value.trace)


# -- forms ------------------------------------------------------------------------------------------------------------


def _matmul(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value | None:
    other = args[0] if args else UNKNOWN
    return multiplied(machine, node, value, other)


def multiplied(machine: Machine, node: ast.AST, left: Tensor, right: Value) -> Value | None:
    """A distribution times one-hot labels is a distribution; times values it is attention."""
    name = getattr(right, "name", "").lower()
    if left.form == "probs" and ("one_hot" in name or "onehot" in name or "label" in name or name.endswith("_y")):
        return left.with_step(machine.evidence(node, "a distribution over the labels of the support set"))
    if left.form in windows.COMPUTED:
        window = left.window if not (isinstance(right, Tensor) and right.window not in (None, left.window)) else None
        return Tensor("hidden", window, None, machine.key(node), model=left.model)
    if isinstance(right, Tensor) and right.form in windows.COMPUTED:
        return Tensor("hidden", right.window, None, machine.key(node), model=right.model)
    return None


def _log(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    if value.form == "probs":
        return replace(value, form="log_probs").with_step(machine.evidence(node, "their logarithm is taken here"))
    if value.form == "sum of exp":
        return replace(value, form="normalizer")
    if value.form == "picked":
        return losses.log_of_picked(machine, node, value)
    return replace(value, form="")


def _log2(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    if value.form != "picked":
        return replace(value, form="")
    made = losses.log_of_picked(machine, node, value)
    return replace(made, unit=made.unit.swap("nat", "bit"))


def _same(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    return value


def _normalizer(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    return Tensor("normalizer", value.window, None, machine.key(node), model=value.model)


HANDLERS: dict[str, Handler] = {
    "transpose": _transpose,
    "swapaxes": _transpose,
    "swapdims": _transpose,
    "movedim": _movedim,
    "moveaxis": _movedim,
    "t": _t,
    "permute": _permute,
    "unsqueeze": _unsqueeze,
    "squeeze": _squeeze,
    "flip": _flip,
    "unfold": _unfold,
    "narrow": narrowed.narrow,
    "split": _split,
    "chunk": _split,
    "tensor_split": _split,
    "unbind": _unbind,
    "roll": _roll,
    "pad": _pad,
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


def combined(machine: Machine, node: ast.AST, operator: ast.operator, left: Value, right: Value) -> Value | None:
    """Return `left op right` where one side is a tensor whose window or form survives."""
    known = (
        blocks.combined(machine, node, operator, left, right)
        or onehot.combined(machine, node, operator, left, right)
        or spread.combined(operator, left, right)
        or mixtures.combined(machine, node, operator, left, right)
    )
    if known is not None:
        return known
    if isinstance(operator, ast.MatMult):
        if isinstance(left, Tensor):
            return multiplied(machine, node, left, right)
        return (
            Tensor("hidden", right.window, None, machine.key(node), model=right.model)
            if isinstance(right, Tensor) and right.form in windows.COMPUTED
            else None
        )
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return _two(machine, node, operator, left, right)
    if isinstance(operator, ast.Add) and isinstance(left if isinstance(right, Tensor) else right, Ref | Tuple):
        return _extended(machine, node, left, right)
    side, other = (left, right) if isinstance(left, Tensor) else (right, left)
    if isinstance(side, Tensor) and side.form == "picked":
        return side if isinstance(operator, ast.Add) and _is_tiny(other) else None
    if not isinstance(side, Tensor) or side.form not in windows.COMPUTED:
        return None
    if side.form == "probs":
        return side if isinstance(operator, ast.Add) and _is_tiny(other) else replace(side, form="")
    if side.form == "log_probs":
        return replace(side, form="hidden" if not isinstance(other, Const) else "")
    if isinstance(operator, ast.Div):
        return replace(side, form="") if side is right else terms.cooled(machine, node, side, other)
    return side


def _is_tiny(value: Value) -> bool:
    """Say whether a number is added only to keep a logarithm finite."""
    if isinstance(value, Const):
        return isinstance(value.value, float) and abs(value.value) < 1e-3
    return isinstance(value, Opaque) and EPSILONS.search(value.name) is not None


def _extended(machine: Machine, node: ast.AST, left: Value, right: Value) -> Value | None:
    """`ids[1:] + [-100]`, `[start] + ids`: a list that one id more is put behind or in front of."""
    row, more, before = (left, right, False) if isinstance(left, Tensor) else (right, left, True)
    slot = machine.get(more, "len") if isinstance(more, Ref) else None
    size = len(more.items) if isinstance(more, Tuple) else _number(slot.value) if slot is not None else None
    if not isinstance(row, Tensor) or row.form in windows.COMPUTED:
        return None
    if row.window is None or size is None:
        return replace(row, window=None)
    if before:
        return replace(row, window=replace(row.window, lower=row.window.lower.plus(-size)))
    pad = _pad_behind(machine, node) or row.pad
    return replace(row, pad=pad, window=replace(row.window, upper=row.window.upper.plus(size)))


def _pad_behind(machine: Machine, node: ast.AST) -> Value | None:
    """Return what `ids[1:] + [pad_id]` puts behind the last id, where that is called a pad and is not one to ignore."""
    from lintloss.facts.expressions import evaluate

    more = node.right if isinstance(node, ast.BinOp) else None
    if not isinstance(more, ast.List) or not more.elts or not PAD.search(machine.text(more.elts[-1])):
        return None
    pad = evaluate(machine, more.elts[-1])
    return None if label_ids.is_ignored(pad) else pad


def _two(machine: Machine, node: ast.AST, operator: ast.operator, left: Tensor, right: Tensor) -> Value | None:
    if left.form in {"logits", "scores", "hidden", ""} and right.form == "normalizer" and isinstance(operator, ast.Sub):
        return replace(left, form="log_probs").with_step(machine.evidence(node, "becomes log probs here"))
    if left.form == "exp" and right.form == "sum of exp" and right.key[:-1] == left.key:
        step = machine.evidence(node, "becomes probs here: exp divided by its sum")
        return replace(left, form="probs").with_step(step) if isinstance(operator, ast.Div) else None
    if "mask" in {left.form, right.form}:
        side = left if right.form == "mask" else right
        return replace(side, form="" if side.form == "probs" else side.form) if side.form in windows.COMPUTED else None
    computed = [side for side in (left, right) if side.form in windows.COMPUTED]
    if not computed:
        return None
    if len(computed) == 1:
        return replace(computed[0], form="" if computed[0].form in {"probs", "log_probs"} else computed[0].form)
    if left.window is not None and right.window is not None and left.window != right.window:
        return machine.opaque(node)
    form = "logits" if left.form == right.form == "logits" else "hidden"
    if "probs" in {left.form, right.form} or "log_probs" in {left.form, right.form}:
        form = ""
    side = left if left.window is not None else right
    return replace(side, form=form, key=machine.key(node), axes=None if left.axes != right.axes else left.axes)


def column(machine: Machine, node: ast.AST, name: str, size: Value) -> Tensor | None:
    """torch.full((rows, 1), start_id): a column to put in front."""
    items = size.items if isinstance(size, Tuple) else ()
    if len(items) == 2 and items[1] == Const(1):
        return Tensor("column", None, ("row", "one"), machine.key(node, name))
    return None
