"""Format `gitlab`: a GitLab Code Quality report, an array of issues with stable and unique fingerprints."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lintloss.findings import Finding, Severity
from lintloss.report import Run
from lintloss.report.places import Texts, repository_path

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.NOTE: "info"}


def render(findings: Sequence[Finding], run: Run) -> str:
    texts = Texts(run)
    marks = texts.fingerprints(findings)
    issues = [_issue(finding, mark, texts, run) for finding, mark in zip(findings, marks, strict=True)]
    return json.dumps(issues, indent=2) + "\n"


def _issue(finding: Finding, mark: str, texts: Texts, run: Run) -> dict[str, object]:
    span = texts.region(finding)
    return {
        "description": f"{finding.code}: {finding.message}",
        "check_name": finding.code,
        "fingerprint": mark,
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": repository_path(finding.path, run),
            "lines": {"begin": span.row, "end": span.end_row},
        },
    }
