"""where(condition, one, other): masks by another name, labels that are overwritten, losses that are left out."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import arithmetic, batch_shapes, blanks, label_ids
from lintloss.facts.library import losses, position_weights, shapes
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Lib, Opaque, Quantity, Tensor, Value, options

Kwargs = dict[str, Value]


def _is_switch(args: list[Value]) -> bool:
    if len(args) != 3 or not (isinstance(args[0], Tensor) and args[0].form == "mask"):
        return False
    on, off = args[1:]
    return on in (Const(1), Const(1.0)) and off in (Const(0), Const(0.0))


def _is_known(value: Value) -> bool:
    return isinstance(value, Quantity) or (isinstance(value, Tensor) and value.form != "filled")


def _differ(known: list[Value]) -> bool:
    """Say whether a mask picks between tensors that sit at different places, also of the same source."""
    places = [each.window for each in known if isinstance(each, Tensor) and each.window is not None]
    return len(places) == 2 and places[0] != places[1]


def _is_nan(value: Value) -> bool:
    return isinstance(value, Lib) and value.name.rsplit(".", 1)[-1].lower() == "nan"


def where(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    if _is_switch(args):  # 1 where it holds, 0 elsewhere: the condition itself
        return args[0]
    if _is_switch([*args[:1], *reversed(args[1:])]) and isinstance(args[0], Tensor) and args[0].sense is not None:
        return replace(args[0], sense=not args[0].sense)
    weights = position_weights.chosen(machine, node, args)
    if weights is not None:
        return weights
    args = [*args[:1], *(arithmetic.unboxed(machine, arg) for arg in args[1:])]
    filled = next((arg for arg in args[1:] if label_ids.is_ignored(arg)), None)
    if filled is not None:
        batch_shapes.note_filled(machine, node, filled)
    known = [arg for arg in args[1:] if any(_is_known(option) for option in options(arg))]
    found = next(iter(known), None)
    if _differ(known):  # here one stretch of the ids, there another: no one shift moved them all
        return machine.opaque(node)
    if found is None and len(args) == 3 and isinstance(args[1], Const) and isinstance(args[2], Opaque):
        found = shapes.tensor(args[2])
    filling = next((arg for arg in args[1:] if isinstance(arg, Const | Lib) or label_ids.is_ignored(arg)), None)
    if isinstance(found, Tensor) and filling is not None:
        written = label_ids.overwritten(found, filling)
        if label_ids.is_ignored(filling):
            return blanks.noted(machine, node, written, args[0], keeps=not label_ids.is_ignored(args[1]))
        return label_ids.hidden(written, args[0], filling)
    if isinstance(found, Quantity) and args and any(isinstance(arg, Const) or _is_nan(arg) for arg in args[1:]):
        return losses.masked(machine, found, args[0])
    return found if found is not None else machine.opaque(node)
