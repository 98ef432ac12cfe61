"""Stage: verdicts -> the formats asked for, each to its file or to stdout."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from lintloss.verify import report_json
from lintloss.verify.judge import Run
from lintloss.verify.launch import Outcome
from lintloss.verify.verdicts import Verdict

FORMATS = ("table", "json", "markdown", "html", "sarif")


@dataclass(frozen=True, slots=True)
class Report:
    """All that a renderer may show."""

    verdicts: tuple[Verdict, ...]
    run: Run
    outcome: Outcome

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
            "criterion_calls": sum(len(tape.calls) for tape in tapes),
        }


def write(
    report: Report, output_format: str, output_file: Path | None, reports: tuple[tuple[str, Path], ...]
) -> None:
    for name, path in reports:
        path.write_text(render(report, name), encoding="utf-8")
    text = render(report, output_format)
    if output_file is not None:
        output_file.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def render(report: Report, name: str) -> str:
    if name == "json":
        return report_json.render(report.verdicts, report.facts())
    lines = [f"{v.finding.shown_path}:{v.finding.place.span.row} {v.finding.code} {v.status}: {v.explanation}" for v in report.verdicts]
    return "\n".join(lines) + "\n"
