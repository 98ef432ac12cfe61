"""Rows that an `if` about their axes brings into shape: whichever way it goes, they have the axes that it makes."""

from __future__ import annotations

import ast

from lintloss.facts.callers import text_of
from lintloss.facts.state import Slot, State
from lintloss.facts.values import ModelOutput, Opaque, Tensor, Value
from lintloss.patterns import regex

AXES = regex(r"\b([\w.]+)\.(dim\(\)|ndim\b|ndimension\(\))|\blen\(([\w.]+)\.(shape|size\(\))\)")
RESHAPES = frozenset({"unsqueeze", "squeeze", "view", "reshape", "expand_dims", "atleast_2d", "flatten"})


def settle(node: ast.If, states: list[State]) -> None:
    """Let both ends of `if ids.dim() == 1: ids = ids.unsqueeze(0)` hold the row with its batch axis.

    Who asks so knows that the tensor came in one shape or the other, and goes on with one of them.
    """
    if len(states) != 2 or node.orelse:
        return
    name = _asked(node.test)
    made, given = (state.names.get(name) for state in states)
    if made is not None and given is not None and any(_reshapes(each, name) for each in node.body):
        if isinstance(given.value, Tensor) and _is_one_row(given.value):
            states[0].names[name] = Slot(given.value, made.depth)
        elif isinstance(made.value, Tensor) and isinstance(given.value, Tensor | Opaque):
            states[1].names[name] = Slot(made.value, given.depth)


def either(node: ast.IfExp, one: Value, other: Value) -> Value | None:
    """Return what `ids.unsqueeze(0) if ids.dim() == 1 else ids` makes, None where no axes are asked for."""
    name = _asked(node.test)
    for made, kept, value in ((node.body, node.orelse, one), (node.orelse, node.body, other)):
        if name and text_of(kept) == name and _is_reshaped(made, name) and isinstance(value, Tensor | ModelOutput):
            return value
    return None


def _is_one_row(given: Tensor) -> bool:
    """Say whether a tensor is `ids[i : i + 1]`, which has its batch axis still."""
    window = given.window
    return window is not None and window.is_cut and window.length.is_const and window.length.const == 1


def _asked(test: ast.expr) -> str:
    found = AXES.search(text_of(test))
    return (found.group(1) or found.group(3)) if found is not None else ""


def _reshapes(statement: ast.stmt, name: str) -> bool:
    return (
        isinstance(statement, ast.Assign)
        and text_of(statement.targets[0]) == name
        and _is_reshaped(statement.value, name)
    )


def _is_reshaped(made: ast.expr, name: str) -> bool:
    """Say whether an expression is the named tensor with other axes: `name.unsqueeze(0)`, `name[None, :]`."""
    if isinstance(made, ast.Subscript):
        return text_of(made.value) == name and "None" in text_of(made.slice)
    if not isinstance(made, ast.Call) or not isinstance(made.func, ast.Attribute):
        return False
    owner = made.args[0] if text_of(made.func.value) in {"torch", "np", "numpy"} and made.args else made.func.value
    return made.func.attr in RESHAPES and text_of(owner) == name
