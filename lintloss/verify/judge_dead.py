"""Judges LL503: a value was computed and never used, or another's number is reported: what the run says of the report."""

from __future__ import annotations

import math

from lintloss.verify import judge_averaging, judge_logits
from lintloss.verify.close_looks import looked
from lintloss.verify.events import Call
from lintloss.verify.formulas import candidates, match, truth
from lintloss.verify.judge_averaging import batches
from lintloss.verify.ranks import Group, read_group
from lintloss.verify.verdicts import CONFIRMED, REFUTED, UNDECIDED, Judged, Pair, difference

CODES = frozenset({"LL503"})


def judge(code: str, group: Group) -> Judged:
    """The shift where it tells, then the number: the evaluation's own, or one of training."""
    shift = judge_logits.judge("LL301", group) if looked(group.calls, group) else None
    if shift is not None and shift.status == CONFIRMED:
        return shift
    averaged = judge_averaging.judge(code, group)
    return averaged if averaged.status != UNDECIDED else _of_training(group, averaged)


def _of_training(group: Group, judged: Judged) -> Judged:
    """No formula over the evaluation's losses gives the number: is it made of training's?"""
    evaluation = group.first
    start = evaluation.calls[0].order
    trained = [call for call in evaluation.tape.calls if call.trained and call.order < evaluation.calls[-1].order]
    reading = read_group(group)
    if not trained or reading.unexplained is None:
        return judged
    name = _name(reading.unexplained, [call for call in trained if call.order < start] or trained)
    if name is None:
        return judged
    reference = Pair.of(truth(evaluation.calls), math.fsum(call.scored for call in evaluation.calls))
    reported = Pair(reading.unexplained)
    status = CONFIRMED if difference(reported, reference) > 0 else REFUTED
    said = f"the number is {name}, {reading.unexplained:.6g}; the evaluation's is {reference.loss:.6g}"
    return Judged(status, reported, reference, said, name, batches(evaluation.calls, group), partial=group.partial)


def _name(number: float, trained: list[Call]) -> str | None:
    last = trained[-1]
    if match(number, candidates((last,))) is not None:
        return "the last training batch's loss"
    found = match(number, candidates(tuple(call for call in trained if call.site == last.site)))
    return None if found is None else f"the {found.formula} of training"
