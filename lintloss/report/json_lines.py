"""Format `jsonl`: the records of `json`, one a line, for streams."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lintloss.findings import Finding
from lintloss.report import Run
from lintloss.report.records import records


def render(findings: Sequence[Finding], run: Run) -> str:
    return "".join(json.dumps(record) + "\n" for record in records(findings, run))
