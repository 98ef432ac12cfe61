"""Windows: what picking a row, slicing, rolling and transposing do to where a tensor sits on its source."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts.linear import END, ZERO, Linear
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Key, Tensor, Tuple, Value, Window
from lintloss.patterns import regex

COMPUTED = frozenset({"logits", "scores", "probs", "log_probs", "hidden"})  # scores: taken for logits by a name only
IDS_NAME = regex(r"(^|_)(ids|labels?|targets?)$", re.IGNORECASE)
NEW = ("new",)  # an axis of one row in front: unsqueeze(0), x[None]


def one_row(key: Key) -> Tensor:
    return Tensor("", Window(key).marked("lone"), None, key)


def is_one_item(value: Value) -> bool:
    """Say whether a tensor holds one position of one row: `targets.view(1, -1)[:, -1]`, `ids[None][:, i]`."""
    window = value.window if isinstance(value, Tensor) else None
    return window is not None and "at" in window.marks and ("lone" in window.marks or NEW in window.source)


def picked(window: Window, row: Linear) -> Window:
    """Take one row: the axes behind it move up by one."""
    axis = window.axis - 1 if window.axis is not None else None
    if window.source[-1:] == (NEW,):
        return replace(window, source=window.source[:-1], axis=axis).marked("single")
    return replace(window, source=(*window.source, ("row", row)), axis=axis)


def with_new_axis(window: Window | None, at: int) -> Window | None:
    """Put an axis of size one at `at`."""
    if window is None or (window.axis is not None and at > window.axis) or (window.axis is None and at != 0):
        return window
    axis = window.axis + 1 if window.axis is not None else None
    return replace(window, source=(*window.source, NEW), axis=axis) if at == 0 else replace(window, axis=axis)


def sliced(window: Window, axis: int, lower: tuple[Linear, bool] | None, upper: tuple[Linear, bool] | None) -> Window:
    """Cut a window along an axis; a cut along another axis than before chose rows, then or now.

    lower, upper: a bound, and whether it counts from the end.
    """
    if "at" in window.marks:  # what was taken was a row after all: it is cut now
        window = replace(
            window.without("at"), source=(*window.source, ("row", window.lower)), lower=ZERO, upper=END, axis=None
        )
    # A block that begins where an index says is cut out of a stream; a shift leaves out a number of ids at an end.
    shifts = all(bound is None or bound[0].is_const for bound in (lower, upper))
    marks = ("crosses",) if window.flat and shifts and (lower is not None or (upper is not None and upper[1])) else ()
    if not window.flat and window.axis is not None and window.axis != axis:
        if axis < window.axis:  # rows are chosen now
            return replace(window, source=(*window.source, ("rows", lower, upper)))
        window = replace(window, source=(*window.source, ("rows", window.lower, window.upper)), lower=ZERO, upper=END)
    start, stop = window.lower, window.upper
    if lower is not None and lower[0].is_const and lower[0].const > 1:
        marks = (*marks, "leap")
    if lower is not None:
        start = (window.upper if lower[1] else window.lower) + lower[0]
    if upper is not None:
        stop = (window.upper if upper[1] else window.lower) + upper[0]
    return replace(window, lower=start, upper=stop, axis=window.axis if window.flat else axis).marked(*marks)


def rolled(machine: Machine, node: ast.AST, value: Tensor, shift: Value, axis: Value | None = None) -> Tensor:
    """Return roll(x, k): the window moves and wraps around."""
    if isinstance(shift, Tuple) and len(shift.items) == 1:
        shift = shift.items[0]
    if value.window is None or not isinstance(shift, Const) or not isinstance(shift.value, int):
        return replace(value, window=None)
    window = value.window.moved(Linear(const=-shift.value), "wraps")
    if isinstance(axis, Const) and isinstance(axis.value, int) and axis.value > 0 and window.axis is None:
        window = replace(window, axis=axis.value)
    return replace(value, window=window, key=(*value.key, "roll")).with_step(machine.evidence(node, "rolled here"))


def transposed(value: Tensor, first: int, second: int) -> Tensor:
    """Swap two axes; classes and positions change places before a criterion, which says nothing about alignment."""
    rank = 3 if value.form in COMPUTED else 2
    first, second = first % rank, second % rank
    window = value.window
    if window is not None and {first, second} == {0, 1}:
        window = window.without("swapped") if "swapped" in window.marks else window.marked("swapped")
        window = replace(window, axis={0: 1, 1: 0}.get(window.axis, window.axis) if window.axis is not None else None)
    elif window is not None and value.form not in COMPUTED:
        window = None
    axes = value.axes
    if axes is not None and max(first, second) < len(axes):
        order = list(axes)
        order[first], order[second] = order[second], order[first]
        axes = tuple(order)
    return replace(value, window=window, axes=axes)
