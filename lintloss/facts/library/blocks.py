"""Blocks: tensors that hold one number everywhere, until rows are written into them."""

from __future__ import annotations

import ast
import operator as operators
from collections.abc import Callable
from dataclasses import replace

from lintloss.facts import label_ids
from lintloss.facts.library import onehot, spread
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Opaque, Ref, Tensor, Tuple, Value

Kwargs = dict[str, Value]
KNOWN: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operators.add,
    ast.Sub: operators.sub,
    ast.Mult: operators.mul,
}


def made(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Read `ids.new_zeros(n, width)` and `ids.new_ones((n, width))`; a vector is left to what fills it."""
    is_of_ones = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "new_ones"
    sizes = args[0].items if args and isinstance(args[0], Tuple) else args
    return _of(machine, node, tuple(sizes), Const(1 if is_of_ones else 0))


def full(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Read `ids.new_full((n, width), pad)`."""
    size = kwargs.get("size", args[0] if args else UNKNOWN)
    fill = kwargs.get("fill_value", args[1] if len(args) > 1 else None)
    return _of(machine, node, size.items, fill) if isinstance(size, Tuple) and fill is not None else None


def by_sizes(machine: Machine, node: ast.AST, args: list[Value]) -> Value | None:
    """Read `torch.LongTensor(n, width)`, which holds whatever was there, until it is filled."""
    return _of(machine, node, tuple(args), Const(0)) if not any(isinstance(each, Tuple) for each in args) else None


def _of(machine: Machine, node: ast.AST, sizes: tuple[Value, ...], fill: Value) -> Tensor | None:
    if len(sizes) < 2 or any(isinstance(each, Tensor | Ref) for each in sizes):
        return None
    return Tensor("filled", None, None, machine.key(node, "block"), pad=fill)


def refilled(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Read `empty_like(x).fill_(eps / n)`, `x.zero_()`: a block of one number."""
    fill = kwargs.get("value", args[0] if args else Const(0))
    if value.form != "filled" and value.key[-1:] != (onehot.BLOCK,):
        return None
    return onehot.in_place(machine, node, Tensor("filled", None, None, value.key, value.name, pad=fill))


def combined(machine: Machine, node: ast.AST, operator: ast.operator, left: Value, right: Value) -> Tensor | None:
    """Read `zeros((n, width)) - 100`, `ones((n, width)) * pad` and `zeros + eps / n` as blocks of that number; None for others."""
    block, other = (left, right) if isinstance(left, Tensor) else (right, left)
    if not isinstance(block, Tensor) or block.form != "filled" or block.window is not None or isinstance(other, Tensor):
        return None
    numbers, compute = (_number(left), _number(right)), KNOWN.get(type(operator))
    if compute is not None and numbers[0] is not None and numbers[1] is not None:
        return replace(block, key=machine.key(node, "block"), pad=Const(compute(numbers[0], numbers[1])))
    is_id = label_ids.is_token(other) or label_ids.is_ignored(other)
    raised = isinstance(operator, ast.Add) and block.pad in spread.NOTHING and (is_id or isinstance(other, Opaque))
    scaled = isinstance(operator, ast.Mult) and block.pad == Const(1) and is_id
    return replace(block, key=machine.key(node, "block"), pad=other) if raised or scaled else None


def negated(value: Tensor) -> Tensor | None:
    """Return `-ones_like(ids)` as a block of -1; None where no number is known."""
    number = _number(value)
    return replace(value, pad=Const(-number)) if number is not None else None


def _number(value: Value) -> float | None:
    """Return a number, or the one that a block is made of, which nothing was written into yet."""
    if isinstance(value, Tensor):
        value = value.pad if value.form == "filled" and value.window is None and value.pad is not None else value
    held = value.value if isinstance(value, Const) else None
    return held if isinstance(held, int | float) and not isinstance(held, bool) else None
