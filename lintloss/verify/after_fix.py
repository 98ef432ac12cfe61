"""Stage: the fixes that findings propose -> texts with them applied, and what the program reports when run with those.

Nothing on disk is changed: the fixed text is compiled in place of the file's own when the command is run again.
"""

from __future__ import annotations

import os
from pathlib import Path

from lintloss.verify.evaluations import Evaluation, by_runs
from lintloss.verify.events import Tape
from lintloss.verify.experiments import Experiment
from lintloss.verify.flagged import FlaggedFinding
from lintloss.verify.judge_averaging import right
from lintloss.verify.ranks import Group, read_group
from lintloss.verify.verdicts import SAME, Pair, difference

Edit = tuple[tuple[int, int], tuple[int, int], str]


def overlays(findings: tuple[FlaggedFinding, ...]) -> dict[str, str]:
    """Texts of the files that have fixes, with all of them applied that do not overlap an earlier one."""
    edits: dict[str, list[Edit]] = {}
    for finding in findings:
        edits.setdefault(finding.place.path, []).extend(_edits(finding))
    return {path: apply(Path(path).read_text(encoding="utf-8"), found) for path, found in edits.items() if found}


def _edits(finding: FlaggedFinding) -> list[Edit]:
    fix = finding.raw.get("fix")
    items = fix.get("edits") if isinstance(fix, dict) else None
    return [
        (_point(item["location"]), _point(item["end_location"]), str(item["content"]))
        for item in (items if isinstance(items, list) else [])
    ]


def _point(place: dict[str, int]) -> tuple[int, int]:
    return int(place["row"]), int(place["column"])


def apply(text: str, edits: list[Edit]) -> str:
    """Apply edits (1-based rows and columns in code points, ends exclusive) from the last to the first."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def offset(point: tuple[int, int]) -> int:
        row, column = point
        return starts[min(row, len(starts)) - 1] + column - 1

    barrier = len(text) + 1
    for start, end, content in sorted(set(edits), reverse=True):
        first, last = offset(start), offset(end)
        if last > barrier:
            continue  # overlaps the edit behind it
        text, barrier = text[:first] + content + text[last:], first
    return text


def outcomes(findings: tuple[FlaggedFinding, ...], tapes: tuple[Tape, ...]) -> tuple[Experiment, ...]:
    """Per fixed finding: does the number that is reported now equal the token-weighted one?"""
    return tuple(_outcome(finding, tapes) for finding in findings if _edits(finding))


def _outcome(finding: FlaggedFinding, tapes: tuple[Tape, ...]) -> Experiment:
    place = f"{finding.shown_path}:{finding.place.span.row}"
    found = [evaluation for tape in tapes for evaluation in by_runs(tape) if _passes(evaluation, finding)]
    for reading in (read_group(Group((evaluation,))) for evaluation in found):
        if not reading.is_told:
            continue
        reference = right(reading)
        off = difference(reading.pair, reference)
        said = f"with the fix of {finding.code}, {_numbers(reading.pair, reference)}"
        return Experiment("after-fix", place, off <= SAME, reading.pair.loss, said)
    return Experiment("after-fix", place, False, None, "with the fix, no reported number was recorded")


def _passes(evaluation: Evaluation, finding: FlaggedFinding) -> bool:
    return any(os.path.realpath(frame.path) == finding.place.path for frame in evaluation.calls[0].site.frames)


def _numbers(reported: Pair, reference: Pair) -> str:
    if reported.loss is not None:
        return f"loss {reported.loss:.8g} is reported, {reference.loss:.8g} is right"
    return f"perplexity {reported.perplexity:.8g} is reported, {reference.perplexity:.8g} is right"
