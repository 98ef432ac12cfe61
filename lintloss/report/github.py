"""Format `github`: workflow commands that GitHub Actions turns into annotations, then the whole list as plain text.

GitHub shows at most ten annotations of each level for a step and drops the rest, hence the list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from lintloss.findings import Finding, Severity
from lintloss.report import Run
from lintloss.report.places import Texts, repository_path
from lintloss.report.wording import count, on_one_line, place, sentence

SHOWN_PER_LEVEL = 10
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(findings: Sequence[Finding], run: Run) -> str:
    if not findings:
        return ""
    texts = Texts(run)
    shown = list(_shown(findings))
    lines = [_command(finding, texts, run) for finding in shown]
    left = len(findings) - len(shown)
    lines.append(f"lintloss: {count(len(findings), 'finding')}" + (f", {left} without annotation" if left else ""))
    lines += [_plain(finding) for finding in findings]
    return "\n".join(lines) + "\n"


def _shown(findings: Sequence[Finding]) -> Iterable[Finding]:
    """Yield errors first, at most ten of a level; the order within a level stays."""
    taken: Counter[Severity] = Counter()
    for finding in sorted(findings, key=lambda finding: -finding.severity):
        taken[finding.severity] += 1
        if taken[finding.severity] <= SHOWN_PER_LEVEL:
            yield finding


def _command(finding: Finding, texts: Texts, run: Run) -> str:
    span = texts.region(finding)
    properties = {"file": repository_path(finding.path, run), "line": str(span.row), "endLine": str(span.end_row)}
    if span.row == span.end_row:  # columns over several lines make GitHub reject the annotation (ruff #22074)
        properties |= {"col": str(span.column), "endColumn": str(span.end_column)}
    properties["title"] = f"lintloss {finding.code}"
    listed = ",".join(f"{name}={escape_property(value)}" for name, value in properties.items())
    return f"::{_LEVELS[finding.severity]} {listed}::{escape_data(_message(finding))}"


def _message(finding: Finding) -> str:
    trail = [f"{place(link)}: {link.message}" for link in finding.evidence]
    return "\n".join([finding.message, *trail])


def escape_data(text: str) -> str:
    """Escape the part of a command after the second `::`; the percent sign goes first."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Escape the value of a property, where colon and comma also end things."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def _plain(finding: Finding) -> str:
    """Return a line that is no command, whatever the path is: it starts with a level, and `##[` is broken up."""
    line = f"{finding.severity.label} {place(finding)}: {sentence(finding)}"
    return on_one_line(line).replace("##[", "## [")
