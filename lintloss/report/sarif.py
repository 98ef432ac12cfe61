"""Format `sarif`: SARIF 2.1.0 as GitHub code scanning and SARIF viewers read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from lintloss import __version__
from lintloss.errors import LintlossError
from lintloss.findings import Confidence, Edit, Evidence, Finding, Severity, Span
from lintloss.patterns import regex
from lintloss.report import Run
from lintloss.report.places import Texts, as_uri, repository_path
from lintloss.report.rule_page import HOME, RulePage, as_markdown

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT = "lintloss/v1"
_TEXT_LIMIT = 1024
_LINK = regex(r"\[(?=[^\[\]]*\]\()")  # `x[i](y)` in a message is no link
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Writer:
    """What every result needs: the run, the texts and the place of each rule in the list of rules."""

    run: Run
    texts: Texts
    rule_index: dict[str, int]


def render(findings: Sequence[Finding], run: Run) -> str:
    return json.dumps(document(findings, run), indent=2) + "\n"


def document(findings: Sequence[Finding], run: Run) -> Json:
    """Return the SARIF log as plain data; suppressed findings are in it, marked so."""
    everything = [*findings, *run.suppressed, *run.baselined]
    pages = _pages(everything, run)
    texts = Texts(run)
    writer = _Writer(run, texts, {shown.code: index for index, shown in enumerate(pages)})
    kinds = [None] * len(findings) + ["inSource"] * len(run.suppressed) + ["external"] * len(run.baselined)
    marks = texts.fingerprints(everything)
    results = [_result(*parts, writer) for parts in zip(everything, marks, kinds, strict=True)]
    driver: Json = {
        "name": "lintloss",
        "semanticVersion": __version__,
        "informationUri": HOME,
        "rules": [_rule(shown, everything) for shown in pages],
    }
    log: Json = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(run)],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [log]}


def _pages(findings: Sequence[Finding], run: Run) -> list[RulePage]:
    """Return the pages of the rules that ran, and a bare one for a code that came without."""
    pages = {shown.code: shown for shown in run.rules}
    for finding in findings:
        bare = RulePage(code=finding.code, name=finding.name, summary=finding.name, severity=finding.severity)
        pages.setdefault(finding.code, bare)
    return [pages[code] for code in sorted(pages)]


def _rule(shown: RulePage, findings: Sequence[Finding]) -> Json:
    sure = [finding.confidence for finding in findings if finding.code == shown.code]
    described = f"{shown.summary} {shown.why}".strip()
    return {
        "id": shown.code,
        "name": shown.name,
        "shortDescription": {"text": _cut(shown.summary or shown.name)},
        "fullDescription": {"text": _cut(described or shown.name)},
        "help": {"text": described or shown.name, "markdown": as_markdown(shown, examples=1)},
        "helpUri": shown.url,
        "defaultConfiguration": {"level": shown.severity.label},
        "properties": {
            "tags": ["evaluation", "loss", "perplexity"],
            "precision": min(sure, default=Confidence.HIGH).label,  # no surer than the least sure of its results
            "problem.severity": "recommendation" if shown.severity is Severity.NOTE else shown.severity.label,
        },
    }


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"


def _result(finding: Finding, mark: str, suppression: str | None, writer: _Writer) -> Json:
    result: Json = {
        "ruleId": finding.code,
        "ruleIndex": writer.rule_index[finding.code],
        "level": finding.severity.label,
        "message": _message(finding.message),
        "locations": [_location(finding, writer)],
        "partialFingerprints": {FINGERPRINT: mark},
        "properties": {"confidence": finding.confidence.label},
    }
    if finding.evidence:
        steps = [_location(link, writer) | {"message": _message(link.message)} for link in finding.evidence]
        result["relatedLocations"] = [{"id": number, **step} for number, step in enumerate(steps, start=1)]
        flow = [*steps, _location(finding, writer) | {"message": _message(finding.message)}]
        result["codeFlows"] = [{"threadFlows": [{"locations": [{"location": step} for step in flow]}]}]
    if finding.fix and finding.cell is None:  # within a notebook a replacement would have to spell JSON
        result["fixes"] = [_fix(finding, writer)]
    if suppression:
        result["suppressions"] = [{"kind": suppression}]
    return result


def _message(text: str) -> Json:
    return {"text": _LINK.sub(r"\\[", text)}


def _location(at: Finding | Evidence, writer: _Writer) -> Json:
    region = _region(writer.texts.region(at))
    return {"physicalLocation": {"artifactLocation": _artifact(at.path, writer), "region": region}}


def _artifact(path: str, writer: _Writer) -> Json:
    return {"uri": as_uri(repository_path(path, writer.run))}


def _region(span: Span) -> Json:
    return {
        "startLine": span.row,
        "startColumn": span.column,
        "endLine": span.end_row,
        "endColumn": span.end_column,
    }


def _fix(finding: Finding, writer: _Writer) -> Json:
    assert finding.fix is not None
    replacements = [_replacement(edit) for edit in sorted(finding.fix.edits)]
    return {
        "description": {"text": f"{finding.fix.message} ({finding.fix.applicability} fix)"},
        "artifactChanges": [{"artifactLocation": _artifact(finding.path, writer), "replacements": replacements}],
    }


def _replacement(edit: Edit) -> Json:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.content}}


def _invocation(run: Run) -> Json:
    notes = [_notification(error) for error in run.errors]
    return {"executionSuccessful": not run.errors, "toolExecutionNotifications": notes}


def _notification(error: LintlossError) -> Json:
    return {"level": "error", "message": _message(str(error))}
