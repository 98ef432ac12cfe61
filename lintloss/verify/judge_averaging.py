"""Judges LL1xx, LL204, LL5xx: rules whose truth the ledger's sums and counts give, with no look at the logits."""

from __future__ import annotations

import math
from dataclasses import replace

from lintloss.verify.events import Call
from lintloss.verify.formulas import candidates, match, near, truth
from lintloss.verify.ranks import Group, read_group
from lintloss.verify.reported import Reading
from lintloss.verify.verdicts import (
    CONFIRMED,
    NEGLIGIBLE,
    REFUTED,
    UNDECIDED,
    Batch,
    Judged,
    Pair,
    difference,
    grade,
)

CODES = frozenset({"LL101", "LL102", "LL103", "LL104", "LL105", "LL204", "LL501", "LL502"})


def judge(code: str, group: Group) -> Judged:
    """Compare what was reported with the token-weighted mean over all ranks."""
    reading = read_group(group)
    reference = right(reading)
    if not reading.calls[0].form.is_cross_entropy:
        return _judged(UNDECIDED, reading, Pair(), group, _other_criterion(reading.calls))
    if not reading.is_told:
        return _judged(UNDECIDED, reading, reference, group, _unexplained(reading))
    if code == "LL501" and _is_called_bits(reading, group):
        return _called_bits(reading, reference, group)
    status = grade(difference(reading.pair, reference))
    return _judged(status, reading, reference, group, _explain(status, reading, reference))


def _is_called_bits(reading: Reading, group: Group) -> bool:
    """What is flagged is no exponential but a number in nats: then it is what it is called that is wrong."""
    known = candidates(reading.calls)
    flagged = [match(value.number, known) for value in group.first.flagged]
    return bool(flagged) and all(found and not found.is_perplexity and not found.is_bits for found in flagged)


def _called_bits(reading: Reading, reference: Pair, group: Group) -> Judged:
    number = group.first.flagged[-1].number
    said = f"what is called bits is in nats: {number:.6g}; divided by ln 2 it is {number / math.log(2):.6g} bits"
    called = replace(reading, pair=Pair(number * math.log(2)))  # so many nats are the bits that it is said to be
    return _judged(CONFIRMED, called, reference, group, said)


def right(reading: Reading) -> Pair:
    """The token-weighted loss of a reading's calls; nothing where it is not known which targets count."""
    if not reading.knows_what_counts:
        return Pair()
    return Pair.of(truth(reading.calls), math.fsum(call.scored for call in reading.calls))


def _judged(status: str, reading: Reading, reference: Pair, group: Group, explanation: str) -> Judged:
    shown = batches(reading.calls, group)
    return Judged(status, reading.pair, reference, explanation, reading.formula, shown, partial=group.partial)


def batches(calls: tuple[Call, ...], group: Group) -> tuple[Batch, ...]:
    ranks = {evaluation.tape.process.number: evaluation.tape.process.rank for evaluation in group.ranks}
    return tuple(Batch(call.mean_as_called, round(call.scored), ranks.get(call.process)) for call in calls)


def _other_criterion(calls: tuple[Call, ...]) -> str:
    return f"the criterion is {calls[0].form.criterion}: token-weighted cross-entropy does not follow from its values"


def _unexplained(reading: Reading) -> str:
    if reading.unexplained is None:
        return "the criterion ran, and no number computed from it was recorded in the flagged files"
    said = f"the flagged expression is {reading.unexplained:.6g}, which no formula over the recorded losses gives"
    if not reading.knows_what_counts:
        said += ' (with reduction="none", what the program masks of them is not recorded)'
    return said


def _explain(status: str, reading: Reading, reference: Pair) -> str:
    calls = reading.calls
    counts = [round(call.scored) for call in calls]
    spread = f"{min(counts):,} to {max(counts):,} scored tokens in {len(counts):,} batches"
    if status == REFUTED:
        even = min(counts) == max(counts)
        why = f"all {len(counts):,} batches scored {counts[0]:,} tokens" if even else f"({spread}) the weights cancel"
        if not even and reading.loss_formula is not None and reading.loss_formula.exact:
            why = f"it is the token-weighted mean ({spread})"
        return f"the number is right: {why}"
    said = f"reported is the {(reading.formula or '').removeprefix('the ')}"
    effect = _effect(reading.pair, reference)
    form = calls[0].form
    if form.label_smoothing or form.weighted:
        said += f" with {'label smoothing' if form.label_smoothing else 'class weights'} in it"
    elif any(not math.isnan(call.plain_nats) and not near(call.sum_as_called, call.plain_nats) for call in calls):
        said += f" of means that are rounded to {form.dtype.removeprefix('torch.')}"
    tail = ", negligible here" if status == NEGLIGIBLE else ""
    assert status in (CONFIRMED, NEGLIGIBLE)
    return f"{said}; {effect}; {spread}{tail}"


def _effect(reported: Pair, reference: Pair) -> str:
    parts = []
    if reported.loss is not None and reference.loss is not None:
        parts.append(f"loss {reported.loss:.6g} where {reference.loss:.6g} is right")
    if reported.perplexity is not None and reference.perplexity is not None:
        parts.append(f"perplexity {reported.perplexity:.6g} where {reference.perplexity:.6g} is right")
    return ", ".join(parts)
