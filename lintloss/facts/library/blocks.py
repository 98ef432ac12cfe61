"""Blocks: tensors that hold one number everywhere, until rows are written into them."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import label_ids
from lintloss.facts.library import onehot
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Ref, Tensor, Tuple, Value

Kwargs = dict[str, Value]


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
    """Read `ones((n, width)) * pad` and `zeros((n, width)) + pad` as blocks of that id; None for other sums and products."""
    neutral = {ast.Mult: Const(1), ast.Add: Const(0)}.get(type(operator))
    block, id_ = (left, right) if isinstance(left, Tensor) else (right, left)
    if not isinstance(block, Tensor) or block.form != "filled" or block.window is not None or block.pad != neutral:
        return None
    if isinstance(id_, Tensor) or not (label_ids.is_token(id_) or label_ids.is_ignored(id_)):
        return None
    return replace(block, key=machine.key(node, "block"), pad=id_)
