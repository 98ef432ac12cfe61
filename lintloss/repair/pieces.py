"""Stage: an average -> whether its scope holds the pieces that a fix needs, by the facts alone: LibCST stays unloaded."""

from __future__ import annotations

from lintloss.facts.observations import Averaging
from lintloss.facts.values import Scoring

CRITERIA = {"cross_entropy", "nll_loss", "CrossEntropyLoss", "NLLLoss"}  # torch's


def is_scored_in(scoring: Scoring | None, path: str, rows: tuple[int, int]) -> bool:
    """Say whether the criterion call of a scoring is written in these rows of a file, and is torch's, plainly used."""
    if scoring is None or scoring.place is None or scoring.site is None or scoring.called not in CRITERIA:
        return False
    if scoring.presumed or scoring.weight is not None or scoring.extra or scoring.scaled:
        return False
    inside = rows[0] <= scoring.site.span.row <= rows[1]
    return inside and scoring.site.path == path and scoring.site.span == scoring.place.span


def are_here(seen: Averaging, *, reduction: str = "") -> bool:
    """Say whether an average's criterion is called in its scope, on labels that can be counted there.

    Args:
        reduction: what the criterion must do, where the fix is for that alone.
    """
    scoring = seen.before.scoring
    if scoring is None or scoring.masked or (reduction and scoring.reduction != reduction):
        return False
    return is_scored_in(scoring, seen.path, seen.scope_rows)
