"""How verdicts read, in every format alike: labels, numbers, one line of summary."""

from __future__ import annotations

import math
import os

from lintloss.verify.events import Frame
from lintloss.verify.verdicts import CONFIRMED, NEGLIGIBLE, NOT_REACHED, REFUTED, UNDECIDED, Pair, Verdict

LABELS = {
    CONFIRMED: "confirmed",
    NEGLIGIBLE: "confirmed as negligible",
    REFUTED: "refuted",
    NOT_REACHED: "not reached",
    UNDECIDED: "undecided",
}
MOST = 12  # evaluations that are told one by one


def number(value: float | None) -> str:
    """Six significant digits; a dash for what the program never computed."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.6g}" if 1e-4 <= abs(value) < 1e6 else f"{value:.5g}"


def tokens(pair: Pair) -> str:
    return tokens_of(pair.scored_tokens)


def tokens_of(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"


def place(verdict: Verdict) -> str:
    """Where the finding is: path:line, or where the ledger saw it."""
    return f"{verdict.finding.shown_path}:{verdict.finding.place.span.row}"


def line(frame: Frame | None) -> str:
    """A line of the user's, as an editor opens it."""
    return "?" if frame is None else f"{shown_path(frame.path)}:{frame.row}"


def shown_path(path: str) -> str:
    """Relative below the working directory, as it is elsewhere."""
    return os.path.relpath(path) if path.startswith(os.getcwd() + os.sep) else path


def shown(verdict: Verdict) -> tuple[Pair, Pair]:
    """Reported and reference pair of the worst evaluation."""
    if verdict.worst is None:
        return Pair(), Pair()
    return verdict.worst.reported, verdict.worst.reference


def evidence(verdict: Verdict) -> list[str]:
    """The chain that static analysis gave, one link a line."""
    return [
        f"{os.path.relpath(place.path)}:{place.span.row}: {place.message}"
        for place in verdict.finding.evidence
        if place.message
    ]


def title(verdict: Verdict) -> str:
    """Code and name; found by the ledger alone is said."""
    name = f" {verdict.finding.name}" if verdict.finding.name else ""
    return f"{verdict.finding.code}{name}" + (" (found at run time)" if verdict.found_at_run_time else "")


def summary(verdicts: tuple[Verdict, ...]) -> str:
    counts = {label: sum(1 for verdict in verdicts if verdict.status == status) for status, label in LABELS.items()}
    said = ", ".join(f"{count} {label}" for label, count in counts.items() if count)
    return said or "no findings to judge"


def tried(run: dict[str, object]) -> dict[str, list[str]]:
    """Experiments: what each can see and what it cost, once; under it a line a place: passed, failed or not tried, and why."""
    done = run.get("experiments")
    lines: dict[str, list[str]] = {}
    for one in done if isinstance(done, list) else []:
        told = lines.setdefault(f"{one['experiment']}: {one['limits']}; cost: {one['cost']}", [])
        outcome = "not tried" if one["passed"] is None else "passed" if one["passed"] else "FAILED"
        told.append(f"{outcome} at {one['place']}: {one['explanation']}")
    return lines


def unseen_lines(run: dict[str, object]) -> list[str]:
    """What may be a loss and was not recorded, one a line."""
    missed = run.get("unseen")
    if not run["criterion_calls"] and not missed:
        return ["not seen: any loss; no criterion of torch.nn.functional was called (arithmetic of its own?)"]
    return [
        f"not seen: {one['what']}{'' if one['place'] is None else ' at ' + one['place']}: {one['reason']}"
        for one in (missed if isinstance(missed, list) else [])
    ]


def unjudged_lines(run: dict[str, object]) -> list[str]:
    """Evaluations that no finding is about, one a line: what was scored, and whether the report is known."""
    known = run.get("unjudged")
    told = known if isinstance(known, list) else []
    lines = []
    for one in told[:MOST]:
        truth = f"loss {number(one['loss'])}, perplexity {number(one['perplexity'])} over {tokens_of(one['scored_tokens'])} tokens"
        if one["scored_tokens"] is None:
            truth = 'losses are handed out one a target (reduction="none"), and what is masked of them is not known'
        lines.append(f"scored at {one['place']}, {one['batches']:,} calls in a row: {truth}; {one['said']}")
    return [*lines, *([f"and {len(told) - MOST:,} evaluations more"] if len(told) > MOST else [])]


def run_line(run: dict[str, object]) -> str:
    """What was run, in one line: calls seen, device, cost, completeness."""
    ranks = f", {run['ranks']} ranks" if run["ranks"] != 1 else ""
    partial = ", partial" if run["partial"] else ""
    cost = 1000 * float(str(run["overhead_seconds"]))
    seconds = float(str(run["seconds"]))
    return (
        f"{run['criterion_calls']} criterion calls on {run['device'] or 'no device'}{ranks}{partial}; "
        f"recorder {cost:.0f} ms of {seconds:.1f} s; program exit code {run['exit_code']}"
    )
