"""Along the sequence: what is rolled, padded or joined sits elsewhere on its source, by as many positions."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts.library import axes, windows
from lintloss.facts.linear import END, ZERO, Linear
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Ref, Tensor, Tuple, Value

Kwargs = dict[str, Value]


def roll(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    shift = kwargs.get("shifts", kwargs.get("shift", args[0] if args else UNKNOWN))
    return windows.rolled(machine, node, value, shift, kwargs.get("dims", args[1] if len(args) > 1 else None))


def pad(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    """F.pad(x, (left, right)); hidden states are padded in the third and fourth number."""
    amounts = kwargs.get("pad", args[0] if args else UNKNOWN)
    numbers = [axes.whole_number(each) for each in amounts.items] if isinstance(amounts, Tuple) else []
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
    axis = axes.whole_number(along)
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
