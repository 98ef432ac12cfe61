"""Format `markdown`: a table for a job's summary page, kept under the size at which GitHub drops the page."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lintloss.findings import Evidence, Finding
from lintloss.patterns import regex
from lintloss.report import Run
from lintloss.report.rule_page import rule_url
from lintloss.report.wording import count, folded, place, summary

SIZE_LIMIT = 900_000  # bytes; GitHub's limit for a step's summary is 1 MiB
_HEAD = "| where | rule | severity | what is wrong |\n| --- | --- | --- | --- |\n"
_CODE = regex(r"`[^`]*`")
_SPECIAL = regex(r"[\\<>&|*_\[\]~#`]")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def render(findings: Sequence[Finding], run: Run) -> str:
    opening = "## lintloss\n\n" + _lines(summary(findings, run))
    if not findings:
        return opening
    rows, left = _rows(findings, SIZE_LIMIT - len(opening))
    more = f"\n{count(left, 'further finding')} left out here for size.\n" if left else ""
    return f"{opening}\n{_HEAD}{rows}{more}"


def _lines(text: str) -> str:
    return "".join(f"{line}  \n" for line in text.splitlines())


def _rows(findings: Sequence[Finding], room: int) -> tuple[str, int]:
    rows: list[str] = []
    for finding in findings:
        row = _row(finding)
        room -= len(row.encode("utf-8", "replace"))
        if room < 0:
            break
        rows.append(row)
    return "".join(rows), len(findings) - len(rows)


def _row(finding: Finding) -> str:
    rule = f"[{finding.code}]({rule_url(finding.code, finding.name)}) {finding.name}"
    level = f"{finding.severity.label}, {finding.confidence.label} confidence"
    trail = "".join(f"<br>{number}. {_trail(link)}" for number, link in enumerate(finding.evidence, start=1))
    return f"| {as_code(place(finding))} | {rule} | {level} | {as_prose(finding.message)}{trail} |\n"


def _trail(link: Evidence) -> str:
    return f"{as_code(place(link))} {as_prose(link.message)}"


def as_code(text: str) -> str:
    """Return text as a code span of a table cell: the pipe is escaped even there, backticks need a longer fence."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence, pad = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")


def as_prose(text: str) -> str:
    """Return a message on one line with Markdown's and HTML's characters escaped outside its `code`."""
    text = folded(text)
    parts: list[str] = []
    end = 0
    for found in _CODE.finditer(text):
        parts += [_escape(text[end : found.start()]), found.group().replace("|", "\\|")]
        end = found.end()
    return "".join([*parts, _escape(text[end:])])


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda found: _ENTITIES.get(found.group(), "\\" + found.group()), text)
