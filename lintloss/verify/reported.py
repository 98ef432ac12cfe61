"""Stage: an evaluation -> the loss and perplexity that the program computed from it, and by which formula."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from lintloss.verify.evaluations import Evaluation, split_by_site
from lintloss.verify.events import Call, Value
from lintloss.verify.formulas import Candidate, candidates, divisor, match
from lintloss.verify.verdicts import Pair

# Which of several recorded numbers is the reported one: the flagged expression itself, then what left the function.
ROLES = ("flagged", "evidence", "returned", "quotient", "printed", "exp")
LATE = ("exp", "printed")
REPORTS = re.compile("loss|nll|ppl|perplexity", re.IGNORECASE)
# Steps on the way, unless nothing else fits.
TRIVIAL = frozenset({"the last batch's mean", "the first batch's mean", "sum of nats", "sum of batch means"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What was reported, the formulas that give it, and the calls that it was computed from."""

    pair: Pair
    calls: tuple[Call, ...]
    loss_formula: Candidate | None = None
    perplexity_formula: Candidate | None = None
    unexplained: float | None = None  # the flagged number, where no formula gives it
    unpadded: bool = False  # the losses of padding were left out, which the criterion itself had scored

    @property
    def is_told(self) -> bool:
        """A number was recorded that some formula gives."""
        return self.pair != Pair()

    @property
    def is_a_step(self) -> bool:
        """Sums and single batches are printed on the way to the right number: no report by themselves."""
        return self.formula is not None and is_trivial(self.formula)

    @property
    def knows_what_counts(self) -> bool:
        """Where the program masks a field of losses by itself, only a formula that fits tells what it left out."""
        return self.is_told or not any(call.is_field for call in self.calls)

    @property
    def formula(self) -> str | None:
        """The formula that matters: the loss's unless that one is right and the perplexity's is not."""
        loss, perplexity = self.loss_formula, self.perplexity_formula
        if loss is None or (loss.exact and perplexity is not None and not perplexity.exact):
            return None if perplexity is None else perplexity.formula
        return loss.formula


def read(evaluation: Evaluation, extra: tuple[Candidate, ...] = ()) -> Reading:
    """Match every recorded number against every formula; of several splits scored together, the one that fits."""
    readings = [_read(evaluation, calls, extra) for calls in split_by_site(evaluation.calls)]
    return max(readings, key=fit)


def fit(reading: Reading) -> tuple[bool, int, int]:
    """How well the recorded numbers are explained; a step on the way explains less than a report."""
    found = [formula for formula in (reading.loss_formula, reading.perplexity_formula) if formula is not None]
    return reading.unexplained is None, sum(not is_trivial(one.formula) for one in found), len(found)


def is_trivial(formula: str) -> bool:
    return formula.removeprefix("exp of ") in TRIVIAL


def without_padding(calls: tuple[Call, ...]) -> tuple[Call, ...] | None:
    """The same calls as a program sees them that masks the losses of padding by itself; None where that is no difference."""
    if not any(call.unpadded is not None and call.unpadded[1] < call.scored for call in calls):
        return None
    return tuple(
        call
        if call.unpadded is None
        else replace(call, value=call.unpadded[0], scored=call.unpadded[1], plain_nats=math.nan)
        for call in calls
    )


def _read(evaluation: Evaluation, calls: tuple[Call, ...], extra: tuple[Candidate, ...]) -> Reading:
    known = (*candidates(calls), *extra)
    end = max((call.order for call in calls), default=0)
    matched: list[tuple[Value, Candidate]] = []
    for value in _ordered(evaluation, end):
        found = match(value.number, known) or _undefined(evaluation, value, calls)
        if found is not None:
            matched.append((value, found))
    matched.extend(_summed(evaluation, calls, known))
    if _elsewhere(evaluation, end, matched):
        matched = []
    over_ranks = [pair for pair in matched if pair[1] in extra and pair[1] not in known[: len(known) - len(extra)]]
    # A number over all ranks is what is reported, where there is one; a rank's own is a step on the way to it.
    loss = _first(over_ranks, perplexity=False) or _first(matched, perplexity=False)
    perplexity = _first(over_ranks, perplexity=True) or _first(matched, perplexity=True)
    if loss is None and perplexity is None:
        return _unmatched(evaluation, calls, end)
    pair = Pair(
        None if loss is None else loss[0].number,
        None if perplexity is None else perplexity[0].number,
    )
    return Reading(
        pair, calls, None if loss is None else loss[1], None if perplexity is None else perplexity[1],
        unexplained=_unexplained(evaluation, end, matched),
    )  # fmt: skip


def _ordered(evaluation: Evaluation, end: int) -> list[Value]:
    """Numbers recorded after the last criterion call, by role.

    Once another evaluation has begun only what is printed or exponentiated may still be this one's, and comes last.
    """
    sites = evaluation.tape.value_sites
    foreign = next((call.order for call in evaluation.tape.calls if call.order > end), 1 << 60)
    unique = {value.order: value for value in (*evaluation.values, *evaluation.flagged)}
    after = [
        value
        for value in unique.values()
        if value.order > end
        and value.site in sites
        and sites[value.site].role in ROLES
        and (value.order < foreign or sites[value.site].role in LATE)
    ]
    return sorted(after, key=lambda value: (value.order > foreign, ROLES.index(sites[value.site].role), value.order))


def _elsewhere(evaluation: Evaluation, end: int, matched: list[tuple[Value, Candidate]]) -> bool:
    """The flagged number fits no formula, and what does is a step, or was printed after another evaluation had begun."""
    foreign = next((call.order for call in evaluation.tape.calls if call.order > end), 1 << 60)
    unexplained = _unexplained(evaluation, end, matched) is not None
    return unexplained and all(value.order > foreign or is_trivial(found.formula) for value, found in matched)


def _undefined(evaluation: Evaluation, value: Value, calls: tuple[Call, ...]) -> Candidate | None:
    """The mean of no losses is not a number, and neither is anything that it is averaged with."""
    empty = sum(1 for call in calls if not call.scored and call.form.reduction == "mean")
    if not empty or not math.isnan(value.number):
        return None
    said = f"mean of batch means, of which {empty:,} scored nothing"
    is_perplexity = evaluation.tape.value_sites[value.site].role == "exp"
    return Candidate(f"exp of {said}" if is_perplexity else said, math.nan, is_perplexity=is_perplexity)


def _first(matched: list[tuple[Value, Candidate]], *, perplexity: bool) -> tuple[Value, Candidate] | None:
    fitting = [pair for pair in matched if pair[1].is_perplexity == perplexity]
    telling = [pair for pair in fitting if not is_trivial(pair[1].formula)]
    return next(iter(telling or fitting), None)


def _summed(
    evaluation: Evaluation, calls: tuple[Call, ...], known: tuple[Candidate, ...]
) -> list[tuple[Value, Candidate]]:
    """`total += loss / len(loader)`: the flagged expression is a term, once a batch; their sum is what is reported."""
    terms = [value for value in evaluation.flagged if value.element == ""]
    if len(terms) != len(calls) or len(terms) < 2:
        return []
    number = math.fsum(value.number for value in terms)
    found = match(number, known)
    if found is None or is_trivial(found.formula):
        return []
    last = terms[-1]
    return [(Value(last.order, last.process, last.thread, last.site, "", number), found)]


def _unexplained(evaluation: Evaluation, end: int, matched: list[tuple[Value, Candidate]]) -> float | None:
    explained = {value.order for value, _ in matched}
    flagged = [value for value in evaluation.flagged if value.order > end]
    if not flagged or any(value.order in explained for value in flagged):
        return None
    return _telling(flagged).number


def _telling(flagged: list[Value]) -> Value:
    """The last value; of a dictionary of results, the last that is called a loss or a perplexity."""
    return next((value for value in reversed(flagged) if REPORTS.search(value.element)), flagged[-1])


def _unmatched(evaluation: Evaluation, calls: tuple[Call, ...], end: int) -> Reading:
    """No formula fits: a known total over a whole number, if the flagged number is one; else only the number."""
    flagged = [value for value in evaluation.flagged if value.order > end] or list(evaluation.flagged[-1:])
    if not flagged:
        return Reading(Pair(), calls)
    value = _telling(flagged)
    found = divisor(value.number, calls)
    if found is not None:
        exponential = _exponential_of(evaluation, end, value.number)
        return Reading(Pair(value.number, exponential), calls, found)
    return Reading(Pair(), calls, unexplained=value.number)


def _exponential_of(evaluation: Evaluation, end: int, loss: float) -> float | None:
    if abs(loss) > 700:
        return None
    wanted = math.exp(loss)
    near = (value.number for value in _ordered(evaluation, end) if abs(value.number - wanted) <= 1e-6 * wanted)
    return next(near, None)
