"""Ranks: reducing a mean over ranks weights ranks alike; reducing a total and its count does not."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import quotients, vectors
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.units import Unit, count
from lintloss.facts.values import Choice, Const, Lib, LibObject, Quantity, Ref, Tuple, Value, join, join_all, options

SUMMED = quotients.OVER_RANKS
RANKS = Quantity(count("rank"))
COLLECTED = "@collected"  # of what each rank had collected before it was gathered: joined, it is as long as all batches


def operation_name(operation: Value | None) -> str:
    """Return "sum", "avg", … for what `op=`, `reduction=` or `reduce_op=` was given, "" for nothing."""
    if isinstance(operation, Lib | LibObject):
        return operation.name.rsplit(".", 1)[-1].lower()
    return operation.value.lower() if isinstance(operation, Const) and isinstance(operation.value, str) else ""


def all_reduce(machine: Machine, node: ast.AST, value: Value, operation: str) -> Value:
    """Return what a reduction over ranks leaves behind: a sum, or with "avg" a mean."""
    if isinstance(value, Choice):
        result: Value | None = None
        for option in value.options:
            each = all_reduce(machine, node, option, operation)
            result = each if result is None else join(result, each)
        return result if result is not None else value
    if isinstance(value, Tuple):
        return Tuple(tuple(all_reduce(machine, node, item, operation) for item in value.items))
    if not isinstance(value, Quantity) or (value.axes and value.unit.content is None):
        return value
    if operation in {"avg", "mean", "average"}:
        return mean_over_ranks(machine, node, value)
    return summed_over_ranks(machine, node, value) if operation == "sum" else value


def _is_sum_of_means(unit: Unit) -> bool:
    """Say whether a unit is that of means summed over batches: ranks added up multiply their number."""
    means = sum(unit.power(name) for name in ("token", "item", "position")) == -1
    return unit.content is not None and means and max(unit.power("batch"), unit.power("step")) == 1


def summed_over_ranks(machine: Machine, node: ast.AST, value: Quantity) -> Quantity:
    """Return the sum over ranks: a total stays one, a mean is now counted once per rank."""
    plain = replace(value, axes=tuple(axis for axis in value.axes if axis != "rank"))
    if _is_sum_of_means(plain.unit) or (plain.is_count and not plain.unit.is_intensive):
        return replace(plain, weights=(*plain.weights, SUMMED)) if SUMMED not in plain.weights else plain
    if plain.unit.content is None or not plain.unit.is_intensive:
        return plain
    unit = plain.unit * Unit.of(rank=1)
    summed = replace(plain, unit=unit).with_step(machine.evidence(node, f"summed over ranks: {unit}"))
    if value.unit.power("rank") == -1 and unit.is_intensive:  # each rank divided by their number before the sum
        before = replace(summed, unit=unit * Unit.of(rank=1))
        return quotients.average(machine, node, before, RANKS, "rank")
    return summed


def mean_over_ranks(machine: Machine, node: ast.AST, value: Quantity) -> Value:
    """Return the mean over ranks; of a total and its count alike it cancels in their quotient."""
    if quotients.EVERYWHERE in value.weights:
        return value
    summed = replace(summed_over_ranks(machine, node, value), axes=())
    if summed.is_count:
        return replace(summed, unit=summed.unit * Unit.of(rank=-1))
    if SUMMED in summed.weights:
        return quotients.average(machine, node, summed, RANKS, "rank")
    if summed.unit.power("rank") > 0:
        return quotients.average(machine, node, summed, RANKS, "rank")
    return replace(summed, unit=summed.unit * Unit.of(rank=-1))


def everywhere(value: Value) -> Value:
    """Return the same value on every rank, as a broadcast leaves it."""
    if isinstance(value, Choice):
        return Choice(tuple(everywhere(option) for option in value.options))
    if not isinstance(value, Quantity) or quotients.EVERYWHERE in value.weights:
        return value
    return replace(value, weights=(*value.weights, quotients.EVERYWHERE))


def list_over_ranks(machine: Machine, node: ast.AST, value: Value) -> Ref:
    """Return the list of what each rank sent: pairs, lists or dicts of numbers."""
    key = machine.key(node, "ranks")
    loop = machine.loop_of.setdefault(key, Loop(key, machine.evidence(node, "gathered from all ranks"), unit="rank"))
    everyone = machine.new_list(node, value, RANKS)
    machine.list_loops[everyone.id] = (loop,)
    return everyone


def gathered(machine: Machine, node: ast.AST, value: Value) -> Value:
    """Return gather(x): the same quantity, once per rank; of a dict, each of its numbers."""
    if isinstance(value, Choice):
        return join_all(gathered(machine, node, option) for option in value.options)
    if (
        isinstance(value, Ref)
        and value.kind == "dict"
        and any(
            isinstance(option, Quantity) for slot in machine.fields(value).values() for option in options(slot.value)
        )
    ):
        return vectors.each(machine, node, value, lambda one: gathered(machine, node, one))
    if isinstance(value, Ref) and holds_losses(machine, value):
        machine.put(value, COLLECTED, Const(True))  # more batches of the same kind: their mean is over batches (LL101)
        return value
    if isinstance(value, Quantity) and "row" in value.axes:
        return value  # the rows of all ranks, one after the other
    if isinstance(value, Quantity) and value.unit.content is not None:
        return replace(value, axes=("rank", *(axis for axis in value.axes if axis != "rank"))).with_step(
            machine.evidence(node, "gathered from all ranks")
        )
    return value


def holds_losses(machine: Machine, value: Ref) -> bool:
    """Say whether a tensor or list holds the losses that a loop has collected: `torch.stack(losses)`."""
    if value.kind not in vectors.ARRAYS or value.id not in machine.list_loops:
        return False
    held = (each for each in options(machine.elem(value)) if isinstance(each, Quantity))
    return any(each.is_loss and not each.axes for each in held)
