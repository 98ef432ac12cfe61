"""Judges LL401 and LL402: what mode the model was in while it was scored."""

from __future__ import annotations

import math

from lintloss.verify.events import BATCH_NORM, COMPILED, DROPOUT, GRAD, Call
from lintloss.verify.judge_averaging import batches, right
from lintloss.verify.ranks import Group, read_group
from lintloss.verify.reported import Reading
from lintloss.verify.verdicts import CONFIRMED, REFUTED, UNDECIDED, Judged, Pair, difference

CODES = frozenset({"LL401", "LL402"})


def judge(code: str, group: Group) -> Judged:
    reading = read_group(group)
    calls = reading.calls
    status, explanation, reference = (_eval_mode if code == "LL401" else _no_grad)(reading, group)
    return Judged(
        status, reading.pair, reference, explanation, reading.formula, batches(calls, group), partial=group.partial
    )


def _no_grad(reading: Reading, group: Group) -> tuple[str, str, Pair]:
    calls = reading.calls
    recorded = sum(1 for call in calls if call.flags & GRAD)
    if recorded:
        said = f"gradients were recorded in {recorded:,} of {len(calls):,} calls; the number is not changed"
        return CONFIRMED, said, right(reading)
    return REFUTED, f"no gradient was recorded in {len(calls):,} calls", right(reading)


def _eval_mode(reading: Reading, group: Group) -> tuple[str, str, Pair]:
    calls = reading.calls
    dropped = sum(1 for call in calls if call.flags & DROPOUT)
    normed = sum(1 for call in calls if call.flags & BATCH_NORM)
    if not dropped and not normed:
        if any(call.flags & COMPILED for call in calls):
            return UNDECIDED, "the model is compiled: dropout inside the graph is not observed", right(reading)
        said = f"no dropout was active and no batch norm in training mode in {len(calls):,} calls"
        return REFUTED, said, right(reading)
    what = " and ".join(
        text for count, text in ((dropped, "dropout active"), (normed, "batch norm in training mode")) if count
    )
    said = f"{what} in {max(dropped, normed):,} of {len(calls):,} calls"
    reference = Pair() if reading.unpadded else _in_eval_mode(calls, group)
    if reference.loss is None:
        return CONFIRMED, f"{said}; the loss in eval mode is not known: not every call could be repeated", reference
    said += f"; the loss in eval mode is {reference.loss:.6g}"
    off = difference(reading.pair, reference)
    return CONFIRMED, said + (f" ({off:.2%} away)" if reading.is_told else ""), reference


def _in_eval_mode(calls: tuple[Call, ...], group: Group) -> Pair:
    """The loss of the same batches with the model in eval mode, from the probe's second forward of each."""
    looks = {evaluation.tape.process.number: evaluation.tape.looks for evaluation in group.ranks}
    pairs = []
    for call in calls:
        look = looks.get(call.process, {}).get(call.order)
        if look is None or not isinstance(look.facts.get("eval_nats"), float):
            return Pair()
        pairs.append((float(str(look.facts["eval_nats"])), call.scored))
    scored = math.fsum(count for _, count in pairs)
    return Pair.of(math.fsum(nats for nats, _ in pairs) / scored, scored) if scored else Pair()
