"""What is wrong with a comparison of predictions and targets: the doors for the rules of 2xx and 3xx."""

from __future__ import annotations

from lintloss.facts.alignment import Alignment
from lintloss.facts.observations import Compared, Observation


def in_evaluation(seen: Compared) -> bool:
    """Say whether a comparison may belong to an evaluation: no loop around it trains."""
    return seen.setting.phase != "training" and not any(loop.trains for loop in seen.loops)


def misaligned(seen: Observation, kind: str) -> Alignment | None:
    """Return how labels and logits fail to align, where they do so in this way."""
    if not isinstance(seen, Compared) or seen.alignment is None or not in_evaluation(seen):
        return None
    scoring = seen.scoring
    comparable = scoring.is_cross_entropy or scoring.criterion in {"gather", "index", "metric"}
    return seen.alignment if comparable and seen.alignment.kind == kind else None
