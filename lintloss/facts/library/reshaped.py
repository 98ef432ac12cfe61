"""Reshaping: what view(), reshape() and flatten() make of rows and positions."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import symbolic
from lintloss.facts.library.windows import COMPUTED, NEW
from lintloss.facts.linear import END, Atom, Linear
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Opaque, Quantity, Tensor, Tuple, Value, Window


def of_view(machine: Machine, node: ast.AST, value: Tensor, name: str, args: list[Value]) -> Tensor:
    """Return view/reshape/flatten of a tensor: (-1) and (-1, V) flatten rows and positions into one axis."""
    if args and isinstance(args[0], Tuple):
        args = list(args[0].items)
    shape = [arg.value if isinstance(arg, Const) else None for arg in args]
    if _merges_features(value, name, args, shape):
        return replace(value, window=None, axes=None)
    if not _flattens(machine, value, name, args, shape):
        return replace(value, axes=_axes_of(args), window=_in_rows(machine, value, args))
    has_classes = value.form in COMPUTED or len(args) == 2
    axes = ("position", "vocab") if has_classes and name not in {"ravel"} and len(args) != 1 else ("position",)
    return replace(value, axes=axes, window=flattened(value.window))


def _merges_features(value: Tensor, name: str, args: list[Value], shape: list[object]) -> bool:
    """Say whether rows stay apart while positions and features become one axis."""
    if name == "flatten":
        return bool(shape) and isinstance(shape[0], int) and shape[0] > 0
    merges = len(shape) == 2 and shape[1] == -1 and shape[0] != -1 and value.form in COMPUTED
    return merges and not (isinstance(args[0], Quantity) and args[0].unit.power("position"))


def _flattens(machine: Machine, value: Tensor, name: str, args: list[Value], shape: list[object]) -> bool:
    if name in {"flatten", "ravel"} or (shape and shape[0] == -1 and len(shape) == 1):
        return True
    if shape and shape[0] == -1 and len(shape) == 2:  # (-1, classes) of scores; (-1, 128) cuts ids into rows
        return value.form in COMPUTED or not (
            value.form == "ids" or isinstance(shape[1], int) or _is_cut(machine, value, args[1])
        )
    if len(args) == 2 and isinstance(args[0], Quantity) and args[0].unit.power("position") == 1:
        return args[0].unit.power("example") == 0
    if len(args) == 1:
        return isinstance(args[0], Quantity | Opaque)
    return len(args) == 2 and value.form in COMPUTED and isinstance(args[0], Opaque)


def _is_cut(machine: Machine, value: Tensor, width: Value) -> bool:
    """Say whether a text was cut to whole blocks: `ids[: len(ids) // size * size]`; in rows, to those of just that size."""
    window = value.window
    if window is None or not _stands_still(machine, window.lower) or (END - window.upper).is_const:
        return False
    return window.axis == 0 or (window.axis == 1 and _is_multiple(window.upper, symbolic.of_value(width)))


def _is_multiple(number: Linear, size: Linear | None) -> bool:
    """Say whether a number is `n // size * size` or `n - n % size`, both of which leave whole blocks."""
    products = (atom[1] for atom in number.atoms if atom[:1] == ("*",))
    rests = (atom[2] for atom in number.atoms if atom[:1] == ("Mod",) and len(atom) > 2)
    return size in rests or any(isinstance(each, frozenset) and size in each for each in products)


def _stands_still(machine: Machine, begin: Linear) -> bool:
    """Say whether a stretch begins at one place of the text, as a split does, not where a loop or a draw has come to."""
    return begin.is_const or not (machine.loops or any(_moves(machine, atom) for atom in begin.atoms))


def _moves(machine: Machine, atom: Atom) -> bool:
    """Say whether an unknown is an index, or a product with one: `i * size`. What a loop has counted is none any more."""
    if atom[:1] in {("index",), ("unfold",), ("stepped",)} or (atom[:1] != ("loop",) and atom in machine.strides):
        return True
    sides = atom[1] if atom[:1] == ("*",) and isinstance(atom[1], frozenset) else atom[1:]
    return any(isinstance(side, Linear) and any(_moves(machine, each) for each in side.atoms) for side in sides)


def flattened(window: Window | None) -> Window | None:
    """Flatten rows and positions into one axis; a single row has only positions before and after."""
    if window is None or window.flat:
        return window
    source = window.source
    if source[-1:] == (NEW,):
        return replace(window, source=source[:-1], axis=0).marked("single")
    if source and isinstance(source[-1], tuple) and source[-1][:1] == ("row",):
        return window
    return replace(window, flat=True)


def _in_rows(machine: Machine, value: Tensor, args: list[Value]) -> Window | None:
    """Rows cut from one long row begin anew: `ids[: blocks * size].view(blocks, size)`; those of `ids[1:]` one later.

    Where in the text a split began, `ids[int(0.9 * len(ids)) :]`, says which rows they are, not where in a row one is.
    """
    window = value.window
    if window is not None and len(args) == 2 and args[0] == Const(1):
        return window.marked("lone")
    if window is None or value.form in COMPUTED or len(args) != 2 or not _stands_still(machine, window.lower):
        return window
    source = window.source[:-1] if window.source[-1:] == (NEW,) else window.source
    is_long = window.axis == 0 or (window.axis == 1 and (source != window.source or _is_cut(machine, value, args[1])))
    if not is_long:
        return window
    split, moved = Linear(window.lower.terms), Linear(const=window.lower.const)
    rows = (*source, "blocks") if window.lower.is_const else (*source, split, "blocks")
    return Window(rows, moved, END + moved)


def _axes_of(args: list[Value]) -> tuple[str, ...] | None:
    names = []
    for arg in args:
        if not isinstance(arg, Quantity):
            return None
        if arg.unit.power("position") and arg.unit.power("example") == -1:
            names.append("pos")
        elif arg.unit.power("example") == 1:
            names.append("row")
        else:
            return None
    return tuple(names) or None
