"""Stage: flagged findings and options -> the run folder with plan.json, which the instrumented processes read."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from lintloss.verify.flagged import FlaggedFinding, Place

# Rules whose truth needs the logits again: every call of a flagged site is looked at, up to this many.
FLAGGED_CALLS = 256
CLOSE_CALLS = 4


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks of a run beyond the command itself."""

    experiments: tuple[str, ...] = ()
    debug_shapes: int = 0
    show_instrumented: bool = False
    training: tuple[str, ...] = ()  # loaders to compare the evaluated rows with, `pkg.module:name`
    texts: bool = False  # a training set is text: the evaluated rows are decoded
    overlays: dict[str, str] = field(default_factory=dict)  # --after-fix: texts of files with their fixes applied
    close_calls: int = CLOSE_CALLS
    flagged_calls: int = FLAGGED_CALLS


def write_plan(
    folder: Path, findings: tuple[FlaggedFinding, ...], options: Options, command: tuple[str, ...] = ()
) -> Path:
    """Write plan.json into the run folder and return its path.

    Scripts named in `command` are instrumented as if flagged: a loss that a library of theirs makes is averaged there.
    """
    files: dict[str, list[dict[str, object]]] = {}
    for finding in findings:
        for role, place in [("flagged", finding.place), *(("evidence", link) for link in finding.evidence)]:
            if place.path.endswith(".py"):
                files.setdefault(place.path, []).append(_target(finding, role, place))
    for word in command:
        if word.endswith(".py") and os.path.isfile(word):
            files.setdefault(os.path.realpath(word), [])
    for name in options.overlays:
        files.setdefault(name, [])
    plan = {
        "folder": str(folder),
        "files": files,
        "close_calls": options.close_calls,
        "flagged_calls": options.flagged_calls,
        "experiments": list(options.experiments),
        "debug_shapes": options.debug_shapes,
        "show_instrumented": options.show_instrumented,
        "overlays": options.overlays,
        "training": list(options.training),
        "texts": options.texts,
    }
    path = folder / "plan.json"
    path.write_text(json.dumps(plan), encoding="utf-8")
    return path


def _target(finding: FlaggedFinding, role: str, place: Place) -> dict[str, object]:
    span = place.span
    return {
        "finding": finding.number,
        "code": finding.code,
        "role": role,
        "span": [span.row, span.column, span.end_row, span.end_column],
    }
