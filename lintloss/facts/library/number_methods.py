"""Methods of numbers: what `losses.mean()`, `losses.view(rows, length)` and `loss.div_(steps)` make of a loss or a count."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import exponent, fields, places, reduce
from lintloss.facts.library import effects, losses, members, ranks
from lintloss.facts.library.tables import MEANS, SUMS
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Opaque, Quantity, Tensor, Value
from lintloss.patterns import regex

Kwargs = dict[str, Value]

LENGTH_SIZE = regex(r"(^|_)(seq\w*|len(gth)?|max_len|steps|T|bptt|time\w*)$")


def call(machine: Machine, node: ast.Call, value: Quantity, name: str, args: list[Value], kwargs: Kwargs) -> Value:
    """Call a method of a loss or a count."""
    if name in MEANS | SUMS and "where" in kwargs:  # JAX and NumPy: what the mask lets through
        value = losses.chosen(machine, value, kwargs["where"])
    if name == "nanmean" and (kept := reduce.over_kept(machine, node, value)) is not None:
        return kept
    if name in MEANS:
        return reduce.mean(machine, node, value, fields.dimension(args, kwargs, 0))
    if name in SUMS:
        return reduce.total(machine, node, value, fields.dimension(args, kwargs, 0))
    if name in {"exp", "exp_"}:
        return exponent.exponential(machine, node, value)
    if name == "neg":
        return replace(value, negated=not value.negated)
    if name in {"div", "div_", "true_divide"} and args:
        return _in_place(machine, node, ast.Div(), value, args[0])
    if name in {"mul", "mul_"} and args:
        return _in_place(machine, node, ast.Mult(), value, args[0])
    if name in {"add_", "add"} and args:
        effects.add_in_place(machine, node, node.func.value, args[0], kwargs)  # type: ignore[attr-defined]
        return value
    if name == "repeat" or name == "expand":
        return replace(value, axes=value.axes or ("example",)) if value.unit.is_intensive else value
    if name == "masked_select" and value.axes:
        return losses.chosen(machine, value, args[0] if args else None)
    if name in {"masked_select", "masked_fill", "masked_fill_"}:
        return losses.masked(machine, value, args[0] if args else None, drops=name != "masked_select")
    if name in {"view", "reshape", "flatten", "view_as", "reshape_as"}:
        field = losses.unreduced(value) if args and args[0] != Const(1) else value
        rows = (len(args) == 2 or _is_shape(args, name)) and field.axes in {("position",), ("pos",)}
        return replace(field, axes=_rows_first(node, field)) if rows else field
    if name in {"numel", "nelement"} and value.axes and value.scoring is not None:
        return losses.rows(value) if value.axes == ("row",) else losses.positions(value)
    if name == "size" and args == [Const(0)] and value.is_count and value.axes == ("row",):
        return losses.rows(value)
    if name == "size" and args == [Const(0)] and value.axes and value.scoring is not None:
        if losses.is_flat(value) or (isinstance(node.func, ast.Attribute) and members.is_flat(node.func.value)):
            return losses.positions(value)
        if value.axes == ("row",):
            return losses.rows(value)
    if name in {"max", "min", "argmax", "argmin", "std", "var", "median", "size"}:
        return machine.opaque(node)
    return value


def _rows_first(node: ast.Call, field: Quantity) -> tuple[str, str]:
    """Return the axes of `losses.view(rows, length)`, or of `losses.view(length, rows)` where the sizes say so.

    Labels that were cut along their first axis have their positions there.
    """
    target = field.scoring.target if field.scoring is not None else None
    if isinstance(target, Tensor) and target.window is not None and target.window.is_cut and target.window.axis == 0:
        return ("pos", "row")
    sizes = [ast.unparse(each) for each in node.args]
    turned = len(sizes) == 2 and LENGTH_SIZE.search(sizes[0]) and not LENGTH_SIZE.search(sizes[1])
    return ("pos", "row") if turned else ("row", "pos")


def _is_shape(args: list[Value], name: str) -> bool:
    """Say whether a field takes on the shape of rows again: `losses.view(labels.shape)`, `losses.view_as(labels)`."""
    if len(args) != 1:
        return False
    spread = isinstance(args[0], Opaque) and (args[0].name == ".shape" or args[0].key[-2:] == (".shape", "*"))
    return spread or (name.endswith("_as") and isinstance(args[0], Tensor | Opaque))


def _in_place(machine: Machine, node: ast.Call, operator: ast.operator, value: Quantity, other: Value) -> Value:
    from lintloss.facts import arithmetic

    result = arithmetic.binary(machine, node, operator, value, other)
    if isinstance(node.func, ast.Attribute) and node.func.attr.endswith("_"):
        ranks.place(machine, places.plain_target(node.func.value), result)
    return result
