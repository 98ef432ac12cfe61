"""Format `rdjson`: diagnostics for reviewdog, whose columns count UTF-8 bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lintloss.findings import Edit, Evidence, Finding, Severity, Span
from lintloss.report import Run
from lintloss.report.places import Texts, repository_path
from lintloss.report.rule_page import HOME, rule_url

_SEVERITIES = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING", Severity.NOTE: "INFO"}
Json = dict[str, object]


def render(findings: Sequence[Finding], run: Run) -> str:
    texts = Texts(run)
    source = {"name": "lintloss", "url": HOME}
    diagnostics = [_diagnostic(finding, texts, run) for finding in findings]
    return json.dumps({"source": source, "diagnostics": diagnostics}, indent=2) + "\n"


def _diagnostic(finding: Finding, texts: Texts, run: Run) -> Json:
    shown: Json = {
        "message": finding.message,
        "location": _location(finding, texts, run),
        "severity": _SEVERITIES[finding.severity],
        "code": {"value": finding.code, "url": rule_url(finding.code, finding.name)},
    }
    if finding.evidence:
        links = [{"message": link.message, "location": _location(link, texts, run)} for link in finding.evidence]
        shown["relatedLocations"] = links
    if finding.fix and finding.cell is None:  # within a notebook a suggestion would have to spell JSON
        shown["suggestions"] = [_suggestion(edit, finding.path, texts) for edit in finding.fix.edits]
    return shown


def _location(at: Finding | Evidence, texts: Texts, run: Run) -> Json:
    return {"path": repository_path(at.path, run), "range": _range(texts.region(at), at.path, texts)}


def _suggestion(edit: Edit, path: str, texts: Texts) -> Json:
    return {"range": _range(edit.span, path, texts), "text": edit.content}


def _range(span: Span, path: str, texts: Texts) -> Json:
    start = _position(span.row, span.column, path, texts)
    return {"start": start, "end": _position(span.end_row, span.end_column, path, texts)}


def _position(row: int, column: int, path: str, texts: Texts) -> Json:
    before = texts.row(path, None, row)[: column - 1]
    beyond = max(0, column - 1 - len(before))  # a place past the text that is there now still counts
    return {"line": row, "column": len(before.encode("utf-8", "replace")) + beyond + 1}
