"""Stage: the criterion calls of one evaluation -> what each way of averaging them would report, by name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from lintloss.verify.events import Call

TOLERANCE = 1e-5  # relative; float32 accumulation over 10,000 batches stays below


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number that a program could have reported, and how it would have come by it."""

    formula: str
    number: float
    is_perplexity: bool = False
    exact: bool = False  # the token-weighted mean, or its perplexity


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the calls of an evaluation. `means` holds the calls that scored anything."""

    calls: tuple[Call, ...]
    means: tuple[float, ...]
    scored: float
    nats: float  # as called: weights and smoothing included
    positions: float
    rows: float
    embedded: float  # rows x length of the ids that the model read

    @property
    def batches(self) -> int:
        return len(self.calls)


def total(calls: tuple[Call, ...]) -> Totals:
    counted = tuple(call for call in calls if call.scored > 0 and not call.lost)
    return Totals(
        calls=calls,
        means=tuple(call.mean_as_called for call in counted),
        scored=math.fsum(call.scored for call in counted),
        nats=math.fsum(call.sum_as_called for call in counted),
        positions=math.fsum(call.positions for call in calls),
        rows=math.fsum(call.rows for call in calls),
        embedded=math.fsum(call.rows * call.length for call in calls),
    )


def truth(calls: tuple[Call, ...]) -> float:
    """Nats per scored token over all calls: sum of nats / sum of scored tokens; NaN when nothing was scored.

    Args:
        calls: criterion calls of one evaluation, each with its mean or sum and its scored count.
    Returns: nats/token.
    """
    scored = math.fsum(call.scored for call in calls if call.scored > 0)
    return math.fsum(call.nats for call in calls if call.scored > 0) / scored if scored else math.nan


def candidates(calls: tuple[Call, ...]) -> tuple[Candidate, ...]:
    """Everything that could have been reported, the right one first; equal numbers keep the earlier name."""
    totals = total(calls)
    if not totals.means or not totals.scored:
        return ()
    losses = list(_losses(totals))
    return tuple(_distinct([*losses, *_perplexities(losses, totals)]))


def _losses(totals: Totals) -> Iterator[Candidate]:
    batches, scored, nats = totals.batches, totals.scored, totals.nats
    summed = math.fsum(totals.means)
    yield Candidate("token mean", nats / scored, exact=True)
    yield Candidate("mean of batch means", summed / batches)
    if len(totals.means) != batches:
        yield Candidate("mean of the batch means that are numbers", summed / len(totals.means))
    yield Candidate("batch means weighted by rows", _weighted(totals), exact=False)
    yield Candidate("sum of batch means / rows", _over(summed, totals.rows))
    yield Candidate("mean of batch means divided by batches again", summed / batches**2)
    yield Candidate("sum of batch means / scored tokens", summed / scored)
    yield Candidate("sum of nats / batches", nats / batches)
    yield Candidate("sum of nats / rows", _over(nats, totals.rows))
    yield Candidate("sum of nats / all positions (ignored ones counted)", _over(nats, totals.positions))
    yield Candidate("sum of nats / input tokens (the shifted-out position counted)", _over(nats, totals.embedded))
    yield Candidate("sum of nats / (scored tokens + rows)", _over(nats, scored + totals.rows))
    # Hugging Face's Trainer, where it takes a model for one that shifts no labels, and rows differ in length.
    yield Candidate("batch sums / (scored tokens + rows), weighted by rows", _divided_by_more(totals))
    yield Candidate("sum of nats / (scored tokens + batches)", nats / (scored + batches))
    yield Candidate("batch means weighted by positions", _by(totals, [call.positions for call in totals.calls]))
    yield Candidate("batch means weighted by input tokens", _by(totals, [c.rows * c.length for c in totals.calls]))
    yield Candidate("sum of batch means / (batches + 1)", summed / (batches + 1))
    yield Candidate("sum of batch means", summed)
    yield Candidate("sum of nats", nats)
    yield Candidate("the last batch's mean", totals.means[-1])
    if batches > 1:
        yield Candidate("sum of batch means / (batches - 1)", summed / (batches - 1))
        yield Candidate("the first batch's mean", totals.means[0])


def _weighted(totals: Totals) -> float:
    return _by(totals, [call.rows for call in totals.calls])


def _by(totals: Totals, weights: list[float]) -> float:
    pairs = [(call.mean_as_called, weight) for call, weight in zip(totals.calls, weights, strict=True) if call.scored]
    return _over(math.fsum(mean * weight for mean, weight in pairs), math.fsum(weight for _, weight in pairs))


def _divided_by_more(totals: Totals) -> float:
    counted = [call for call in totals.calls if call.scored and call.rows]
    summed = math.fsum(call.rows * call.sum_as_called / (call.scored + call.rows) for call in counted)
    return _over(summed, math.fsum(call.rows for call in counted))


def _over(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan


def _perplexities(losses: list[Candidate], totals: Totals) -> Iterator[Candidate]:
    for loss in losses:
        if abs(loss.number) < 700:
            yield Candidate(f"exp of {loss.formula}", math.exp(loss.number), is_perplexity=True, exact=loss.exact)
    exponentials = [math.exp(mean) for mean in totals.means if mean < 700]
    if exponentials and len(exponentials) == len(totals.means):
        yield Candidate(
            "mean of batch perplexities", math.fsum(exponentials) / len(exponentials), is_perplexity=True
        )  # lintloss: ignore[LL104] the mistake itself
        counted = [call for call in totals.calls if call.scored]
        for name, weights in (("rows", [c.rows for c in counted]), ("tokens", [c.scored for c in counted])):
            mixed = math.fsum(e * w for e, w in zip(exponentials, weights, strict=True))
            number = _over(mixed, math.fsum(weights))
            yield Candidate(f"batch perplexities weighted by {name}", number, is_perplexity=True)
        yield Candidate("the last batch's perplexity", exponentials[-1], is_perplexity=True)
    for loss in losses:
        if abs(loss.number) < 1000:
            yield Candidate(f"2 to the power of {loss.formula}", 2.0**loss.number, is_perplexity=True)
    for loss in losses:
        yield Candidate(f"{loss.formula}, in bits", loss.number / math.log(2))


def _distinct(found: list[Candidate]) -> Iterator[Candidate]:
    kept: list[Candidate] = []
    for candidate in found:
        if not math.isfinite(candidate.number):
            continue
        twin = any(
            near(candidate.number, other.number, 1e-12) and other.is_perplexity == candidate.is_perplexity
            for other in kept
        )
        if not twin:
            kept.append(candidate)
            yield candidate


def near(number: float, other: float, tolerance: float = TOLERANCE) -> bool:
    """Tell whether two finite numbers agree to a relative tolerance."""
    return math.isfinite(number) and abs(number - other) <= tolerance * max(abs(number), abs(other), 1e-12)


def match(number: float, found: tuple[Candidate, ...]) -> Candidate | None:
    """Name the formula that gives this number: the first within tolerance, unless a later one is 100 times nearer."""
    fitting = [candidate for candidate in found if near(number, candidate.number)]
    if not fitting:
        return None
    first = fitting[0]
    closest = min(fitting, key=lambda candidate: abs(candidate.number - number))
    gap = abs(first.number - number)
    return closest if gap > 1e-6 * abs(number) and abs(closest.number - number) * 100 < gap else first


def divisor(number: float, calls: tuple[Call, ...]) -> Candidate | None:
    """A number that no formula gives, as a known total over a whole number that the program must have divided by."""
    totals = total(calls)
    if not number or not math.isfinite(number):
        return None
    for name, amount in (("sum of batch means", math.fsum(totals.means)), ("sum of nats", totals.nats)):
        implied = amount / number
        whole = round(implied)
        # Beyond 1e5 every quotient is near a whole number: float32 sums carry 1e-7.
        if 1 < whole < 100_000 and abs(implied - whole) < 2e-6 * whole:
            return Candidate(f"{name} / {whole:,}", number)
    return None
