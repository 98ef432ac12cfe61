"""Axes: what transposing, squeezing, splitting and unfolding a tensor do to its axes and to where it sits on its source."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import symbolic
from lintloss.facts.library import features, windows
from lintloss.facts.linear import Linear
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Tensor, Tuple, Value

Kwargs = dict[str, Value]


def whole_number(value: Value | None) -> int | None:
    return value.value if isinstance(value, Const) and isinstance(value.value, int) else None


def _axis(args: list[Value], kwargs: Kwargs, at: int) -> int | None:
    return whole_number(kwargs.get("dim", kwargs.get("axis", args[at] if len(args) > at else None)))


def transpose(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    first = whole_number(kwargs.get("dim0", args[0] if args else None))
    second = whole_number(kwargs.get("dim1", args[1] if len(args) > 1 else None))
    if first is None or second is None:
        return replace(value, axes=None, window=None)
    return windows.transposed(value, first, second)


def t(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    return (
        windows.transposed(value, 0, 1)
        if value.form not in windows.COMPUTED
        else replace(value, axes=None, window=None)
    )


def permute(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    given = args[0].items if len(args) == 1 and isinstance(args[0], Tuple) else args
    order = [whole_number(each) for each in given]
    if order in ([0, 2, 1], [0, 1, 2], [0, 3, 1, 2], [0, -1, 1]):
        return replace(value, axes=None)
    if order in ([1, 0, 2], [1, 0]):
        return windows.transposed(value, 0, 1)
    if order in ([1, 2, 0], [2, 0, 1]):
        return replace(windows.transposed(value, 0, 1), axes=None)
    return replace(value, axes=None, window=None)


def movedim(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    """x.movedim(-1, 1) puts the classes before the positions, as a permutation would."""
    rank = 3 if value.form in windows.COMPUTED else 2
    ends = [
        whole_number(kwargs.get(name, args[at] if len(args) > at else None))
        for at, name in enumerate(("source", "destination"))
    ]
    if ends[0] is None or ends[1] is None or not all(-rank <= each < rank for each in ends if each is not None):
        return replace(value, axes=None, window=None)
    order = [each for each in range(rank) if each != ends[0] % rank]
    order.insert(ends[1] % rank, ends[0] % rank)
    return permute(machine, node, value, [Const(each) for each in order], {})


def unsqueeze(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    if _axis(args, kwargs, 0) != 0:
        return value
    axes = ("row", *value.axes) if value.axes is not None else None
    return replace(value, window=windows.with_new_axis(value.window, 0), axes=axes)


def squeeze(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    window = value.window
    at = _axis(args, kwargs, 0)
    if window is None or at not in {0, None} or window.source[-1:] != (windows.NEW,):
        return value
    axis = window.axis - 1 if window.axis is not None else None
    axes = value.axes[1:] if value.axes is not None else None
    return replace(value, window=replace(window, source=window.source[:-1], axis=axis), axes=axes)


def split(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value | None:
    """x.split(n): batches of rows; along another axis, parts of the features."""
    axis = _axis(args, kwargs, 1)
    apart = features.parts(machine, node, value, axis)
    if apart is not None or value.window is None or axis not in {0, None}:
        return apart
    source = (*value.window.source, ("rows", str(args[0]) if args else ""))
    return machine.new_list(
        node, replace(value, window=replace(value.window, source=source), key=(*value.key, "split")), Const(0)
    )


def unbind(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value | None:
    """qkv.view(B, T, 3, H, D).unbind(2): parts of the features."""
    return features.parts(machine, node, value, _axis(args, kwargs, 0) or 0)


def flip(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    return replace(value, window=None)


def unfold(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    """x.unfold(axis, size, step): windows that begin every `step` positions."""
    size, step = (symbolic.of_value(arg) for arg in args[1:3]) if len(args) >= 3 else (None, None)
    if value.window is None or size is None or step is None:
        return replace(value, window=None)
    atom = ("unfold", *machine.key(node))
    machine.strides[atom] = (Linear(const=1), machine.evidence(node, "windows are cut here"))
    lower = value.window.lower + Linear.of(atom).product(step)
    return replace(value, window=replace(value.window, lower=lower, upper=lower + size, axis=1), axes=None)
