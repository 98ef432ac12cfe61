"""Stage: tapes -> findings that only the run could make: what static analysis was not asked about, or could not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lintloss.findings import Span
from lintloss.verify import judge_averaging, judge_hygiene, judge_logits, wording
from lintloss.verify.close_looks import Looked, looked, offset, offsets
from lintloss.verify.evaluations import Evaluation, by_runs
from lintloss.verify.events import DROPOUT, GRAD, Form, Frame, Tape
from lintloss.verify.flagged import FlaggedFinding, Place
from lintloss.verify.judge import settle
from lintloss.verify.ranks import OVER_RANKS, Group, gather, read_group
from lintloss.verify.verdicts import CONFIRMED, NEGLIGIBLE, UNDECIDED, WRONG, Judged, Pair, Verdict, difference

NAMES = {
    "LL101": "batch-averaged-loss", "LL102": "wrong-normalizer", "LL103": "unscored-token-count",
    "LL104": "averaged-perplexity", "LL105": "rank-averaged-loss",
    "LL201": "non-cross-entropy-criterion", "LL202": "softmax-before-cross-entropy", "LL203": "nll-on-logits",
    "LL301": "missing-label-shift", "LL302": "double-label-shift", "LL304": "scored-padding",
    "LL204": "regularized-eval-loss", "LL501": "wrong-base", "LL306": "future-token-leak", "LL401": "missing-eval-mode",
}  # fmt: skip


def found(tapes: tuple[Tape, ...], judged: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """Findings at sites that no finding of the same code has judged; all evaluations of a site are one finding."""
    known = {(verdict.finding.code, verdict.finding.place.path) for verdict in judged}
    numbers = [
        call.reported for verdict in judged if verdict.status in (CONFIRMED, NEGLIGIBLE) for call in verdict.calls
    ]
    claims: dict[tuple[str, Frame], list[Judged]] = {}
    for group in groups(tapes):
        for code, outcome in _claims(group):
            frame = _place(group.first)
            judged_already = code in judge_averaging.CODES or outcome.status == UNDECIDED
            if judged_already and outcome.reported in numbers:
                continue  # this very number has been judged, under whatever code
            taken = any((code, step.path) in known for step in group.first.calls[0].site.frames)
            if frame is not None and not taken:
                claims.setdefault((code, frame), []).append(outcome)
    return tuple(
        _verdict(code, frame, tuple(outcomes), len(judged) + number)
        for number, ((code, frame), outcomes) in enumerate(claims.items())
    )


def groups(tapes: tuple[Tape, ...]) -> Iterator[Group]:
    """The ranks of a job side by side where they called from the same lines, else each by itself."""
    for group in gather([by_runs(tape) for tape in tapes]):
        if len({evaluation.calls[0].site.frames for evaluation in group.ranks}) == 1:
            yield group
        else:
            yield from (Group((evaluation,)) for evaluation in group.ranks)


def _place(evaluation: Evaluation) -> Frame | None:
    return next(iter(evaluation.calls[0].site.frames), None)


def _verdict(code: str, frame: Frame, claims: tuple[Judged, ...], number: int) -> Verdict:
    path = wording.shown_path(frame.path)
    span = Span(frame.row, 1, frame.row, 1)
    raw: dict[str, object] = {
        "filename": path, "code": code, "name": NAMES.get(code, ""), "message": claims[0].explanation,
        "severity": "error", "confidence": "high", "location": {"row": frame.row, "column": 1},
        "end_location": {"row": frame.row, "column": 1}, "cell": None, "url": None, "fix": None, "evidence": [],
    }  # fmt: skip
    finding = FlaggedFinding(number, code, NAMES.get(code, ""), "", Place(frame.path, span), path, raw=raw)
    return replace(settle(finding, claims), found_at_run_time=True)


def _claims(group: Group) -> Iterator[tuple[str, Judged]]:
    evaluation = group.first
    calls = evaluation.calls
    items = looked(group.calls, group)
    yield from _averaging(group)
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
        padding = judge_logits.judge("LL304", group)
        if padding.status == CONFIRMED:
            yield "LL304", padding
    yield from _shifts(evaluation, items, group)


def _one_hot(evaluation: Evaluation, group: Group) -> Iterator[tuple[str, Judged]]:
    """Classification with one-hot targets is common; an embedding as wide as the classes makes it token prediction."""
    if evaluation.calls[0].length > 1:
        yield "LL201", judge_logits.judge("LL201", group)


def _averaging(group: Group) -> Iterator[tuple[str, Judged]]:
    """A recorded number that is one of the wrong averages of these calls, and differs from the right one."""
    reading = read_group(group)
    if reading.formula is None or not reading.formula.endswith(OVER_RANKS):
        group = Group((group.first,))  # a rank's own number is no claim about all of them
        reading = read_group(group)
    form = reading.calls[0].form
    if len(group.calls) < 2 or not form.is_cross_entropy or reading.formula is None or reading.is_a_step:
        return
    if difference(reading.pair, judge_averaging.right(reading)) <= WRONG:
        return
    code = _code(reading.formula, form)
    yield code, judge_averaging.judge(code, group)


def _code(formula: str, form: Form) -> str:
    """The rule that describes this formula."""
    if form.label_smoothing or form.weighted:
        return "LL204"
    if "perplexities" in formula:
        return "LL104"
    if formula.startswith("2 to the power") or formula.endswith("in bits"):
        return "LL501"
    plain = formula.removeprefix("exp of ").removesuffix(" over all ranks")
    if plain.endswith("counted)") or "(scored tokens + " in plain:
        return "LL103"
    if plain == "mean over ranks of token means":
        return "LL105"
    return "LL101" if plain in ("mean of batch means", "mean over ranks of batch means") else "LL102"


def _shifts(evaluation: Evaluation, items: tuple[Looked, ...], group: Group) -> Iterator[tuple[str, Judged]]:
    leaks = [item for item in items if item.facts.get("leaks") is True or item.facts.get("reads_labels") is True]
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
    reading = read_group(Group((evaluation,)))
    if item.facts.get("leaks") is True:
        changed, moved = "token moves earlier", item.number("early_logits_moved")
    else:
        changed, moved = "label moves", item.number("label_moved")
    reason = f"changing the last {changed} logits by up to {moved:.3g}: the model sees the tokens it is to predict"
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
