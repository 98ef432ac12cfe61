"""Renders verdicts as SARIF 2.1.0: one result a finding, the verdict and its numbers as properties."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

from lintloss import __version__
from lintloss.verify import report_json, wording
from lintloss.verify.verdicts import CONFIRMED, NEGLIGIBLE, NOT_REACHED, REFUTED, UNDECIDED, Verdict

LEVELS = {CONFIRMED: "error", NEGLIGIBLE: "note", REFUTED: "none", NOT_REACHED: "note", UNDECIDED: "note"}
KINDS = {CONFIRMED: "fail", NEGLIGIBLE: "fail", REFUTED: "pass", NOT_REACHED: "notApplicable", UNDECIDED: "open"}


def render(verdicts: tuple[Verdict, ...], run: dict[str, object]) -> str:
    codes = list(dict.fromkeys(verdict.finding.code for verdict in verdicts))
    names = {verdict.finding.code: verdict.finding.name for verdict in verdicts}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "lintloss",
                        "semanticVersion": __version__,
                        "informationUri": "https://github.com/lintloss/lintloss",
                        "rules": [{"id": code, **({"name": names[code]} if names[code] else {})} for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(verdict, codes) for verdict in verdicts],
                "properties": run,
            }
        ],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _result(verdict: Verdict, codes: list[str]) -> dict[str, object]:
    finding = verdict.finding
    kind = KINDS[verdict.status]
    judged = report_json.finding(verdict)
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "kind": kind,
        # SARIF: a result whose kind is not "fail" has level "none".
        "level": LEVELS[verdict.status] if kind == "fail" else "none",
        "message": {"text": f"{wording.LABELS[verdict.status].capitalize()}: {verdict.explanation}."},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(finding.shown_path)}, "region": _region(verdict)}}],
        "properties": {name: judged[name] for name in ("verdict", "reported", "reference", "found_at_run_time")},
    }  # fmt: skip


def _region(verdict: Verdict) -> dict[str, int]:
    span = verdict.finding.place.span
    return {
        "startLine": span.row, "startColumn": span.column, "endLine": span.end_row, "endColumn": span.end_column
    }  # fmt: skip


def _uri(path: str) -> str:
    """Relative to the working directory where it is below it, `/` between parts, percent-encoded."""
    given = Path(path)
    if given.is_absolute() and given.is_relative_to(Path.cwd()):
        given = given.relative_to(Path.cwd())
    return quote(given.as_posix())
