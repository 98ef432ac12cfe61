"""Format `json`: one list of records (schemas/findings.schema.json), `[]` when there is nothing to say."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lintloss.findings import Finding
from lintloss.report import Run
from lintloss.report.records import records


def render(findings: Sequence[Finding], run: Run) -> str:
    return json.dumps(records(findings, run), indent=2) + "\n"
