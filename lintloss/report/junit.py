"""Format `junit`: a test suite a file, a failed test case a finding; one passing case when there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from lintloss.errors import LintlossError
from lintloss.findings import Finding
from lintloss.report import Run
from lintloss.report.places import Texts, repository_path
from lintloss.report.wording import folded, on_one_line, place


def render(findings: Sequence[Finding], run: Run) -> str:
    texts = Texts(run)
    suites: list[str] = []
    for path, group in groupby(findings, key=lambda finding: finding.path):
        shown = repository_path(path, run)
        suites += _suite(shown, [_case(finding, shown, texts) for finding in group])
    if run.errors:
        suites += _suite("lintloss", [_error_case(error) for error in run.errors], kind="errors")
    if not suites:
        suites = _suite("lintloss", ['    <testcase classname="lintloss" name="check"/>'], kind="passed")
    counts = f'tests="{max(1, len(findings) + len(run.errors))}" failures="{len(findings)}" errors="{len(run.errors)}"'
    head = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="lintloss" {counts}>']
    return "\n".join([*head, *suites, "</testsuites>"]) + "\n"


def _suite(name: str, cases: Sequence[str], *, kind: str = "failures") -> list[str]:
    failures, errors = (len(cases) if kind == wanted else 0 for wanted in ("failures", "errors"))
    counts = f'tests="{len(cases)}" failures="{failures}" errors="{errors}"'
    return [f"  <testsuite name={_attribute(name)} {counts}>", *cases, "  </testsuite>"]


def _case(finding: Finding, path: str, texts: Texts) -> str:
    span = texts.region(finding)
    name = f"{finding.code} {finding.name} {place(finding).removeprefix(on_one_line(finding.path) + ':')}"
    where = f'file={_attribute(path)} line="{span.row}"'
    body = "\n".join(_details(finding))
    return "\n".join(
        [
            f"    <testcase classname={_attribute(path)} name={_attribute(name)} {where}>",
            f"      <failure type={_attribute(finding.severity.label)} message={_attribute(folded(finding.message))}>"
            f"{escape(body)}</failure>",
            "    </testcase>",
        ]
    )


def _details(finding: Finding) -> Iterable[str]:
    yield f"{place(finding)}: {finding.code} {folded(finding.message)}"
    for link in finding.evidence:
        yield f"{place(link)}: {folded(link.message)}"


def _error_case(error: LintlossError) -> str:
    text = _attribute(str(error))
    return f'    <testcase classname="lintloss" name={text}>\n      <error message={text}/>\n    </testcase>'


def _attribute(text: str) -> str:
    return quoteattr(on_one_line(text))  # XML has no spelling at all for most control characters
