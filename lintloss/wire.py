"""A Result <-> plain tuples, for `marshal`: what the cache keeps and what forked children send. No class is pickled."""

from __future__ import annotations

from typing import Any

from lintloss.errors import InternalError, LintlossError, SourceError, UsageError
from lintloss.findings import Confidence, Edit, Evidence, Finding, Fix, Severity, Span
from lintloss.result import Result

_ERRORS = {each.__name__: each for each in (SourceError, UsageError, InternalError, LintlossError)}
Plain = tuple[Any, ...]


def flatten(result: Result) -> Plain:
    return (
        result.path,
        tuple(map(_finding, result.findings)),
        tuple(map(_finding, result.suppressed)),
        tuple((type(each).__name__, each.what, each.where, each.hint) for each in result.errors),
        result.screened,
        result.read,
        result.used,
    )


def restore(plain: Plain) -> Result:
    path, findings, suppressed, failures, screened, read, used = plain
    return Result(
        path,
        tuple(map(_as_finding, findings)),
        tuple(map(_as_finding, suppressed)),
        tuple(_ERRORS.get(kind, LintlossError)(what, where=where, hint=hint) for kind, what, where, hint in failures),
        screened,
        read,
        used,
    )


def _finding(each: Finding) -> Plain:
    fix = each.fix and (each.fix.message, tuple((_span(e.span), e.content) for e in each.fix.edits), each.fix.safe)
    evidence = tuple((link.path, _span(link.span), link.message, link.cell) for link in each.evidence)
    judged = (int(each.severity), int(each.confidence))
    rows = each.statement_rows
    return (each.path, each.code, each.name, _span(each.span), each.message, *judged, evidence, fix, each.cell, rows)


def _as_finding(plain: Plain) -> Finding:
    path, code, name, span, message, severity, confidence, evidence, fix, cell, rows = plain
    return Finding(
        path,
        code,
        name,
        Span(*span),
        message,
        Severity(severity),
        Confidence(confidence),
        tuple(Evidence(where, Span(*at), text, number) for where, at, text, number in evidence),
        fix and Fix(fix[0], tuple(Edit(Span(*at), text) for at, text in fix[1]), fix[2]),
        cell,
        rows,
    )


def _span(span: Span) -> Plain:
    return (span.row, span.column, span.end_row, span.end_column)
