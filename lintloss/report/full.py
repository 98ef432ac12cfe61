"""Format `full`: for people. Each finding with its source excerpt, underline and trail; readable without color."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.console import Console
from rich.text import Text

from lintloss.findings import Evidence, Finding, Severity
from lintloss.report import Run
from lintloss.report.excerpt import Mark, excerpt
from lintloss.report.places import Texts
from lintloss.report.wording import folded, place, summary

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold blue"}


def render(findings: Sequence[Finding], run: Run) -> str:
    texts = Texts(run)
    parts = [Text("\n").join([*_finding(finding, texts, run), Text()]) for finding in findings]
    parts += [Text(summary(findings, run).rstrip("\n"))]
    return _colored(parts, run) if run.color else "".join(f"{part.plain}\n" for part in parts)


def _colored(parts: Iterable[Text], run: Run) -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        width=run.width,
        force_terminal=True,
        color_system="standard",
        legacy_windows=False,
        _environ={},  # the command line has read the environment already
    )
    for part in parts:
        console.print(part, soft_wrap=True, highlight=False)
    return out.getvalue()


def _finding(finding: Finding, texts: Texts, run: Run) -> Iterable[Text]:
    level = Text(f"{finding.severity.label}[{finding.code}]", style=_STYLES[finding.severity])
    yield Text.assemble(level, (f": {folded(finding.message)}", "bold"))
    yield Text.assemble(("  --> ", "blue"), place(finding))
    yield from excerpt(texts.rows(finding.path, finding.cell), [Mark(finding.span)], width=run.width)
    if run.show_evidence:
        yield from _annotated(finding, texts, run)
    else:
        yield from _trail(finding)
    if finding.fix:
        yield _note("fix", f"{folded(finding.fix.message)} ({finding.fix.applicability})")
    yield _note("rule", f"{finding.name}, {finding.confidence.label} confidence (lintloss rule {finding.code})")


def _note(label: str, text: str) -> Text:
    return Text.assemble((f"  = {label}: ", "blue"), text)


def _trail(finding: Finding) -> Iterable[Text]:
    for number, link in enumerate(finding.evidence, start=1):
        yield Text.assemble((f"  {number}. ", "cyan"), f"{place(link)}: {folded(link.message)}")


def _annotated(finding: Finding, texts: Texts, run: Run) -> Iterable[Text]:
    """Yield the chain as excerpts: links that follow one another in one file (or cell) share an excerpt."""
    numbered = enumerate(finding.evidence, start=1)
    for (path, cell), group in groupby(numbered, key=lambda pair: (pair[1].path, pair[1].cell)):
        links = list(group)
        marks = [Mark(link.span, f"{number}. {folded(link.message)}", "link") for number, link in links]
        rows = texts.rows(path, cell)
        yield Text.assemble(("  ::: ", "cyan"), place(links[0][1]))
        yield from excerpt(rows, marks, width=run.width, context=0) or _unseen(links)


def _unseen(links: Sequence[tuple[int, Evidence]]) -> list[Text]:
    return [Text(f"  {number}. {folded(link.message)}") for number, link in links]
