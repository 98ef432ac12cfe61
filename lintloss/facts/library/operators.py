"""Functions that are operators in words: `torch.mul(mask, losses)`, `tf.divide(total, count)`."""

from __future__ import annotations

import ast

from lintloss.facts import arithmetic
from lintloss.facts.machine import Machine
from lintloss.facts.values import Quantity, Value, options

WORDS: dict[str, ast.operator] = {
    "mul": ast.Mult(),
    "multiply": ast.Mult(),
    "div": ast.Div(),
    "divide": ast.Div(),
    "true_divide": ast.Div(),
    "divide_no_nan": ast.Div(),
}


def spelled_out(machine: Machine, node: ast.AST, operator: ast.operator, args: list[Value]) -> Value | None:
    """Read `torch.mul(mask, losses)` and `tf.divide(total, count)` as the operator, where a loss or a count is in it."""
    if len(args) != 2 or not any(isinstance(option, Quantity) for arg in args for option in options(arg)):
        return None
    return arithmetic.binary(machine, node, operator, args[0], args[1])
