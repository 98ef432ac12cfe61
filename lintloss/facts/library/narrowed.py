"""`x.narrow(1, start, length)`: the slice `x[:, start:start + length]` in other words, which no block is too short for."""

from __future__ import annotations

import ast
from functools import lru_cache

from lintloss.facts.machine import Machine
from lintloss.facts.values import Tensor, Value

FEW = 4  # axes that a tensor of ids or logits has at most


def narrow(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: dict[str, Value]) -> Value | None:
    """Return what is narrowed as a slice; None where the axis is not written out."""
    from lintloss.facts.library import indexed

    sliced = _as_slice(node) if isinstance(node, ast.Call) else None
    return indexed.index(machine, value, sliced) if sliced is not None else None


@lru_cache(maxsize=256)
def _as_slice(call: ast.Call) -> ast.Subscript | None:
    """Write a call of narrow() as the slice that it is: as a method, or with the tensor as its first argument."""
    given = dict(zip(("dim", "start", "length"), call.args[-3:], strict=False))
    given |= {each.arg: each.value for each in call.keywords if each.arg is not None}
    axis = given.get("dim")
    if not isinstance(axis, ast.Constant) or not isinstance(axis.value, int) or not 0 <= axis.value < FEW:
        return None
    if {"start", "length"} - given.keys():
        return None
    part = ast.Slice(given["start"], ast.BinOp(given["start"], ast.Add(), given["length"]))
    places: list[ast.expr] = [ast.Slice() for _ in range(axis.value)]
    index = ast.Tuple([*places, part], ast.Load()) if places else part
    return ast.fix_missing_locations(ast.copy_location(ast.Subscript(call.func, index, ast.Load()), call))
