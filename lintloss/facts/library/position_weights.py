"""Weights of positions: `mask.float().masked_fill(is_prompt, 0.1)` and `torch.where(is_answer, 1.0, 0.1)` are no masks."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts.library import shapes
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Tensor, Value

WEIGHTS = "weights"
SAID = "some positions are weighted here"
MASK = "some positions of a mask are weighted here"
LEAST = 1e-4  # less is a guard against zeros: what it weighs is in no digit that anybody reads
MOST = 100.0  # more, or less than 0, is what an attention mask or an id is filled with


def is_share(value: Value) -> bool:
    """Say whether a number weighs what it is written for: neither leaves it out nor leaves it alone."""
    number = value.value if isinstance(value, Const) else None
    return isinstance(number, float) and LEAST < number < MOST and number != 1


def filled(machine: Machine, node: ast.AST, mask: Tensor, filling: Value) -> Tensor | None:
    """Return what a mask, or numbers of which nothing is known, become where a share is written over some of them."""
    if mask.form == WEIGHTS:  # one share for each kind of positions
        return mask
    if mask.form not in {"", "mask"} or not is_share(filling):
        return None
    return replace(mask, form=WEIGHTS, leaves_out=True).with_step(machine.evidence(node, MASK))


def mask_in(weights: Tensor) -> Tensor | None:
    """Return the mask that weights were made of: what it leaves out, they leave out as well."""
    return replace(weights, form="mask", leaves_out=False) if weights.leaves_out else None


def chosen(machine: Machine, node: ast.AST, args: list[Value]) -> Tensor | None:
    """Return `where(mask, 1.0, 0.1)`: a share for one kind of positions, something else for the others."""
    mask = shapes.tensor(args[0]) if len(args) == 3 else None
    numbers = all(isinstance(each, Const) and isinstance(each.value, int | float) for each in args[1:])
    if mask is None or not numbers or args[1] == args[2] or not any(map(is_share, args[1:])):
        return None
    return replace(mask, form=WEIGHTS).with_step(machine.evidence(node, SAID))
