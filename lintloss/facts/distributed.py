"""Ranks: reducing a mean over ranks weights ranks alike; reducing a total and its count does not."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import arithmetic
from lintloss.facts.machine import Machine
from lintloss.facts.units import Unit, count
from lintloss.facts.values import Const, Lib, LibObject, Quantity, Value


def all_reduce(machine: Machine, node: ast.AST, value: Value, operation: Value | None) -> Value:
    """Return what all_reduce leaves behind: a sum over ranks, or with op=AVG their mean."""
    if not isinstance(value, Quantity) or value.axes:
        return value
    name = operation.name.rsplit(".", 1)[-1] if isinstance(operation, Lib | LibObject) else ""
    if isinstance(operation, Const) and isinstance(operation.value, str):
        name = operation.value
    summed = _over_ranks(machine, node, value)
    if name.lower() in {"avg", "mean", "average"}:
        return _mean(machine, node, summed) if summed.unit.power("rank") else summed
    return summed if name.lower() in {"", "sum"} else value


def _over_ranks(machine: Machine, node: ast.AST, value: Quantity) -> Quantity:
    if not value.unit.is_intensive:
        return value
    unit = value.unit * Unit.of(rank=1)
    return replace(value, unit=unit).with_step(machine.evidence(node, f"summed over ranks: {unit}"))


def _mean(machine: Machine, node: ast.AST, value: Quantity) -> Value:
    return arithmetic.average(machine, node, value, Quantity(count("rank")), "rank")


def mean_over_ranks(machine: Machine, node: ast.AST, value: Quantity) -> Value:
    """Return gather(x).mean(): the ranks' values averaged alike."""
    axes = tuple(axis for axis in value.axes if axis != "rank")
    plain = replace(value, axes=axes)
    if not plain.unit.is_intensive:
        return replace(plain, axes=())
    return _mean(machine, node, _over_ranks(machine, node, replace(plain, axes=())))


def gathered(machine: Machine, node: ast.AST, value: Value) -> Value:
    """Return gather(x): the same quantity, once per rank."""
    if isinstance(value, Quantity) and value.unit.content is not None:
        return replace(value, axes=("rank", *(axis for axis in value.axes if axis != "rank"))).with_step(
            machine.evidence(node, "gathered from all ranks")
        )
    return value
