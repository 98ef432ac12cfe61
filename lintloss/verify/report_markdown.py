"""Renders verdicts as Markdown, for a job summary or a pull request; pictures are Mermaid charts."""

from __future__ import annotations

from lintloss.verify import charts, wording
from lintloss.verify.verdicts import Verdict

BATCHES = 12  # rows of the table of batches


def render(verdicts: tuple[Verdict, ...], run: dict[str, object]) -> str:
    lines = ["# lintloss verify", "", f"{wording.summary(verdicts)}. {wording.run_line(run)}.", ""]
    if verdicts:
        lines += [
            "| finding | verdict | reported loss | true loss | reported ppl | true ppl | scored tokens |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
            *(_row(verdict) for verdict in verdicts),
            "",
        ]
    for verdict in verdicts:
        lines += _section(verdict)
    for name, told in wording.tried(run).items():
        lines += [f"- {name}", *(f"  - {line}" for line in told)]
    lines += [f"- {line}" for line in (*wording.unjudged_lines(run), *wording.unseen_lines(run))]
    return "\n".join(lines).rstrip() + "\n"


def _row(verdict: Verdict) -> str:
    reported, reference = wording.shown(verdict)
    cells = (
        f"{wording.title(verdict)}<br>`{wording.place(verdict)}`", wording.LABELS[verdict.status],
        wording.number(reported.loss), wording.number(reference.loss), wording.number(reported.perplexity),
        wording.number(reference.perplexity), wording.tokens(reference),
    )  # fmt: skip
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _section(verdict: Verdict) -> list[str]:
    lines = [f"## {wording.title(verdict)}: {wording.LABELS[verdict.status]}", ""]
    lines += [f"`{wording.place(verdict)}` {verdict.finding.message}".rstrip(), "", f"{verdict.explanation}.", ""]
    worst = verdict.worst
    if worst is None:
        return lines
    lines += [*charts.batches(worst), *charts.shifts(worst)]
    if worst.batches:
        lines += ["| batch | loss | scored tokens |", "| ---: | ---: | ---: |"]
        for number, batch in enumerate(worst.batches[:BATCHES], 1):
            lines.append(f"| {number} | {wording.number(batch.loss)} | {batch.scored:,} |")
        if len(worst.batches) > BATCHES:
            lines.append(f"| … {len(worst.batches) - BATCHES:,} more | | |")
        lines.append("")
    return lines
