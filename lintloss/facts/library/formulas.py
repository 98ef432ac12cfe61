"""Formulas: logarithms, softmax, einsum and dot products, a comparison, a mean under a mask."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import replace

from lintloss.facts import arithmetic, fields, reduce
from lintloss.facts.library import shapes, tensors, windows
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Quantity, Tensor, Tuple, Value

Kwargs = dict[str, Value]


def log(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    first = args[0] if args else UNKNOWN
    if isinstance(first, Const) and isinstance(first.value, int | float) and first.value > 0:
        return Const(math.log(first.value))
    return machine.opaque(node)


def log2(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    first = args[0] if args else UNKNOWN
    if isinstance(first, Const) and isinstance(first.value, int | float) and first.value > 0:
        return Const(math.log2(first.value))
    return None


def compared(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    found = shapes.tensor(args[0]) if len(args) == 2 else None
    return (
        Tensor("mask", found.window, found.axes, (*found.key, "mask"), found.name, pad=args[1])
        if found is not None
        else None
    )


def softmax(form: str, named: str = "") -> Callable[[Machine, ast.AST, list[Value], Kwargs], Value | None]:
    def apply(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
        found = shapes.tensor(args[0]) if args else None
        if found is None:
            found = Tensor("", None, None, machine.key(node))
        return replace(found, form=form, key=(*found.key, named or form)).with_step(
            machine.evidence(node, f"becomes {form.replace('_', ' ')} here")
        )

    return apply


def count_nonzero(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    return reduce.count_nonzero(machine, node, args[0]) if args else None


def einsum(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """einsum("ijk->jik", x) moves axes; of two operands, the one whose first axes lead the result keeps its place."""
    equation = args[0].value if args and isinstance(args[0], Const) else None
    if not isinstance(equation, str) or "->" not in equation:
        return None
    given, made = equation.replace(" ", "").split("->")
    parts = given.split(",")
    operands = [shapes.tensor(arg) for arg in args[1:]]
    if len(parts) != len(operands):
        return None
    if len(parts) == 1 and operands[0] is not None and sorted(given) == sorted(made):
        order = Tuple(tuple(Const(given.index(axis)) for axis in made))
        return tensors.call(machine, node, "permute", operands[0], [order], {})
    leading = [one for one, part in zip(operands, parts, strict=True) if part[:2] == made[:2]]
    if len(leading) != 1 or leading[0] is None or leading[0].form not in windows.COMPUTED:
        return machine.opaque(node)
    return replace(leading[0], form="hidden", axes=None, key=machine.key(node))


def dot(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """np.dot(losses, sizes): the sum of the products."""
    return reduce.products(machine, node, args[0], args[1]) if len(args) == 2 else None


def masked_mean(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """masked_mean(losses, mask, dim): the sum of what the mask lets through, over how many those are."""
    mask = args[1] if len(args) > 1 else kwargs.get("mask")
    if not args or mask is None or not isinstance(args[0], Quantity) or not args[0].axes:
        return None
    axis = fields.dimension(args, kwargs, 2)
    kept = arithmetic.binary(machine, node, ast.Mult(), args[0], mask)
    above, below = reduce.total(machine, node, kept, axis), reduce.total(machine, node, mask, axis)
    return arithmetic.binary(machine, node, ast.Div(), above, below)
