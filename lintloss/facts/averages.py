"""What an average is, read from its units: a mean of means, a wrong count, an average of perplexities, or right.

The doors for the rules of 1xx and 5xx. The task decides what a loss is per: in language modeling it is a token.
"""

from __future__ import annotations

from dataclasses import dataclass

from lintloss.facts.equality import proven_equal, proven_unequal, rows_of_one_length
from lintloss.facts.observations import Averaging, Exponential, Observation
from lintloss.facts.units import Unit
from lintloss.facts.values import Quantity
from lintloss.findings import Confidence, Evidence

LANGUAGE = {"lm", "seq2seq", "mlm"}
ITEMS = ("token", "item", "example", "position")
ITERATIONS = ("batch", "step", "example")


@dataclass(frozen=True, slots=True)
class Mean:
    """An average as the rules see it.

    is_mean_of_means: the result is a loss per item, weighted by iterations instead of items.
    wrong_count: what is wrong with the divisor, "" when its unit is right.
    """

    after: Quantity
    weight: str = "batch"
    is_mean_of_means: bool = False
    averages_perplexity: bool = False
    wrong_count: str = ""
    scores_tokens: bool = True
    equal: tuple[Evidence, ...] = ()
    unequal: tuple[Evidence, ...] = ()
    confidence: Confidence = Confidence.HIGH
    evidence: tuple[Evidence, ...] = ()

    @property
    def weight_plural(self) -> str:
        return {"batch": "batches"}.get(self.weight, self.weight + "s")


def mean_of(seen: Averaging) -> Mean | None:
    """Read an averaging; None where it is training, or where its units say nothing."""
    before, after = seen.before, seen.after
    if not in_evaluation(seen) or not isinstance(after, Quantity) or seen.how == "rank":
        return None
    weight = next((name for name in ITERATIONS if name in after.weights), "batch")
    common = Mean(
        after=after,
        weight={"step": "batch", "example": "row"}.get(weight, weight),
        scores_tokens=scores_tokens(seen, after),
        equal=proven_equal(before) or rows_of_one_length(before, after),
        unequal=proven_unequal(before),
        confidence=confidence_in(after),
        evidence=(*after.trace,),
    )
    if after.is_perplexity:
        return _perplexity(common, after)
    wrong = wrong_count(seen, before, after)
    if wrong:
        return _with(common, wrong_count=wrong)
    return _with(common, is_mean_of_means=is_mean_of_means(before, after))


def _with(mean: Mean, **changes: object) -> Mean:
    from dataclasses import replace

    return replace(mean, **changes)  # type: ignore[arg-type]  # fields of Mean by name


def _perplexity(common: Mean, after: Quantity) -> Mean | None:
    averaged = bool(set(after.weights) & {*ITERATIONS, "rank"})
    return _with(common, averages_perplexity=averaged) if averaged else None


def is_mean_of_means(before: Quantity, after: Quantity) -> bool:
    """Say whether a loss per item was averaged over iterations, each with the same weight.

    A mean per example averaged over examples is what one wants; a mean per token over rows is not.
    """
    weights = set(after.weights)
    items = [name for name in ITEMS if after.unit.power(name) == -1]
    if len(items) != 1 or after.unit.degree != -1:
        return False
    if items[0] in {"example", "item"}:
        return bool(weights & {"batch", "step"})
    return bool(weights & set(ITERATIONS))


def wrong_count(seen: Averaging, before: Quantity, after: Quantity) -> str:
    """Say what is wrong with the divisor: a loss per anything but one item is off in scale."""
    unit = after.unit
    count = seen.count
    if not isinstance(count, Quantity) or count.presumed:
        return ""
    negative = {name: power for name, power in unit.powers if power < 0}
    positive = {name: power for name, power in unit.powers if power > 0 and name in {"batch", "step"}}
    if positive and negative and unit.power("batch") == 1 and unit.power("example") < 0:
        return "means summed over batches are divided by a number of examples"
    if positive and unit.power("batch") == 1 and unit.power("token") <= -2:
        return "means per token summed over batches are divided by tokens again"
    if unit.power("batch") == -1 and before.unit.degree == 0 and before.scoring is not None:
        if before.scoring.reduction == "sum" and before.scoring.item == "token":
            return "summed losses are divided by a number of batches"
    if count.start >= 1 and count.is_count and count.loops:
        return "the counter starts at 1, so the divisor is one too many"
    return ""


def scores_tokens(seen: Observation, quantity: Quantity) -> bool:
    """Say whether what is averaged is a loss over tokens: proven by the unit, else suggested by the task."""
    if quantity.unit.power("token"):
        return True
    if quantity.scoring is not None and quantity.scoring.item in {"token"}:
        return True
    return quantity.unit.power("item") != 0 and seen.setting.task in LANGUAGE


def in_evaluation(seen: Observation) -> bool:
    """Say whether an observation may belong to an evaluation: nothing in it trains."""
    return seen.setting.phase != "training"


def confidence_in(quantity: Quantity) -> Confidence:
    return Confidence.MEDIUM if quantity.presumed else Confidence.HIGH


@dataclass(frozen=True, slots=True)
class Unnormalized:
    """Why an exponent is no loss per token."""

    what: str
    confidence: Confidence


def unnormalized(seen: Exponential) -> Unnormalized | None:
    """Say why exp() of this is no perplexity, None where it is one or where that is unknown."""
    exponent = seen.exponent
    unit = exponent.unit
    if not in_evaluation(seen) or exponent.presumed or exponent.axes:
        return None
    if seen.setting.task not in LANGUAGE and not unit.power("token"):
        return None
    if unit.power("batch") > 0 or unit.power("step") > 0:
        return Unnormalized("a sum of means that was not divided by their number", confidence_in(exponent))
    if unit == Unit.of(nat=1) and exponent.loops:
        return Unnormalized("a total", confidence_in(exponent))
    if unit.power("example") == -1 and unit.degree == -1 and exponent.scoring is not None:
        if exponent.scoring.reduction == "sum" and exponent.scoring.item == "token":
            return Unnormalized("a total per example", confidence_in(exponent))
    return None
