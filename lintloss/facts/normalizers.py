"""Divisors that leave a loss off in scale: a count of another unit, the right one twice, or one of other iterations."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lintloss.facts import capped, counts, equality, stops
from lintloss.facts.library import loaders
from lintloss.facts.loops import Loop
from lintloss.facts.observations import Averaging
from lintloss.facts.quotients import MAYBE_OVER_RANKS, OVER_RANKS, plural
from lintloss.facts.split_names import is_training
from lintloss.facts.units import Unit
from lintloss.facts.values import Const, LibObject, Quantity, Ref, Scoring, Tensor, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

PER_ROW = regex(r"sent|seq|sample|example|doc|row|instance|story|utter", re.IGNORECASE)
LOADER = regex(r"loader|dl\b|iter(ator)?\b|batches", re.IGNORECASE)
ONE_MORE = regex(r"\(?len\([\w.]+\) \+ 1\)?$")
BOUND = regex(r"kl|elbo", re.IGNORECASE)  # nats per sentence are what a variational bound is in


@dataclass(frozen=True, slots=True)
class WrongCount:
    """Why a divisor is wrong. conditional: on some data only. leaves_mean: a mean of means all the same."""

    what: str
    conditional: bool = False
    leaves_mean: bool = False


def wrong_count(seen: Averaging, before: Quantity, after: Quantity) -> WrongCount | None:
    """Say what is wrong with the divisor: a loss per anything but one item is off in scale."""
    count = seen.count
    if not isinstance(count, Quantity) or seen.how == "field":
        return None
    if seen.how == "repeated":
        return WrongCount("the running total is divided again in every iteration")
    return _by_counting(seen, before, count) or _by_unit(seen, before, after, count)


def _extra_guards(seen: Averaging, before: Quantity, count: Quantity) -> list[Evidence]:
    """Return the conditions under which a loss is added and its iteration counted all the same."""
    if not count.loops or isinstance(count.counted, Ref) or not before.loops or count.loops[-1] is not before.loops[-1]:
        return []
    loop = before.loops[-1]
    inside = [guard for guard in before.guards if not stops.is_around(guard, loop)]
    if _is_within(loop, seen.path, seen.span.row):  # a running average: where the loop was left, it is not reached
        inside = [guard for guard in inside if not stops.leaves(guard, loop)]
    return [guard for guard in inside if guard not in count.guards]


def _by_counting(seen: Averaging, before: Quantity, count: Quantity) -> WrongCount | None:
    """Compare what was counted with what was added up."""
    if _is_one_ahead(seen, before, count):
        return WrongCount("the counter starts at 1, so the divisor is one too many", leaves_mean=True)
    if _is_one_more(seen, before, count):
        return WrongCount("one is added to the number of iterations, so the divisor is one too many", leaves_mean=True)
    if stops.ends_on_index(seen, before, count):
        said = "the index of the last iteration divides, one less than their number"
        return WrongCount(said, leaves_mean=True)
    stop = stops.counts_stop(seen, before, count)
    if stop:
        said = f"the iteration that `{stop}` ends adds no loss, and is counted"
        return WrongCount(said, conditional=True, leaves_mean=True)
    if _is_other_loader(seen, before, count):
        return WrongCount("the losses of one loader are divided by the length of another")
    stopped = stops.miscounted(seen, before, count)
    if stopped:
        return WrongCount(stopped, conditional=True, leaves_mean=True)
    outnumbered = capped.may_run_out(seen, before)
    if outnumbered:
        return WrongCount(outnumbered, conditional=True, leaves_mean=True)
    if stops.counts_short(seen, before, count):
        return WrongCount("batches that are not full are left out of the sum, and counted by the divisor")
    left_out = stops.left_out(seen, before, count)
    if left_out is not None:
        every = "%" in left_out.message
        return WrongCount(f"the loss is {left_out.message}, and divided by all batches", not every, leaves_mean=True)
    extra = _extra_guards(seen, before, count)
    if any("%" in guard.message and guard.message.startswith("only") for guard in extra):
        return WrongCount("the loss is added in some iterations only, and divided by a count of all", leaves_mean=True)
    scored = count.unit.power("token") + count.unit.power("position")
    if not scored and any(guard.message.startswith("skipped") for guard in extra):
        said = "the counter also counts iterations whose loss is left out"
        return WrongCount(said, conditional=True, leaves_mean=bool(equality.proven_unequal(before)))
    return None


def _is_one_ahead(seen: Averaging, before: Quantity, count: Quantity) -> bool:
    """Say whether what was counted up from 1 divides as it is, once it has counted what was added up last."""
    if count.start + count.offset != 1 or not count.start or not count.loops or not before.loops or before.start:
        return False
    counted = count.trace[-1] if count.trace else None
    in_loop = _is_within(before.loops[-1], seen.path, seen.span.row)
    return counted is None or not (in_loop and counted.path == seen.path and counted.span.row > seen.span.row)


def _is_one_more(seen: Averaging, before: Quantity, count: Quantity) -> bool:
    """Say whether behind a loop one is added to what it counted up from 0, or to a length: only an index needs that."""
    if seen.how not in {"divide", "meter"} or count.offset != 1 or count.start or not before.loops or before.start:
        return False
    if count.unit.degree != 1 or max(count.unit.power(each) for each in ("batch", "step", "example")) != 1:
        return False
    if _is_inside(seen, before.loops[-1]):
        return False  # it may be counted behind
    if bool(count.loops and count.trace) or ONE_MORE.match(seen.divisor):
        return True
    if getattr(before.loops[-1].statement, "orelse", ()):  # what stands there may be the one more
        return False
    is_length = not (count.presumed or count.loops)
    return is_length and _loop_of(before, count) is not None  # `steps = len(loader)`, and then `steps + 1`


def _loop_of(before: Quantity, count: Quantity) -> Loop | None:
    """Return the loop that a total was summed over and whose iterations a number counts."""
    return next((loop for loop in before.loops if count.of and count.of in (loop.source, loop.key)), None)


def _is_inside(seen: Averaging, loop: Loop) -> bool:
    """Say whether a division, or a call on the way to it, stands in a loop."""
    places = [(seen.path, seen.span.row), *((each.path, each.span.row) for each in seen.stack)]
    return any(_is_within(loop, path, row) for path, row in places)


def _is_within(loop: Loop, path: str, row: int) -> bool:
    end = getattr(loop.statement, "end_lineno", None) or loop.place.span.row
    return path == loop.place.path and loop.place.span.row <= row <= end


def _is_other_loader(seen: Averaging, before: Quantity, count: Quantity) -> bool:
    """Say whether the length of the training loader divides what an evaluation loader yielded, or the other way round."""
    if count.unit.power("batch") != 1 or count.loops or not seen.divisor.startswith("len("):
        return False
    names = [loop.place.message for loop in before.loops if loop.unit == "batch"]
    if not names or any(loop.source == count.of for loop in before.loops if loop.source):
        return False
    return is_training(seen.divisor) != is_training(names[-1]) and LOADER.search(seen.divisor) is not None


def _by_unit(seen: Averaging, before: Quantity, after: Quantity, count: Quantity) -> WrongCount | None:
    unit, scoring = after.unit, before.scoring
    if count.unit.power("key") and unit.power("key") < 0:
        if _runs_over(before, seen.divisor):
            return None
        what = (
            "a batch is the number of its tensors"
            if _is_taken_apart(count)
            else "a dict batch is the number of its keys"
        )
        return WrongCount(f"len() of {what}, not of its rows")
    if unit.power("unknown") or count.unit.power("key"):  # each mean was multiplied by as many keys
        return None
    is_guess = before.presumed and (scoring is None or not (scoring.owner == "model" or scoring.reduced))
    if is_guess:
        return None
    if _is_of_lengths(before, count):
        return WrongCount("means summed over batches are divided by the lengths of their rows, summed")
    if count.presumed:
        return None
    return (
        _of_ranks(before, after, count)
        or _of_means_again(seen, before, count)
        or _of_sums_of_means(before, after, count)
        or _of_totals(seen, before, unit)
    )


def _is_of_lengths(before: Quantity, count: Quantity) -> bool:
    """Say whether plain means are summed, and beside them what is called the lengths of the rows of each batch."""
    if before.scoring is None or before.scoring.reduction != "mean" or before.weights or before.counted is not None:
        return False
    is_sum_of_means = max(before.unit.power("batch"), before.unit.power("step")) == 1 and before.unit.degree == 0
    lengths = count.presumed and count.of[-1:] == ("sum",) and count.counted is not None
    return is_sum_of_means and lengths and bool(before.loops) and before.loops[-1:] == count.loops[-1:]


def _runs_over(before: Quantity, divisor: str) -> bool:
    """Say whether a loop that summed is over the very dict whose length divides: one loss an entry."""
    name = divisor.removeprefix("len(").removesuffix(")")
    return any(re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", loop.place.message) for loop in before.loops)


def _is_taken_apart(count: Quantity) -> bool:
    return any("taken apart" in each.message for each in count.trace)


def _of_ranks(before: Quantity, after: Quantity, count: Quantity) -> WrongCount | None:
    """Judge means of all ranks that were added up: they are as many as there are batches on all of them together."""
    if count.unit.power("rank") or before.unit.power("rank") < 0 or MAYBE_OVER_RANKS in before.weights:
        return None
    loops = [loop for loop in before.loops if loop.unit in {"batch", "step"}]
    counts_loop = any(count.of and count.of in (loop.source, loop.key) for loop in loops)
    if not counts_loop or max(count.unit.power("batch"), count.unit.power("step")) != 1 or count.unit.degree != 1:
        return None
    if before.unit.power("rank") == 1 or (OVER_RANKS in before.weights and OVER_RANKS not in count.weights):
        said = "the means of all ranks are summed, and divided by the number of batches of one of them"
        return WrongCount(said, leaves_mean=True)
    return None


def _is_of_single_rows(loop: Loop) -> bool:
    """Say whether a loop runs over a loader whose batches have one row: there are as many batches as examples."""
    found = [each for each in options(loop.iterates) if isinstance(each, LibObject)]
    return any(each.arg(1, "batch_size") == Const(1) for each in found if loaders.is_loader(each))


def _of_sums_of_means(before: Quantity, after: Quantity, count: Quantity) -> WrongCount | None:
    """Judge what a sum of means, or a single one, became."""
    scoring, unit = before.scoring, after.unit
    if unit.power("segment") == 1:
        return WrongCount("the means of segments are summed, and divided by a number that counts no segments")
    summed = max(unit.power("batch"), unit.power("step"))
    if summed == 1 and unit.power("example") < 0:
        if any(_is_of_single_rows(loop) for loop in before.loops):
            return None
        return WrongCount("means summed over batches are divided by a number of examples")
    weighted = scoring is not None and scoring.reduction == "mean" and _is_weighted_then_batched(before, unit)
    if weighted:
        return WrongCount("means multiplied by a count are summed, and divided by a number of batches")
    if scoring is not None and scoring.criterion == "ctc_loss":
        return None  # its logits are time-major, and its mean is one over rows of means over labels
    tokens = unit.power("token") + unit.power("position")
    rows = unit.power("example") == 1 and before.counted is None  # rows were looped over, not multiplied by
    if tokens <= -2 and (summed == 1 or rows):
        return WrongCount("means per token summed over batches are divided by tokens again")
    of_rows = tokens == -1 and unit.power("batch") == -1 and unit.power("example") == 1
    if of_rows and scoring is not None and scoring.reduction == "none" and not _has_one_row(before):
        return WrongCount("the means of single rows are summed, and divided by a number of batches")
    if scoring is None or scoring.reduction != "mean":
        return None
    if unit.degree == -2 and unit.power("token") == -2 and count.unit.power("token") == 1 and not before.weights:
        return WrongCount("a mean per token is divided by tokens again")
    if (summed == 1 or rows) and unit.power("item") == -1 and unit.power("position") == -1:
        return WrongCount("means are summed, and divided by a number of elements")
    if after.weights and _is_divided_twice(unit):
        return WrongCount("each mean is divided by a count before the means are averaged")
    return None


def _of_means_again(seen: Averaging, before: Quantity, count: Quantity) -> WrongCount | None:
    """Judge an average of all iterations of a loop, whatever weighted it: nothing is left for their number to divide.

    Not where it was summed over another loop as well: what divided so far may have counted that one. In the loop itself a
    running average gives up its share: `mean -= mean / steps; mean += loss / steps`.
    """
    loop = _loop_of(before, count)
    if (
        loop is None
        or _is_inside(seen, loop)
        or before.unit.degree != -1
        or count.unit != counts.unit_of(loop)
        or loop.unit == "epoch"
    ):
        return None
    if any(each is not loop and each.unit != "epoch" for each in before.loops) or seen.rooted:
        return None
    if before.unit.power(loop.unit) or before.unit.power("step"):
        return None  # an unknown iteration divides out with what counts it
    return WrongCount(f"the mean of all {plural(loop.unit)} is divided by their number once more")


def _is_weighted_then_batched(before: Quantity, unit: Unit) -> bool:
    """Say whether means were made totals of their rows or tokens, and the sum of those is divided by batches."""
    if max(before.unit.power("batch"), before.unit.power("step")) or before.weights or before.unit.degree:
        return False
    is_of_rows = before.unit.power("example") == 1
    return (unit.power("batch") == -1 and (is_of_rows or before.counted is not None)) or (
        unit.power("step") == -1 and is_of_rows
    )


def _of_totals(seen: Averaging, before: Quantity, unit: Unit) -> WrongCount | None:
    """Judge what a total of losses became."""
    scoring = before.scoring
    if scoring is None or scoring.reduction == "mean":
        return None
    if unit.degree == 0 and before.unit in {Unit.of(nat=1, example=1), Unit.of(nat=1, token=1)} and not unit.powers[1:]:
        return WrongCount("sums are multiplied by a count and divided by it again: nothing divides what was summed")
    tokens = scoring.item == "token"
    per_batch = unit in {Unit.of(nat=1, batch=-1), Unit.of(loss=1, batch=-1)} and (tokens or scoring.reduction == "sum")
    # a step may be one text, whose own total is wanted: what is summed along its positions says no more
    per_step = tokens and unit == Unit.of(nat=1, step=-1) and scoring.reduction == "sum"
    if per_batch or per_step:
        if before.unit.degree == 0 and not _has_one_row(before):
            return WrongCount("summed losses are divided by a number of batches")
    of_one_row = (
        per_batch and _is_of_single_rows(before.loops[-1]) if before.loops else False
    )  # told so: a row is a batch
    sequences = (
        (unit == Unit.of(nat=1, example=-1) or of_one_row) and scoring.reduction == "sum" and scoring.item == "token"
    )
    if (
        not sequences
        or counts.may_be_flat(seen.count, scoring)
        or PER_ROW.search(seen.called)
        or any(BOUND.search(term.text) for term in scoring.extra)
    ):
        return None
    if seen.setting.task in {"lm", "mlm"} or (seen.setting.task == "unknown" and _predicts_next(scoring)):
        return WrongCount("summed losses of tokens are divided by a number of sequences")
    return None


def _has_one_row(total: Quantity) -> bool:
    """Say whether the batches of a loop are known to hold one row each."""
    loader = total.loops[-1].iterates if total.loops else None
    if not isinstance(loader, LibObject) or not loader.name.endswith("DataLoader"):
        return False
    return loader.arg(1, "batch_size") in (None, Const(1))


def _predicts_next(scoring: Scoring) -> bool:
    """Say whether labels were cut from the front: a language model's."""
    target = scoring.target
    return isinstance(target, Tensor) and target.window is not None and target.window.is_cut


def _is_divided_twice(unit: Unit) -> bool:
    counted = [name for name in ("token", "item", "example", "position") if unit.power(name) < 0]
    return len(counted) >= 2 and unit.degree <= -2


def is_divided(unit: Unit) -> bool:
    """Say whether a sum of means was divided by another count: what is wrong with it was said there."""
    return unit.power("example") < 0 or unit.power("token") < -1 or unit.power("segment") > 0
