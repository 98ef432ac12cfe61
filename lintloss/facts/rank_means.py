"""What a mean over ranks is: a mean of the ranks' means, or something that one may average.

The door for the rule about ranks; what happens to values in a reduction is told in `distributed`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lintloss.facts.averages import ITEMS, confidence_in, in_evaluation, scores_tokens
from lintloss.facts.equality import proven_equal, proven_unequal, rows_of_one_length
from lintloss.facts.observations import Averaging
from lintloss.facts.values import Quantity
from lintloss.findings import Confidence, Evidence


@dataclass(frozen=True, slots=True)
class RankMean:
    """Means of single ranks, averaged alike."""

    scores_tokens: bool
    equal: tuple[Evidence, ...]
    unequal: tuple[Evidence, ...]
    confidence: Confidence
    evidence: tuple[Evidence, ...]


def rank_mean_of(seen: Averaging) -> RankMean | None:
    """Read an averaging over ranks; None where it is training, none over ranks, or of another unit."""
    before, after = seen.before, seen.after
    if not in_evaluation(seen) or not isinstance(after, Quantity) or not after.is_loss:
        return None
    if "rank" not in after.weights or before.unit.power("rank") < 1 or after.unit.power("rank"):
        return None
    if not any(after.unit.power(name) < 0 for name in ITEMS):
        return None
    return RankMean(
        scores_tokens=scores_tokens(seen, after) or bool(after.unit.power("position")),
        equal=proven_equal(before) or rows_of_one_length(before, after),
        unequal=proven_unequal(_in_its_loop(before)),
        confidence=confidence_in(after),
        evidence=after.trace,
    )


def _in_its_loop(loss: Quantity) -> Quantity:
    """Return a mean that is reduced batch by batch as one of the loop that it is computed in: ranks differ as batches do."""
    loop = loss.scoring.loop if loss.scoring is not None else None
    return replace(loss, loops=(loop,)) if loop is not None and not loss.loops else loss
