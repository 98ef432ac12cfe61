"""The words that formats share: place prefix, one-line text, counts of the summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lintloss.findings import Evidence, Finding, Severity
from lintloss.patterns import regex

if TYPE_CHECKING:
    from lintloss.report import Run

_UNPRINTABLE = regex(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def on_one_line(text: str) -> str:
    """Spell what would break a line or a terminal (controls, separators, undecodable bytes) as an escape."""
    return _UNPRINTABLE.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def folded(message: str) -> str:
    """Return a message on one line: its line breaks become spaces."""
    return on_one_line(" ".join(message.split()))


def place(at: Finding | Evidence) -> str:
    """Return `path:row:column`, with the cell between for a notebook (`path:cell 3:row:column`)."""
    cell = "" if at.cell is None else f"cell {at.cell}:"
    return f"{on_one_line(at.path)}:{cell}{at.span.row}:{at.span.column}"


def count(number: int, noun: str) -> str:
    """Return "1 file", "2 files"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def sentence(finding: Finding) -> str:
    """Return `LL101 message` on one line."""
    return f"{finding.code} {folded(finding.message)}"


def summary(findings: Sequence[Finding], run: Run, *, unsafe_fixes: bool = False) -> str:
    """Return the lines that close a run: what was found, what was hidden, what could be fixed."""
    lines = [_found(findings, run)]
    hidden = _hidden(run)
    if hidden:
        lines.append(f"Not shown: {', '.join(hidden)}.")
    if run.errors:
        lines.append(f"{count(len(run.errors), 'file')} could not be checked.")
    offer = _offer(findings, unsafe_fixes)
    if offer:
        lines.append(offer)
    return "\n".join(lines) + "\n"


def _found(findings: Sequence[Finding], run: Run) -> str:
    checked = count(run.files_checked, "file")
    screened = f" ({run.files_screened} screened out)" if run.files_screened else ""
    fixed = f", {run.fixed} fixed" if run.fixed else ""
    if not findings:
        return f"No findings in {checked}{screened}{fixed}."
    levels = Counter(finding.severity for finding in findings)
    parts = ", ".join(count(levels[level], level.label) for level in sorted(Severity, reverse=True) if levels[level])
    return f"Found {count(len(findings), 'finding')} ({parts}) in {checked}{screened}{fixed}."


def _hidden(run: Run) -> list[str]:
    counts = (
        (len(run.suppressed), "ignored by a comment"),
        (len(run.baselined), "in the baseline"),
        (run.hidden, "below the least severity or confidence"),
    )
    return [f"{number} {what}" for number, what in counts if number]


def _offer(findings: Sequence[Finding], unsafe_fixes: bool) -> str:
    safe = sum(1 for finding in findings if finding.fix and finding.fix.safe)
    unsafe = sum(1 for finding in findings if finding.fix and not finding.fix.safe)
    if unsafe and not unsafe_fixes:
        also = f"{safe} fixable with --fix, " if safe else ""
        return f"{also}{unsafe} fixable with --fix --unsafe-fixes (the reported number changes)."
    return f"{safe + unsafe} fixable with --fix." if safe + unsafe else ""
