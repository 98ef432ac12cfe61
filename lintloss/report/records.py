"""A finding as plain data, in the shape of lintloss/report/schemas/findings.schema.json: what the JSON formats list."""

from __future__ import annotations

from collections.abc import Sequence

from lintloss.findings import Edit, Evidence, Finding, Fix, Span
from lintloss.ignores import ignore_row
from lintloss.report import Run
from lintloss.report.places import Texts
from lintloss.report.rule_page import rule_url

Record = dict[str, object]


def records(findings: Sequence[Finding], run: Run) -> list[Record]:
    """Return one record a finding, in order."""
    texts = Texts(run)
    marks = texts.fingerprints(findings)
    return [_record(finding, mark, texts) for finding, mark in zip(findings, marks, strict=True)]


def _record(finding: Finding, mark: str, texts: Texts) -> Record:
    text = texts.text(finding.path, finding.cell)
    return {
        "filename": finding.path,
        "code": finding.code,
        "name": finding.name,
        "message": finding.message,
        "severity": finding.severity.label,
        "confidence": finding.confidence.label,
        **_span(finding.span),
        "cell": finding.cell,
        "url": rule_url(finding.code, finding.name),
        "fix": _fix(finding.fix) if finding.fix else None,
        "evidence": [_evidence(link) for link in finding.evidence],
        "noqa_row": ignore_row(text, finding) or finding.span.row,
        "fingerprint": mark,
    }


def _span(span: Span) -> Record:
    return {
        "location": {"row": span.row, "column": span.column},
        "end_location": {"row": span.end_row, "column": span.end_column},
    }


def _fix(fix: Fix) -> Record:
    edits = [_edit(edit) for edit in fix.edits]
    return {"applicability": fix.applicability, "message": fix.message, "edits": edits}


def _edit(edit: Edit) -> Record:
    return {"content": edit.content, **_span(edit.span)}


def _evidence(link: Evidence) -> Record:
    return {"filename": link.path, **_span(link.span), "cell": link.cell, "message": link.message}
