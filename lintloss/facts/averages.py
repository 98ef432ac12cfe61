"""What an average is, read from its units: a mean of means, a wrong count, an average of perplexities, or right.

The doors for the rules of 1xx and 5xx. The task decides what a loss is per: in language modeling it is a token.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace

from lintloss.facts import entropies, equality, feature_layers, normalizers
from lintloss.facts.callers import text_of
from lintloss.facts.equality import (
    differs_at_times,
    proven_equal,
    proven_unequal,
    rows_of_one_length,
    scores_all_positions,
)
from lintloss.facts.library import shapes
from lintloss.facts.library.tables import REGRESSIONS
from lintloss.facts.loops import Loop
from lintloss.facts.observations import Averaging, Exponential, Observation
from lintloss.facts.survey import called_name
from lintloss.facts.units import Unit
from lintloss.facts.values import Quantity, Scoring
from lintloss.findings import Confidence, Evidence
from lintloss.patterns import regex

LANGUAGE = {"lm", "seq2seq", "mlm"}
ITEMS = ("token", "item", "example", "position", "unknown")
WHOLE_SETS = regex(
    r"(models|seeds|runs|folds|checkpoints|ckpts|experiments|splits|sets|domains|tasks|languages|langs|benchmarks|configs|corpora|trials)\b",
    re.IGNORECASE,
)
LOADERS = regex(r"(data)?_?loaders\b", re.IGNORECASE)
ITERATIONS = ("batch", "step", "example", "position")


@dataclass(frozen=True, slots=True)
class Mean:
    """An average as the rules see it.

    is_mean_of_means: the result is a loss per item, weighted by iterations instead of items.
    needs_proof: it is weighted by rows or positions, which is exact unless rows are known to differ in scored tokens.
    wrong_count: what is wrong with the divisor, "" when its unit is right; `conditional`: only on some data.
    """

    after: Quantity
    weight: str = "batch"
    is_mean_of_means: bool = False
    needs_proof: bool = False
    averages_perplexity: bool = False
    wrong_count: str = ""
    conditional: bool = False
    scores_tokens: bool = True
    equal: tuple[Evidence, ...] = ()
    equal_by_name: bool = False  # `equal` is no more than what a sampler is called
    unequal: tuple[Evidence, ...] = ()
    varies: tuple[Evidence, ...] = ()  # why batches differ in some data only, or under an option
    confidence: Confidence = Confidence.HIGH
    evidence: tuple[Evidence, ...] = ()

    @property
    def weight_plural(self) -> str:
        return {"batch": "batches"}.get(self.weight, self.weight + "s")


def _is_inside_a_module(seen: Averaging) -> bool:
    """Say whether a module averages over parts of its own: `for s in self.scales` in the forward() of a loss."""
    if seen.setting.function not in {"forward", "__call__"} or not seen.loops:
        return False
    loop = seen.loops[-1]
    header = loop.statement.iter if isinstance(loop.statement, ast.For) else None
    return loop.unit == "step" and header is not None and text_of(header).startswith("self.")


def mean_of(seen: Averaging) -> Mean | None:
    """Read an averaging; None where it is training, or where its units say nothing."""
    before, after = seen.before, seen.after
    if not in_evaluation(seen) or not isinstance(after, Quantity) or (seen.how == "rank" and not after.is_perplexity):
        return None
    if isinstance(seen.count, Quantity) and seen.count.unit.power("epoch"):
        return None  # a summary of epochs; what each epoch's number is was said where it was computed
    if _is_over_whole_sets(before) or _is_inside_a_module(seen) or feature_layers.are_averaged(seen):
        return None
    equal = proven_equal(before) or rows_of_one_length(before, after)
    weight = "rank" if seen.how == "rank" else next((name for name in ITERATIONS if name in after.weights), "batch")
    marked = _marked(before) if _item_of(after) else ()
    common = Mean(
        after=after,
        weight={"step": "batch", "example": "row"}.get(weight, weight),
        needs_proof=not equality.rows_vary(before)
        and (weight == "position" or (weight == "example" and all(loop.unit != "example" for loop in before.loops))),
        scores_tokens=scores_tokens(seen, after) or bool(marked),
        equal=equal,
        equal_by_name=equality.is_guessed(before, equal),
        unequal=() if weight == "position" and scores_all_positions(before) else proven_unequal(before),
        varies=marked or (() if weight == "position" and scores_all_positions(before) else differs_at_times(before)),
        confidence=confidence_in(after),
        evidence=(*after.trace,),
    )
    if after.is_perplexity:
        if after.unit.power("key") and before.unit.power("batch"):
            return _by_fields(replace(common, averages_perplexity=True), seen)
        return _perplexity(common, before, after) if not _may_be_of_corpora(before) else None
    wrong = normalizers.wrong_count(seen, before, after)
    if wrong is None:
        item = _item_of(after)
        tokens = item and common.scores_tokens and (common.unequal or common.varies)
        per_token = replace(after, unit=after.unit.swap(item, "token")) if tokens else after
        return replace(common, is_mean_of_means=is_mean_of_means(per_token))
    of_one_rank = replace(after, unit=after.unit * Unit.of(rank=-max(after.unit.power("rank"), 0)))
    also = is_mean_of_means(of_one_rank) and wrong.leaves_mean
    return replace(common, wrong_count=wrong.what, conditional=wrong.conditional, is_mean_of_means=also)


def _item_of(mean: Quantity) -> str:
    """Return the unit of a mean over items of which nobody knows whether they are tokens, "" for others."""
    return next((name for name in ("item", "unknown") if mean.unit.power(name) == -1), "")


def _marked(total: Quantity) -> tuple[Evidence, ...]:
    """Return where single labels of the batches are told from those that are ignored: they are labels of tokens."""
    if total.scoring is not None and not (total.scoring.is_cross_entropy or total.scoring.presumed):
        return ()
    return tuple(place for loop in total.loops for place in loop.marked)


def _by_fields(mean: Mean, seen: Averaging) -> Mean:
    """Add to an average of perplexities that what divides it counts the fields of a batch, not the batches."""
    wrong = normalizers.wrong_count(seen, seen.before, mean.after)
    return replace(mean, wrong_count=wrong.what) if wrong is not None else mean


def _may_be_of_corpora(total: Quantity) -> bool:
    """Say whether the perplexities averaged may be those of whole sets, by different models: only a name says what they are."""
    by_name = total.scoring is not None and total.scoring.called == "perplexity"
    return by_name and any(WHOLE_SETS.search(loop.place.message) for loop in total.loops)


def _is_over_whole_sets(total: Quantity) -> bool:
    """Say whether the results of evaluations of several data sets are averaged, each of which has a loop of its own."""
    of_steps = total.unit.power("step") == 1 and not total.unit.power("batch")
    whole = len(total.loops) > 1 or total.presumed
    if whole and total.loops and LOADERS.search(total.loops[-1].place.message):  # each goes over a set of its own
        return True
    if total.is_perplexity and total.loops and _is_of_mean(total):  # `for run in runs`, each of which was averaged
        return any(WHOLE_SETS.search(loop.place.message) for loop in total.loops[1:] or total.loops)
    if not of_steps or not whole:
        return False
    return WHOLE_SETS.search(total.loops[-1].place.message) is not None or _is_of_a_few(total.loops[-1])


def _is_of_mean(total: Quantity) -> bool:
    """Say whether what was exponentiated was averaged first, over iterations of their own."""
    said = [step.message for step in total.trace]
    last = max((index for index, each in enumerate(said) if each.startswith("exp of")), default=0)
    return any("by the number of steps" in each or "by the number of batches" in each for each in said[:last])


def _is_of_a_few(loop: Loop) -> bool:
    """Say whether a loop counts to a number that is written out, and draws nothing: `for horizon in range(12)`."""
    header = loop.statement.iter if isinstance(loop.statement, ast.For) else None
    if not isinstance(header, ast.Call) or called_name(header.func) != "range" or len(header.args) != 1:
        return False
    return isinstance(header.args[0], ast.Constant) and not loop.equal


def _perplexity(common: Mean, before: Quantity, after: Quantity) -> Mean | None:
    """Read a quotient of perplexities: over iterations, each of the same weight, or summed and divided by something else."""
    added_up = bool(before.loops) and max(before.unit.power("batch"), before.unit.power("step")) == 1
    averaged = added_up or bool(set(after.weights) & {*ITERATIONS, "token", "rank"})
    return replace(common, averages_perplexity=averaged) if averaged else None


def is_mean_of_means(after: Quantity) -> bool:
    """Say whether a loss per item was averaged over iterations, each with the same weight.

    A mean per example averaged over examples is what one wants; a mean per token over rows is not.
    """
    weights = set(after.weights)
    items = [name for name in ITEMS if after.unit.power(name) == -1]
    if len(items) != 1 or after.unit.degree != -1:
        return False
    if items[0] in {"example", "item", "unknown"}:
        return bool(weights & {"batch", "step"})
    return bool(weights & set(ITERATIONS))


def scores_tokens(seen: Observation, quantity: Quantity) -> bool:
    """Say whether what is averaged is a loss over tokens: proven by the unit, else suggested by the task."""
    if quantity.scoring is not None and _is_of_rows(quantity.scoring):
        return False  # one of several that a model may compute, and none of tokens
    if quantity.unit.power("token") or quantity.unit.power("position"):
        return True
    if quantity.scoring is not None and quantity.scoring.item in {"token"}:
        return True
    if quantity.scoring is not None and not (quantity.scoring.is_cross_entropy or quantity.scoring.presumed):
        return False  # a binary cross entropy over rows, whatever the file speaks of
    if seen.setting.task == "unknown" and any(loop.ignored for loop in quantity.loops):
        return True  # a row with one label has none to be ignored
    return quantity.unit.power("item") + quantity.unit.power("unknown") != 0 and seen.setting.task in LANGUAGE


def _is_of_rows(scoring: Scoring) -> bool:
    """Say whether a scoring is a squared error of rows: nothing was masked, so that nothing says there are frames."""
    return scoring.criterion in REGRESSIONS and not scoring.masked and not shapes.is_selected(scoring.target)


def in_evaluation(seen: Observation) -> bool:
    """Say whether an observation may belong to an evaluation: nothing in it trains."""
    return seen.setting.phase != "training"


def confidence_in(quantity: Quantity) -> Confidence:
    return Confidence.MEDIUM if quantity.presumed or quantity.unit.power("unknown") else Confidence.HIGH


@dataclass(frozen=True, slots=True)
class Unnormalized:
    """Why an exponent is no loss per token."""

    what: str
    confidence: Confidence


def _is_perplexity(seen: Exponential) -> bool:
    """Say whether what comes out is called a perplexity, of a loss that may be one of tokens."""
    return seen.called_perplexity and seen.setting.task == "unknown" and seen.base != "10"


def _is_one_entry(exponent: Quantity) -> bool:
    """Say whether a number is the log-probability of one token, `log_probs[id]`, to which nothing was added."""
    picked = exponent.scoring is not None and exponent.scoring.criterion == "index"
    return picked and not exponent.loops and len(exponent.trace) == 1


def unnormalized(seen: Exponential) -> Unnormalized | None:
    """Say why exp() of this is no perplexity, None where it is one or where that is unknown."""
    exponent = seen.exponent
    unit = exponent.unit
    scoring = exponent.scoring
    by_model = scoring is not None and scoring.owner == "model" and scoring.item == "token"
    if not in_evaluation(seen) or (exponent.presumed and not by_model) or exponent.axes or _is_one_entry(exponent):
        return None
    if scoring is not None and scoring.criterion == entropies.FORM:
        return None
    tokens = unit.power("token") or (scoring is not None and scoring.item == "token")
    if seen.setting.task not in LANGUAGE and not tokens and not _is_perplexity(seen):
        return None
    if unit.power("unknown") or (scoring is not None and scoring.scaled):  # by a number that may count
        return None
    if (unit.power("batch") > 0 or unit.power("step") > 0) and unit.degree <= 0 and not normalizers.is_divided(unit):
        return Unnormalized("a sum of means that was not divided by their number", confidence_in(exponent))
    summed = scoring is not None and (scoring.reduction == "sum" or scoring.reduction == "none")
    divided = unit.power("example") > 0 and unit.power("position") < 0  # by the length of rows: there may be but one
    if unit.degree == 0 and not divided and unit.content == "nat" and (exponent.loops or summed):
        return Unnormalized("a total", confidence_in(exponent))
    if unit.power("example") == -1 and unit.degree == -1 and scoring is not None:
        if scoring.reduction in {"sum", "none"} and scoring.item == "token":
            return Unnormalized("a total per example", confidence_in(exponent))
    return None
