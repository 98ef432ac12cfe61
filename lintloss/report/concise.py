"""Format `concise`: `path:line:column: LL101 message`, one line a finding, for editors and greps."""

from __future__ import annotations

from collections.abc import Sequence

from lintloss.findings import Finding
from lintloss.report import Run
from lintloss.report.wording import place, sentence


def render(findings: Sequence[Finding], run: Run) -> str:
    return "".join(f"{place(finding)}: {sentence(finding)}\n" for finding in findings)
