"""Stage: tapes -> findings that only the run could make: what static analysis was not asked about, or could not see."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

from lintloss.findings import Span
from lintloss.verify import judge_averaging, judge_hygiene, judge_logits
from lintloss.verify.close_looks import Looked, looked, offset, offsets
from lintloss.verify.evaluations import Evaluation, by_runs
from lintloss.verify.events import DROPOUT, GRAD, Form, Frame, Tape
from lintloss.verify.flagged import FlaggedFinding, Place
from lintloss.verify.formulas import truth
from lintloss.verify.ranks import Group
from lintloss.verify.reported import Reading, read
from lintloss.verify.verdicts import CONFIRMED, NEGLIGIBLE, UNDECIDED, Judged, Pair, Verdict, difference

NAMES = {
    "LL101": "batch-averaged-loss", "LL102": "wrong-normalizer", "LL103": "unscored-token-count",
    "LL104": "averaged-perplexity",
    "LL201": "non-cross-entropy-criterion", "LL202": "softmax-before-cross-entropy", "LL203": "nll-on-logits",
    "LL301": "missing-label-shift", "LL302": "double-label-shift", "LL304": "scored-padding",
    "LL204": "regularized-eval-loss", "LL501": "wrong-base", "LL306": "future-token-leak", "LL401": "missing-eval-mode",
}  # fmt: skip


def found(tapes: tuple[Tape, ...], judged: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """Findings at sites that no finding of the same code has judged; a site's first evaluation stands for all."""
    known = {(verdict.finding.code, verdict.finding.place.path) for verdict in judged}
    numbers = [
        call.reported for verdict in judged if verdict.status in (CONFIRMED, NEGLIGIBLE) for call in verdict.calls
    ]
    result: dict[tuple[str, Frame], Verdict] = {}
    for tape in tapes:
        for evaluation in by_runs(tape):
            for code, outcome in _claims(evaluation):
                frame = _place(evaluation)
                judged_already = code in judge_averaging.CODES or outcome.status == UNDECIDED
                if judged_already and outcome.reported in numbers:
                    continue  # this very number has been judged, under whatever code
                taken = any((code, step.path) in known for step in evaluation.calls[0].site.frames)
                if frame is not None and not taken:
                    result.setdefault((code, frame), _verdict(code, frame, outcome, len(judged) + len(result)))
    return tuple(result.values())


def _place(evaluation: Evaluation) -> Frame | None:
    return next(iter(evaluation.calls[0].site.frames), None)


def _verdict(code: str, frame: Frame, judged: Judged, number: int) -> Verdict:
    path = os.path.relpath(frame.path) if frame.path.startswith(os.getcwd() + os.sep) else frame.path
    span = Span(frame.row, 1, frame.row, 1)
    raw: dict[str, object] = {
        "filename": path, "code": code, "name": NAMES.get(code, ""), "message": judged.explanation,
        "severity": "error", "confidence": "high", "location": {"row": frame.row, "column": 1},
        "end_location": {"row": frame.row, "column": 1}, "cell": None, "url": None, "fix": None, "evidence": [],
    }  # fmt: skip
    finding = FlaggedFinding(number, code, NAMES.get(code, ""), "", Place(frame.path, span), path, raw=raw)
    return Verdict(finding, judged.status, judged.explanation, judged, judged, (judged,), found_at_run_time=True)


def _claims(evaluation: Evaluation) -> Iterator[tuple[str, Judged]]:
    group = Group((evaluation,))
    calls = evaluation.calls
    items = looked(calls, group)
    yield from _averaging(evaluation)
    if calls and all(call.flags & DROPOUT and not call.flags & GRAD for call in calls):
        yield "LL401", judge_hygiene.judge("LL401", group)
    if not items:
        return
    if any(item.facts.get("probabilities") is True for item in items) and calls[0].form.is_cross_entropy:
        code = "LL203" if calls[0].form.criterion == "nll_loss" else "LL202"
        yield code, judge_logits.judge(code, group)
    elif any(item.facts.get("log_probabilities") is False for item in items):
        yield "LL203", judge_logits.judge("LL203", group)
    if any(item.facts.get("one_hot") is True for item in items) and not calls[0].form.is_cross_entropy:
        yield from _one_hot(evaluation, group)
    if any((item.number("pad_scored") or 0) > 0 for item in items):
        yield "LL304", judge_logits.judge("LL304", group)
    yield from _shifts(evaluation, items, group)


def _one_hot(evaluation: Evaluation, group: Group) -> Iterator[tuple[str, Judged]]:
    """Classification with one-hot targets is common; an embedding as wide as the classes makes it token prediction."""
    if evaluation.calls[0].length > 1:
        yield "LL201", judge_logits.judge("LL201", group)


def _averaging(evaluation: Evaluation) -> Iterator[tuple[str, Judged]]:
    """A recorded number that is one of the wrong averages of these calls, and differs from the right one."""
    calls = evaluation.calls
    if len(calls) < 2 or not calls[0].form.is_cross_entropy:
        return
    reading = read(evaluation)
    reference = Pair.of(truth(reading.calls), math.fsum(call.scored for call in reading.calls))
    if reading.formula is None or difference(reading.pair, reference) <= 1e-3 or _is_a_step(reading):
        return
    code = _code(reading.formula, calls[0].form)
    yield code, judge_averaging.judge(code, Group((evaluation,)))


def _code(formula: str, form: Form) -> str:
    """The rule that describes this formula."""
    if form.label_smoothing or form.weighted:
        return "LL204"
    if "perplexities" in formula:
        return "LL104"
    if formula.startswith("2 to the power") or formula.endswith("in bits"):
        return "LL501"
    if formula.endswith("counted)"):
        return "LL103"
    return "LL101" if formula.removeprefix("exp of ") == "mean of batch means" else "LL102"


def _is_a_step(reading: Reading) -> bool:
    """Sums and single batches are printed on the way to the right number: no report by themselves."""
    return reading.formula in ("sum of nats", "sum of batch means", "the last batch's mean", "the first batch's mean")


def _shifts(evaluation: Evaluation, items: tuple[Looked, ...], group: Group) -> Iterator[tuple[str, Judged]]:
    leaks = [item for item in items if item.facts.get("leaks") is True]
    causal = any(item.facts.get("leaks") is False for item in items)
    if leaks:
        yield "LL306", _leak(evaluation, leaks[0])
    told = tuple(item for item in items if item.facts.get("certain") is True)
    where = offset(told) if told and len(told) == len(items) else None
    if where == 0 and not leaks:
        judged = judge_logits.judge("LL301", group)
        # Autoencoders are scored at offset 0 by design: only a causal model is known to be wrong there.
        yield "LL301", judged if causal else _unsure(judged)
    elif where is not None and where >= 2:
        yield "LL302", judge_logits.judge("LL302", group)


def _leak(evaluation: Evaluation, item: Looked) -> Judged:
    moved = item.number("early_logits_moved") or 0.0
    reading = read(evaluation)
    reason = (
        f"changing the last token moves earlier logits by up to {moved:.3g}: the model sees the tokens it is to predict"
    )
    return Judged(CONFIRMED, reading.pair, Pair(), reason, reading.formula, offsets=offsets((item,)))


def _unsure(judged: Judged) -> Judged:
    reason = f"{judged.explanation}; right for an autoencoder, wrong for a causal model: --causality tells which"
    return Judged(
        UNDECIDED,
        judged.reported,
        judged.reference,
        reason,
        judged.formula,
        judged.batches,
        judged.offsets,
        judged.partial,
    )
