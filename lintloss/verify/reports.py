"""Stage: verdicts -> the formats asked for, each to its file or to stdout."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lintloss.errors import UsageError
from lintloss.report.outputs import write_text
from lintloss.verify import report_html, report_json, report_markdown, report_sarif, report_table
from lintloss.verify.experiments import Experiment
from lintloss.verify.gaps import gaps
from lintloss.verify.judge import Run
from lintloss.verify.launch import Outcome
from lintloss.verify.scored import unjudged
from lintloss.verify.verdicts import Verdict

RENDERERS: dict[str, Callable[[tuple[Verdict, ...], dict[str, object]], str]] = {
    "table": report_table.render,
    "json": report_json.render,
    "markdown": report_markdown.render,
    "html": report_html.render,
    "sarif": report_sarif.render,
}
FORMATS = tuple(RENDERERS)


@dataclass(frozen=True, slots=True)
class Report:
    """All that a renderer may show."""

    verdicts: tuple[Verdict, ...]
    run: Run
    outcome: Outcome
    experiments: tuple[Experiment, ...] = ()

    def facts(self) -> dict[str, object]:
        """The `run` object of the JSON."""
        tapes = self.run.tapes
        devices = sorted({call.form.device.split(":")[0] for tape in tapes for call in tape.calls})
        ranks = {tape.process.rank for tape in tapes if tape.process.rank is not None}
        return {
            "exit_code": self.outcome.exit_code,
            "seconds": round(self.outcome.seconds, 3),
            "overhead_seconds": round(max((tape.process.spent for tape in tapes), default=0.0), 6),
            "device": devices[0] if len(devices) == 1 else ", ".join(devices) or None,
            "ranks": len(ranks) or 1,
            "processes": len(tapes),
            "partial": self.run.partial,
            "experiments": [experiment.as_json() for experiment in self.experiments],
            "unjudged": [one.as_json() for one in unjudged(tapes, self.verdicts)],
            "unseen": [gap.as_json() for gap in gaps(tapes)],
            "criterion_calls": sum(len(tape.calls) for tape in tapes),
        }


def check(output_file: Path | None, reports: tuple[tuple[str, Path], ...]) -> None:
    """Raise UsageError for a file that cannot be written, before the command runs for hours; make the folders above it."""
    for path in (*(path for _, path in reports), *(() if output_file is None else (output_file,))):
        if path.is_dir():
            raise UsageError("cannot be written: it is a folder", where=str(path))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot be written: {error.strerror}", where=str(path)) from error


def write(report: Report, output_format: str, output_file: Path | None, reports: tuple[tuple[str, Path], ...]) -> None:
    run = report.facts()
    for name, path in reports:
        # other commands of the same step may have written to the summary page of the job
        append = str(path) == os.environ.get("GITHUB_STEP_SUMMARY")
        write_text(str(path), RENDERERS[name](report.verdicts, run), append=append)
    text = RENDERERS[output_format](report.verdicts, run)
    if output_file is not None:
        write_text(str(output_file), text)
    else:
        sys.stdout.write(text)
