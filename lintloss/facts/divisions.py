"""Divisions: by what a total is divided, a count or something unknown, and what comes out."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import replace

from lintloss.facts import accumulation, counts, factors, logprobs, passes, quotients, segments, stops, terms
from lintloss.facts.factors import COEFFICIENTS, LN2
from lintloss.facts.library import shapes
from lintloss.facts.machine import Machine
from lintloss.facts.units import Unit
from lintloss.facts.values import Const, ModelOutput, Opaque, Quantity, Tensor, Value, join_all, options
from lintloss.patterns import regex

ITERATIONS = regex(r"iter|step|batch|interval", re.IGNORECASE)
SHARE = Unit.of(token=1, position=-1)  # mask.mean()
IMPORTANCE = regex(r"^(t|ts|p|w)$|(^|_)(prob|p_mask|mask_prob|timesteps?|weights?)$")


def divide(machine: Machine, node: ast.AST, left: Value, right: Value, inside: int | None = None) -> Value:
    """Return a quotient, and record it when a loss or perplexity is what gets divided.

    inside: the loop depth at which the numerator was set, for `total /= n`.
    """
    if isinstance(left, Quantity) and left.is_loss:
        accumulation.note_quotient(machine, node, left)
        segments.forget(machine, left)
    if not isinstance(left, Quantity):
        count = counts.presumed(machine, left)
        if count is not None and isinstance(right, Quantity) and right.is_count:
            return Quantity(count.unit / right.unit)
        if isinstance(left, Tensor | ModelOutput) and isinstance(right, Const | Opaque):
            return terms.cooled(machine, node, left, right)
        return factors.of_tensors(machine, node, left, right)
    if isinstance(right, Const | Opaque) and left.loops and left.is_loss:
        right = stops.count_of(left.loops, machine.frame.key, quotients.divisor_text(node)) or right
    if isinstance(right, Const):
        return _by_constant(machine, node, left, right, inside)
    count = logprobs.length(machine, node, left) or passes.of_stride(machine, node, left)
    count = count or passes.of_steps(machine, left, right)
    count = count or counts.divisor(machine, left, right)
    count = passes.of_windows(machine, node, left, count) if count is not None else None
    if count is not None and left.is_loss and quotients.is_share(machine, left, count):
        return machine.opaque(node)
    if count is not None and _may_be_rows_own(left, count):
        count = None
    if count is not None and count.unit == counts.ROWS and _is_of_one_batch(machine, left):
        count = replace(count, unit=Unit.of(example=1))
    if count is not None and count.unit == SHARE:
        quotients.forget_field_mean(machine, left)
    if left.is_count:
        if count is None:
            return machine.opaque(node)
        if count.unit == left.unit or _is_share_of_ranks(left, count):
            return replace(machine.opaque(node), name="share")  # by which a mean may be weighted: no coefficient
        return Quantity(left.unit / count.unit)
    if count is None:
        if isinstance(right, Quantity) and right.is_loss:
            return machine.opaque(node)
        return _unknown_divisor(machine, node, left, right)
    return quotients.average(
        machine, node, left, count, "repeated" if _is_repeated(machine, node, left, inside) else "divide"
    )


def _is_share_of_ranks(own: Quantity, everyone: Quantity) -> bool:
    """Say whether one rank's count is divided by that of all: `world_size * tokens / all_tokens`, by which means are weighted."""
    return quotients.OVER_RANKS in everyone.weights or own.unit == everyone.unit * Unit.of(rank=1)


def _may_be_rows_own(total: Quantity, count: Quantity) -> bool:
    """Say whether masked losses, one total a row, are divided by what only its name takes for the length of all rows.

    The lengths that the mask was made from go by such a name as well, `(nats * mask).sum(-1) / seq_length`.
    """
    masked = total.scoring is not None and total.scoring.masked
    return masked and total.axes == ("row",) and count.presumed and count.unit.power("position") > 0


def _is_of_one_batch(machine: Machine, total: Quantity) -> bool:
    """Say whether a loss belongs to one batch, by whose rows it is divided: it was not summed over batches yet."""
    if total.unit.power("batch") or any(loop.unit == "batch" for loop in total.loops):
        return False
    return not total.loops or bool(machine.loops and machine.loops[-1] not in total.loops)


def _is_repeated(machine: Machine, node: ast.AST, total: Quantity, inside: int | None) -> bool:
    """Say whether a running total is divided anew in every iteration of a loop that does not start it anew."""
    if inside is None or machine.depth <= inside or not isinstance(node, ast.AugAssign | ast.Assign):
        return False
    loop = machine.loops[-1]
    if loop.statement is None or not any(each.key[: len(loop.key)] == loop.key or each is loop for each in total.loops):
        return False
    target = ast.unparse(node.target if isinstance(node, ast.AugAssign) else node.targets[0])
    restarts = (each for each in ast.walk(loop.statement) if isinstance(each, ast.Assign) and each is not node)
    return not any(ast.unparse(one) == target for each in restarts for one in each.targets)


def after_loops(machine: Machine, total: Value) -> Value:
    """Return a total without what it was in the first pass of a loop that is over: `total = x if first else total + x`."""
    found = [each for each in options(total) if isinstance(each, Quantity) and each.loops]
    kept = [
        each
        for each in options(total)
        if not any(isinstance(each, Quantity) and _begins(machine, each, whole) for whole in found)
    ]
    return join_all(kept) if len(kept) < len(options(total)) else total


def _begins(machine: Machine, first: Quantity, whole: Quantity) -> bool:
    """Say whether a loss is the one with which a total over one more loop begins."""
    loop = whole.loops[-1]
    if whole.loops != (*first.loops, loop) or loop in machine.loops or first.scoring is None or whole.scoring is None:
        return False
    return first.scoring.place == whole.scoring.place and whole.unit == first.unit.summed_over(loop.unit)


def _by_constant(machine: Machine, node: ast.AST, left: Quantity, right: Const, inside: int | None) -> Value:
    if right.value == 0:  # a counter that has not counted yet
        return machine.opaque(node)
    content = left.unit.content
    if isinstance(right.value, float) and math.isclose(right.value, LN2, rel_tol=1e-3) and content in {"nat", "loss"}:
        return replace(left, unit=left.unit.swap(content, "bit")).with_step(
            machine.evidence(node, "÷ ln 2: nats to bits")
        )
    count = counts.divisor(machine, left, right)
    if count is not None:
        return quotients.average(
            machine, node, left, count, "repeated" if _is_repeated(machine, node, left, inside) else "divide"
        )
    if left.is_loss and left.unit.power("rank") == 1 and isinstance(right.value, int) and right.value > 1:
        return quotients.average(machine, node, left, Quantity(Unit.of(rank=1), presumed=True), "rank")
    return counts.batches_of(node, left, right) or left


def _is_share_of_mask(node: ast.AST) -> bool:
    """Say whether losses are divided by how much was masked, `loss.sum() / mask_ratio.sum()`: by no count of tokens."""
    divisor = quotients.divisor_of(node)
    names = (each.id for each in ast.walk(divisor) if isinstance(each, ast.Name)) if divisor is not None else ()
    return any(shapes.SHARE.search(each) for each in names)


def _is_less_some(node: ast.AST) -> bool:
    """Say whether what divides is a number less a constant, `tokens - 1`: of ranks, whatever they are called, all count."""
    divisor = quotients.divisor_of(node)
    return (
        isinstance(divisor, ast.BinOp) and isinstance(divisor.op, ast.Sub) and isinstance(divisor.right, ast.Constant)
    )


def _unknown_divisor(machine: Machine, node: ast.AST, left: Quantity, right: Value) -> Value:
    if isinstance(right, Opaque) and right.name.lower().split("_")[-1] in COEFFICIENTS:
        return left
    if left.is_perplexity and isinstance(right, Opaque) and left.loops and left.unit.power(left.loops[-1].unit) == 1:
        iterations = Quantity(counts.unit_of(left.loops[-1]), of=right.key, presumed=True)
        return quotients.average(machine, node, left, iterations, "divide")  # whatever is counted: an average
    world = isinstance(right, Opaque) and not ITERATIONS.search(right.name) and not _is_less_some(node)
    if left.is_loss and left.unit.power("rank") == 1 and isinstance(right, Opaque) and world:
        return quotients.average(machine, node, left, Quantity(Unit.of(rank=1), of=right.key, presumed=True), "rank")
    if left.axes == ("row",) and IMPORTANCE.search(getattr(right, "name", "")):  # a diffusion's, one a row
        return machine.opaque(node)
    if left.is_loss and _is_share_of_mask(node):  # what is left is scaled up to a whole: that is no mean
        return replace(left, unit=left.unit * Unit.of(unknown=1))
    if left.is_loss and isinstance(right, Opaque | Tensor):  # still nats (or bits), per something that is not known
        return replace(left, unit=left.unit * Unit.of(unknown=-1), shares=(*left.shares, right.key))
    return machine.opaque(node)
