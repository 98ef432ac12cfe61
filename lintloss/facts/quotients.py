"""A total divided by a count: the unit and the weight that come out, recorded for the rules."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts import counts, interludes, purposes, regularizers, segments, unchanged
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.names import CONVERTS
from lintloss.facts.observations import Averaging
from lintloss.facts.survey import walk
from lintloss.facts.units import Unit
from lintloss.facts.values import (
    Fed,
    Opaque,
    Quantity,
    Ref,
    Tensor,
    Value,
)
from lintloss.patterns import regex

COUNT_WORDS = regex(r"size|count|num_|n_|tokens|samples|len\(", re.IGNORECASE)
OVER_RANKS = "summed over ranks"  # among the weights of means that were summed over batches, and then over ranks
MAYBE_OVER_RANKS = "summed over ranks, or averaged"  # … of what a method out of sight reduces in its own way
EVERYWHERE = "the same on every rank"  # among the weights of what totals and counts of all ranks made
TOTAL = Unit.of(nat=1)
ITERATIONS = ("batch", "step", "example", "rank")


def plural(unit: str) -> str:
    """Say a count's name for more than one."""
    return {"batch": "batches"}.get(unit, unit + "s")


def average(machine: Machine, node: ast.AST, before: Quantity, count: Quantity, how: str) -> Quantity:
    """Divide a loss or perplexity by a count, and record the observation."""
    from lintloss.facts import own_length

    if _undoes(before, count):
        return replace(before, unit=before.unit / count.unit, of=(), counted=None)
    count = counts.along_targets(before, count)
    if before.unit == TOTAL and not before.loops:  # of one call: over the length of its text, not over texts
        count = counts.of_items(count)
    if count.unit == Unit.of(example=1) and before.unit == TOTAL:
        flattened = counts.are_flattened(before.scoring)
        if own_length.is_of_scored(machine, node, before) or (
            not flattened and counts.may_be_flat(count, before.scoring)
        ):
            count = replace(count, unit=Unit.of(unknown=1))
    before = _presumed_sum(_by_rows(before, count), count)
    if count.unit == Unit.of(rank=1) and EVERYWHERE in before.weights:
        return replace(before, unit=before.unit * Unit.of(rank=-max(before.unit.power("rank"), 0)))
    if count.unit == Unit.of(rank=1):
        _forgive(machine, before)
    if OVER_RANKS in before.weights and count.unit.power("rank") == 1:  # alone, or with the batches of each
        kept = tuple(name for name in before.weights if name != OVER_RANKS)
        before = replace(before, unit=before.unit * Unit.of(rank=1), weights=kept)
    regularizers.note(machine, node, before)
    before = segments.told_apart(machine, node, before, count)
    unit = before.unit / count.unit
    stepped: tuple[str, ...] = ()
    if unit.power("step") and before.unit.power("step"):  # an unknown iteration divides out with what counts it
        for name in ITERATIONS:
            if name == "rank" and before.presumed:  # nobody knows what was summed: a share of the ranks' mean, perhaps
                continue
            if unit.power(name) < 0 and count.unit.power(name) == 1 and before.unit.power(name) == 0:
                if name == "example" and count.loops and isinstance(count.counted, Tensor | Opaque):
                    unit = unit.swap("step", "batch")  # rows were counted in every step: a step is a batch of them
                    break
                unit = unit.swap("step", name)
                stepped = (name,)
                break
    unit = counts.settle_item(unit, count.unit)
    weights = (*before.weights, *stepped)
    weights = (
        *weights,
        *(name for name in _weighing(before, count) if before.unit.power(name) > 0 and count.unit.power(name) > 0),
    )
    if OVER_RANKS in count.weights and before.unit.degree == 0:
        weights = (*weights, EVERYWHERE)
    if before.unit.power("rank") > 0 and count.unit == Unit.of(rank=1):
        how = "rank"
    after = replace(
        before, unit=unit, weights=weights, axes=() if "rank" in before.axes else before.axes, presumed=before.presumed
    )
    if after.scoring is not None and _counts_mask(before, count):
        place = machine.evidence(node, "divided by the number of tokens that a mask lets through")
        same = unchanged.loops_counting(machine, divisor_of(node))
        after = replace(after, scoring=replace(after.scoring, counted=place, unchanged=same))
    if before.fed is not None and _is_fed_below(machine, before.fed):
        after = after.with_step(before.fed.place)
    after = after.with_step(machine.evidence(node, f"divided here by {describe(count)}: {unit}"))
    observe_average(machine, node, before, count, after, how)
    return after


def _undoes(before: Quantity, count: Quantity) -> bool:
    """Say whether a batch's number was multiplied by the very count that divides it: it is what it was."""
    same = bool(before.of) and before.of == count.of and before.counted == count.counted
    is_value = before.is_perplexity and before.unit.power("token") == 1
    return same and is_value and not before.loops and count.unit == Unit.of(token=1)


def _by_rows(total: Quantity, count: Quantity) -> Quantity:
    """Read means times `x.shape[1]`, over a number of examples: of sequence-first data, that axis is the rows."""
    if count.unit != Unit.of(example=1) or total.unit.power("position") != 1 or total.unit.power("example") != -1:
        return total
    iterations = max(total.unit.power("batch"), 0), max(total.unit.power("step"), 0)
    turned = Unit.of(position=-1, example=2, batch=-iterations[0], step=-iterations[1])
    weights = tuple(name for name in total.weights if name not in {"batch", "step"})
    return replace(total, unit=total.unit * turned, weights=weights)


def _presumed_sum(loss: Quantity, count: Quantity) -> Quantity:
    """Read a loss that only its criterion's name takes for a mean, and that the code divides by the rows or tokens of
    its own batch, as the sum that it is then: what else would be divided by them?
    """
    scoring = loss.scoring
    if scoring is None or not loss.presumed or scoring.criterion != "presumed" or scoring.owner == "model":
        return loss
    if loss.loops or count.loops or loss.axes or loss.weights or loss.unit.degree != -1 or count.unit.degree != 1:
        return loss
    if not any(count.unit.power(name) == 1 for name in ("example", "token", "position")):
        return loss
    unit = Unit.of(**{str(loss.unit.content): 1})
    return replace(loss, unit=unit, scoring=replace(scoring, reduction="sum"))


def _is_fed_below(machine: Machine, fed: Fed) -> bool:
    """Say whether another file, which the shown one calls, gave a meter its values: there it is the finding."""
    shown = max(index for index, frame in enumerate(machine.frames) if frame.module.path == machine.shown)
    return fed.place.path != machine.shown and fed.depth - 1 > shown


def _counts_mask(before: Quantity, count: Quantity) -> bool:
    """Say whether the losses of a batch are divided by how many of its labels count."""
    mask = count.counted
    return count.unit == Unit.of(token=1) and not before.loops and isinstance(mask, Tensor) and mask.form == "mask"


def _weighing(before: Quantity, count: Quantity) -> tuple[str, ...]:
    """Return the counts by which a division can weight: iterations; positions, for a mean per token; for perplexity all."""
    names = ITERATIONS if not _is_length(before, count) else ()
    if before.is_perplexity:
        return (*names, "position", "token")
    return (*names, "position") if before.unit.power("token") < 0 else names


def _is_length(before: Quantity, count: Quantity) -> bool:
    """Say whether a count sums lengths over its loops, so that what it weights by are lengths; batches are none."""
    along = [loop for loop in before.loops if loop.bound is not None and loop.bound[0] == count.of]
    if isinstance(count.counted, Ref) and all(isinstance(loop.length, Quantity) for loop in along):
        along = []  # `range(len(xs))` goes through all that a list holds, item by item
    if any(loop.unit != "batch" or count.unit != Unit.of(batch=1) for loop in along):
        return True
    return any(count.unit.power(name) > 0 for name in ("token", "position"))


def by_reciprocal(node: ast.BinOp) -> ast.BinOp | None:
    """Read `1 / n * x` and `x * (1 / n)` as `x / n`."""
    for one, other in ((node.left, node.right), (node.right, node.left)):
        if (
            isinstance(one, ast.BinOp)
            and isinstance(one.op, ast.Div)
            and isinstance(one.left, ast.Constant)
            and one.left.value == 1
            and not isinstance(one.right, ast.Constant)
        ):
            return ast.copy_location(ast.BinOp(other, ast.Div(), one.right), node)
    return None


def describe(count: Quantity) -> str:
    """Say what a count counts."""
    if count.unit.power("example") and count.unit.degree == 1:
        return "the number of examples"
    names = [plural(name) for name, power in count.unit.powers if power > 0]
    return f"the number of {' · '.join(names)}" if names else str(count.unit)


def observe_average(machine: Machine, node: ast.AST, before: Quantity, count: Value, after: Value, how: str) -> None:
    from lintloss.facts import deviations, sums
    from lintloss.facts.library import losses
    from lintloss.facts.settings import seen_at

    if _is_rescaled(machine.frame.statement, node, before) or (before.negated and losses.is_of_policy(machine)):
        return
    if _is_never_read(machine):
        return
    before = replace(before, loops=interludes.own(before.loops))
    loops, over_ranks = before.loops, before.unit.power("rank") > 0
    if over_ranks:  # the list that ranks gather into is no loop of the evaluation
        loops = tuple(loop for loop in loops if loop.unit != "rank") or _around(machine)
    # A helper averages over ranks what it is handed: whose number that makes wrong is who calls it.
    fed = before.fed or (sums.fed(machine, before) if how == "rank" else None)
    place = seen_at(machine, node, loops, fed)
    if place["setting"].phase == "unknown" and not loops and purposes.is_trained_on(machine):
        place["setting"] = replace(place["setting"], phase="training")
    seen = Averaging(
        before=before,
        count=count,
        after=after,
        how=how,
        loops=loops,
        divisor=divisor_text(node),
        called=_called(machine, node),
        rooted=deviations.is_under_root(machine.frame.node, machine.frame.statement, node),
        **place,
    )
    which = f"{before.unit} {before.scoring.place if before.scoring else ''}"  # alternatives are seen apart
    machine.observe(seen, f"rank {which}" if over_ranks else which)  # beside the one of the branch without ranks


def _around(machine: Machine) -> tuple[Loop, ...]:
    """Return the innermost running loop; of the entries of a dict, `{k: reduced(v) for k, v in losses.items()}`, the one
    that it is written in: what that is about decides what its entries are.
    """
    inner = machine.loops[-1:]
    around = machine.loops[-2:-1]
    return tuple(around if inner and around and _is_written_in(inner[0], around[0]) else inner)


def _is_written_in(inner: Loop, outer: Loop) -> bool:
    """Say whether a loop is a comprehension in the body of another one."""
    if inner.statement is not None or outer.statement is None or inner.place.path != outer.place.path:
        return False
    return outer.statement.lineno < inner.place.span.row <= (outer.statement.end_lineno or 0)


def _is_never_read(machine: Machine) -> bool:
    """Say whether an average goes to a local name that nothing reads: nobody is told a wrong number."""
    frame = machine.frame
    statement = frame.statement
    if (
        not isinstance(statement, ast.Assign)
        or len(statement.targets) != 1
        or not isinstance(frame.node, ast.FunctionDef)
    ):
        return False
    target = statement.targets[0]
    if not isinstance(target, ast.Name) or target.id in frame.shared:
        return False
    if len(machine.loops) > frame.loop_base:  # what a later pass reads stands above
        return False
    reads = (each for each in walk(frame.node) if isinstance(each, ast.Name) and each.id == target.id)
    return not any(isinstance(each.ctx, ast.Load) and each.lineno > (statement.end_lineno or 0) for each in reads)


def is_share(machine: Machine, total: Quantity, count: Quantity) -> bool:
    """Say whether a part of a total is divided by the count of all parts, which a loop above has counted: parts add up."""
    if total.loops or total.unit.degree or not count.loops or not machine.loops:
        return False
    around, counted = machine.loops[-1], count.loops[-1]
    if counted in machine.loops or counted.activation != machine.frame.key or around.activation != machine.frame.key:
        return False
    return counted.place.span.row < around.place.span.row


def _is_rescaled(statement: ast.stmt | None, node: ast.AST, before: Quantity) -> bool:
    """Say whether nothing is averaged yet: a quotient is multiplied by another count at once, `loss / edges * tokens`,
    or a total is divided further, `nats / rows / length`; `nats / tokens / log(2)` is an average, in bits.
    """
    if statement is None or not isinstance(node, ast.BinOp) or hasattr(statement, "body"):
        return False
    outer = next((each for each in ast.walk(statement) if isinstance(each, ast.BinOp) and each.left is node), None)
    if outer is None:
        return False
    if isinstance(outer.op, ast.Div):
        return before.unit.degree == 0 and CONVERTS.search(ast.unparse(outer.right)) is None
    return isinstance(outer.op, ast.Mult) and COUNT_WORDS.search(ast.unparse(outer.right)) is not None


def _called(machine: Machine, node: ast.AST) -> str:
    """Return the name that the running statement gives to what it computes: that of an entry, where it makes a dict."""
    statement = machine.frame.statement
    entry = _entry_name(statement, node) if isinstance(statement, ast.Assign | ast.Return | ast.Expr) else ""
    if entry:
        return entry
    if isinstance(statement, ast.Assign):
        return ast.unparse(statement.targets[0])
    if isinstance(statement, ast.AugAssign | ast.AnnAssign):
        return ast.unparse(statement.target)
    return machine.frame.name


def _entry_name(statement: ast.Assign | ast.Return | ast.Expr, node: ast.AST) -> str:
    """Return the key, or the keyword, under which a statement puts what a node of it computes."""
    made = statement.value
    if isinstance(made, ast.Dict):
        named = [
            (key.value, value)
            for key, value in zip(made.keys, made.values, strict=True)
            if isinstance(key, ast.Constant)
        ]
    elif isinstance(made, ast.Call):
        named = [(each.arg, each.value) for each in made.keywords]
    else:
        return ""
    return next((str(name) for name, value in named if any(each is node for each in ast.walk(value))), "")


def divisor_text(node: ast.AST) -> str:
    """Return the source of what a statement or expression divides by."""
    divisor = divisor_of(node)
    return ast.unparse(divisor) if divisor is not None else ""


def divisor_of(node: ast.AST) -> ast.expr | None:
    """Return what a statement or expression divides by."""
    if isinstance(node, ast.Assign):  # `total = total / n`
        node = node.value
    if isinstance(node, ast.BinOp):
        return node.right
    return node.value if isinstance(node, ast.AugAssign) else None


def _forgive(machine: Machine, mean: Quantity) -> None:
    """Take what was divided by the batches of one rank as the mean of one: the number of ranks divides it now."""
    for key, seen in list(machine.log.items()):
        if not isinstance(seen, Averaging) or seen.after != mean or not isinstance(seen.after, Quantity):
            continue
        machine.log[key] = replace(seen, before=_of_one_rank(seen.before), after=_of_one_rank(seen.after))


def _of_one_rank(value: Quantity) -> Quantity:
    ranks = min(max(value.unit.power("rank"), 0), 1)
    kept = tuple(name for name in value.weights if name != OVER_RANKS)
    return replace(value, unit=value.unit * Unit.of(rank=-ranks), weights=kept)


def forget_field_mean(machine: Machine, mean: Quantity) -> None:
    """Take back that a masked field was averaged over all its positions: the share that the mask keeps divides it now."""
    for key, seen in list(machine.log.items()):
        if isinstance(seen, Averaging) and seen.how == "field" and seen.after == mean:
            del machine.log[key]
