"""Judges LL106: do the micro-batches whose mean losses are accumulated score the same number of tokens?"""

from __future__ import annotations

from lintloss.verify.events import Scope, Tape
from lintloss.verify.flagged import FlaggedFinding
from lintloss.verify.verdicts import CONFIRMED, REFUTED, UNDECIDED, Batch, Judged, Pair

CODES = frozenset({"LL106"})


def judge(finding: FlaggedFinding, tapes: tuple[Tape, ...]) -> tuple[Judged, ...]:
    return tuple(judged for tape in tapes if (judged := _judge(finding, tape)) is not None)


def _judge(finding: FlaggedFinding, tape: Tape) -> Judged | None:
    scopes: list[Scope] = [tape.scopes[link.scope] for link in tape.links if link.finding == finding.number]
    calls = [
        call
        for call in tape.calls
        if call.trained and any(scope.holds(frame) for scope in scopes for frame in call.site.frames)
    ]
    if not calls:
        return None
    counts = [round(call.scored) for call in calls]
    shown = tuple(Batch(call.mean_as_called, round(call.scored)) for call in calls)
    spread = f"{min(counts):,} to {max(counts):,} tokens in {len(counts):,} micro-batches"
    if any(call.form.reduction != "mean" for call in calls):
        status, said = UNDECIDED, f"the criterion does not average ({spread})"
    elif min(counts) == max(counts):
        status, said = REFUTED, f"every micro-batch scores {counts[0]:,} tokens: their mean is the token mean"
    else:
        status, said = CONFIRMED, f"micro-batches of unequal weight are averaged: {spread}"
    return Judged(status, Pair(), Pair(), said, batches=shown, partial=not tape.process.complete)
