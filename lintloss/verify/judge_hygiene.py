"""Judges LL401 and LL402: what mode the model was in while it was scored."""

from __future__ import annotations

import math

from lintloss.verify.events import BATCH_NORM, COMPILED, DROPOUT, GRAD, Call
from lintloss.verify.formulas import truth
from lintloss.verify.judge_averaging import batches
from lintloss.verify.ranks import Group, rank_candidates
from lintloss.verify.reported import read
from lintloss.verify.verdicts import CONFIRMED, REFUTED, UNDECIDED, Judged, Pair, difference

CODES = frozenset({"LL401", "LL402"})


def judge(code: str, group: Group) -> Judged:
    reading = read(group.first, rank_candidates(tuple(evaluation.calls for evaluation in group.ranks)))
    calls = group.calls if group.distributed else reading.calls
    judged = _eval_mode(calls, group) if code == "LL401" else _no_grad(calls)
    status, explanation, reference = judged
    if reference is None:
        reference = Pair.of(truth(calls), math.fsum(call.scored for call in calls))
    if status == CONFIRMED and code == "LL401" and reference.loss is not None:
        off = difference(reading.pair, reference)
        explanation += f"; the loss in eval mode is {reference.loss:.6g} ({off:.2%} away)"
    return Judged(
        status, reading.pair, reference, explanation, reading.formula, batches(calls, group), partial=group.partial
    )


def _no_grad(calls: tuple[Call, ...]) -> tuple[str, str, Pair | None]:
    recorded = sum(1 for call in calls if call.flags & GRAD)
    if recorded:
        return (
            CONFIRMED,
            f"gradients were recorded in {recorded:,} of {len(calls):,} calls; the number is not changed",
            None,
        )
    return REFUTED, f"no gradient was recorded in {len(calls):,} calls", None


def _eval_mode(calls: tuple[Call, ...], group: Group) -> tuple[str, str, Pair | None]:
    dropped = sum(1 for call in calls if call.flags & DROPOUT)
    normed = sum(1 for call in calls if call.flags & BATCH_NORM)
    if not dropped and not normed:
        if any(call.flags & COMPILED for call in calls):
            return UNDECIDED, "the model is compiled: dropout inside the graph is not observed", None
        return REFUTED, f"no dropout was active and no batch norm in training mode in {len(calls):,} calls", None
    what = " and ".join(
        text for count, text in ((dropped, "dropout active"), (normed, "batch norm in training mode")) if count
    )
    return CONFIRMED, f"{what} in {max(dropped, normed):,} of {len(calls):,} calls", _in_eval_mode(calls, group)


def _in_eval_mode(calls: tuple[Call, ...], group: Group) -> Pair | None:
    """The loss of the same batches with the model in eval mode, from the probe's second forward."""
    looks = {evaluation.tape.process.number: evaluation.tape.looks for evaluation in group.ranks}
    pairs = []
    for call in calls:
        look = looks.get(call.process, {}).get(call.order)
        if look is None or not isinstance(look.facts.get("eval_nats"), float):
            return None
        pairs.append((float(str(look.facts["eval_nats"])), call.scored))
    scored = math.fsum(count for _, count in pairs)
    return Pair.of(math.fsum(nats for nats, _ in pairs) / scored, scored) if scored else None
