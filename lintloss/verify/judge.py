"""Stage: tapes and findings -> a verdict on each: what was reported, what was true, and why."""

from __future__ import annotations

from dataclasses import dataclass

from lintloss.verify import (
    judge_averaging,
    judge_data,
    judge_dead,
    judge_hygiene,
    judge_logits,
    judge_training,
)
from lintloss.verify.evaluations import Evaluation, by_runs, by_scope
from lintloss.verify.events import Tape
from lintloss.verify.flagged import FlaggedFinding
from lintloss.verify.gaps import gaps, missing_ranks
from lintloss.verify.ranks import Group, gather
from lintloss.verify.verdicts import CONFIRMED, NEGLIGIBLE, NOT_REACHED, REFUTED, UNDECIDED, Judged, Verdict

# Rules about what runs beside the flagged expression find their evaluations themselves.
BY_TAPES = {code: module.judge for module in (judge_data, judge_training) for code in module.CODES}
JUDGED = judge_averaging.CODES | judge_hygiene.CODES | judge_dead.CODES | frozenset(judge_logits.CODES)


@dataclass(frozen=True, slots=True)
class Run:
    """A finished (or broken) run: its tapes and how the program ended."""

    tapes: tuple[Tape, ...]
    failed: bool = False

    @property
    def partial(self) -> bool:
        ended = all(tape.process.complete for tape in self.tapes)
        return self.failed or not ended or any(missing_ranks(self.tapes))


def judge(findings: tuple[FlaggedFinding, ...], run: Run) -> tuple[Verdict, ...]:
    return tuple(_judge_one(finding, run) for finding in findings)


def _judge_one(finding: FlaggedFinding, run: Run) -> Verdict:
    if finding.code in BY_TAPES:
        found = BY_TAPES[finding.code](finding, run.tapes)
        return settle(finding, found) if found else Verdict(finding, *_unseen(finding, run))
    if finding.code not in JUDGED:
        return Verdict(finding, UNDECIDED, f"running the program does not decide {finding.code}")
    groups = _groups(finding, run.tapes)
    if not groups:
        return Verdict(finding, *_unseen(finding, run))
    calls = tuple(_judge_group(finding, group) for group in groups)
    return settle(finding, calls)


def _judge_group(finding: FlaggedFinding, group: Group) -> Judged:
    if finding.code in judge_logits.CODES:
        return judge_logits.judge(finding.code, group)
    if finding.code in judge_dead.CODES:
        return judge_dead.judge(finding.code, group)
    if finding.code in judge_hygiene.CODES:
        return judge_hygiene.judge(finding.code, group)
    return judge_averaging.judge(finding.code, group)


def settle(finding: FlaggedFinding, calls: tuple[Judged, ...]) -> Verdict:
    """One status from several evaluations: the gravest; the numbers shown are the last and the worst."""
    order = (CONFIRMED, NEGLIGIBLE, REFUTED, UNDECIDED)
    status = min((call.status for call in calls), key=order.index)
    telling = [call for call in calls if call.status == status]
    worst = max(telling, key=lambda call: call.off_by)
    explanation = worst.explanation
    if len(calls) > 1:
        explanation += f" (the worst of {len(calls)} evaluations)"
    return Verdict(finding, status, explanation, last=calls[-1], worst=worst, calls=calls)


def _groups(finding: FlaggedFinding, tapes: tuple[Tape, ...]) -> tuple[Group, ...]:
    by_tape: list[tuple[Evaluation, ...]] = []
    for tape in tapes:
        links = [link for link in tape.links if link.finding == finding.number]
        own = [link for link in links if link.role == "flagged"] or (links if _is_unplaced(finding, tape) else [])
        if not own:
            continue
        sites = frozenset(link.value for link in own)
        found = by_scope(tape, own[0].scope, sites)
        if not found or (_is_called_per_batch(found) and len(found) > 1):
            found = _through(own[0].scope, sites, tape) or found
        by_tape.append(found)
    return gather(by_tape)


def _is_unplaced(finding: FlaggedFinding, tape: Tape) -> bool:
    """The flagged file ran, and its span is no expression: then the lines of the evidence stand for it.

    Where it did not run at all they do not: another program may share a model or a dataset with it.
    """
    return any(note["kind"] == "unplaced" and note["finding"] == finding.number for note in tape.notes)


def _is_called_per_batch(found: tuple[Evaluation, ...]) -> bool:
    """The flagged function computes one batch's loss: the evaluation is its caller's loop."""
    return all(len(evaluation.calls) == 1 for evaluation in found)


def _through(scope: int, sites: frozenset[int], tape: Tape) -> tuple[Evaluation, ...]:
    """Runs of calls that passed through the flagged function."""
    place = tape.scopes[scope]
    kept = [run for run in by_runs(tape) if any(place.holds(frame) for frame in run.calls[0].site.frames)]
    return tuple(
        Evaluation(tape, run.calls, tuple(value for value in run.values if value.site in sites), run.values)
        for run in kept
    )


def _unseen(finding: FlaggedFinding, run: Run) -> tuple[str, str]:
    if run.failed:
        return UNDECIDED, "the program ended before the flagged code was judged"
    links = [(tape, link) for tape in run.tapes for link in tape.links if link.finding == finding.number]
    linked = [(tape, link) for tape, link in links if link.role == "flagged"]
    if any(mark.site == link.scope for tape, link in linked for mark in tape.enters):
        return UNDECIDED, f"the flagged code ran, and no criterion that can be recorded was called in it{_missed(run)}"
    if not any(tape.calls for tape in run.tapes):
        return NOT_REACHED if linked or run.tapes else UNDECIDED, _nothing_recorded(run)
    if not linked:
        return NOT_REACHED, f"{finding.shown_path} was not imported or run by the command"
    return NOT_REACHED, "the flagged code did not run"


def _missed(run: Run) -> str:
    """The losses that were called and are not recorded, behind a sentence that says that none was."""
    missed = [str(gap) for gap in gaps(run.tapes)]
    return f" ({'; '.join(missed)})" if missed else " (a kernel, or arithmetic of its own?)"


def _nothing_recorded(run: Run) -> str:
    if not run.tapes:
        return (
            "no Python process of the command wrote a ledger (python -I or -S, or a launcher that clears PYTHONPATH?)"
        )
    if not any(tape.process.torch for tape in run.tapes):
        return "torch was never imported by the command"
    return f"no criterion of torch.nn.functional was called{_missed(run)}"
