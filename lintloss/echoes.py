"""Echoes: a file that calls into another one repeats what is wrong there; it is said once, where it can be repaired."""

from __future__ import annotations

from collections.abc import Iterable

from lintloss.findings import Evidence, Finding


def without_echoes(findings: Iterable[Finding], silenced: Iterable[Finding]) -> tuple[Finding, ...]:
    """Leave out each finding that rests on another file's finding of the same rule (its place, or its chain), no less severe.

    Args:
        silenced: what suppressions hold back: who accepts a thing where it is does not want to hear of it elsewhere.
    """
    findings = tuple(findings)
    at: dict[tuple[str, str], list[Finding]] = {}
    for each in (*findings, *silenced):
        at.setdefault((each.code, each.path), []).append(each)
    return tuple(each for each in findings if not _is_echo(each, at))


def _is_echo(finding: Finding, at: dict[tuple[str, str], list[Finding]]) -> bool:
    return any(
        link.path != finding.path
        and source.severity >= finding.severity
        and (_holds(link, source) or _is_whole_chain(source, finding))
        for link in finding.evidence
        for source in at.get((finding.code, link.path), ())
    )


def _is_whole_chain(source: Finding, finding: Finding) -> bool:
    """Say whether all that the other file's finding rests on is what this one rests on."""
    if not source.evidence or not set(source.evidence) <= set(finding.evidence):
        return False
    return not any(link.path == finding.path and _holds(link, finding) for link in source.evidence)  # it is the echo


def _holds(link: Evidence, source: Finding) -> bool:
    inner, outer = source.span, link.span
    starts, ends = (outer.row, outer.column), (outer.end_row, outer.end_column)
    inside = starts <= (inner.row, inner.column) and (inner.end_row, inner.end_column) <= ends
    return inside and link.cell == source.cell
