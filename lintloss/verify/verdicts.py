"""What the judge says: a pair of loss and perplexity, one judged evaluation, one judged finding."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from lintloss.verify.flagged import FlaggedFinding

CONFIRMED, REFUTED, NEGLIGIBLE = "confirmed", "refuted", "negligible"
NOT_REACHED, UNDECIDED = "not reached", "undecided"

WRONG = 1e-3  # relative difference in loss above which a number is wrong
SAME = 1e-5  # and below which it is right


@dataclass(frozen=True, slots=True)
class Pair:
    """Loss in nats a token and its perplexity; None for a number that the program never computed."""

    loss: float | None = None
    perplexity: float | None = None
    scored_tokens: int | None = None

    @classmethod
    def of(cls, loss: float, scored: float) -> Pair:
        perplexity = math.inf if loss >= 700 else math.exp(loss)
        return cls(loss, perplexity, round(scored))


@dataclass(frozen=True, slots=True)
class Batch:
    """One criterion call as the pictures show it: mean as called, tokens scored."""

    loss: float
    scored: int
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """One evaluation of one finding."""

    status: str
    reported: Pair
    reference: Pair
    explanation: str
    formula: str | None = None
    batches: tuple[Batch, ...] = ()
    offsets: dict[str, float] = field(default_factory=dict)  # shift histogram: share of targets equal to id at offset
    partial: bool = False

    @property
    def off_by(self) -> float:
        """Relative difference of the worse of loss and perplexity, in terms of loss; 0 where nothing is known."""
        return difference(self.reported, self.reference)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a finding: its last evaluation, the worst one, and all of them."""

    finding: FlaggedFinding
    status: str
    explanation: str
    last: Judged | None = None
    worst: Judged | None = None
    calls: tuple[Judged, ...] = ()
    found_at_run_time: bool = False


def finite(number: float | None) -> float | None:
    """JSON has no NaN and no infinity: they are null."""
    return number if number is not None and math.isfinite(number) else None


def difference(reported: Pair, reference: Pair) -> float:
    """Relative difference in loss; a perplexity is compared through its logarithm."""
    if reference.loss is None or not math.isfinite(reference.loss):
        return 0.0
    losses = [] if reported.loss is None else [reported.loss]
    if reported.perplexity is not None and reported.perplexity > 0:
        losses.append(math.log(reported.perplexity))
    scale = max(abs(reference.loss), 1e-12)
    return max((abs(loss - reference.loss) / scale for loss in losses), default=0.0)


def grade(off_by: float) -> str:
    """Confirmed, refuted or negligible, by the size of the difference alone."""
    if off_by > WRONG or math.isnan(off_by):
        return CONFIRMED
    return REFUTED if off_by <= SAME else NEGLIGIBLE
