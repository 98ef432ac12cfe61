"""Renders verdicts as a Rich table for a person at a terminal."""

from __future__ import annotations

import io
import os
import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lintloss.verify import wording
from lintloss.verify.verdicts import CONFIRMED, NEGLIGIBLE, REFUTED, Verdict

STYLES = {CONFIRMED: "bold red", NEGLIGIBLE: "yellow", REFUTED: "green"}


def render(verdicts: tuple[Verdict, ...], run: dict[str, object], *, width: int | None = None) -> str:
    """One row a finding, its explanation under it; plain text where stdout is no terminal."""
    stream = io.StringIO()
    console = Console(
        file=stream, width=width or _width(), force_terminal=sys.stdout.isatty() or None,
        no_color=bool(os.environ.get("NO_COLOR")), highlight=False,
    )  # fmt: skip
    if verdicts:
        console.print(_table(verdicts))
    for verdict in verdicts:
        console.print(f"{escape(wording.place(verdict))}  {verdict.finding.code}  {_status(verdict)}: ", end="")
        console.print(verdict.explanation, markup=False)
    tried = [line for name, told in wording.tried(run).items() for line in (name, *(f"  {each}" for each in told))]
    for line in (*tried, *wording.unjudged_lines(run), *wording.unseen_lines(run)):
        console.print(line, markup=False)
    console.print(f"\n{wording.summary(verdicts)}", markup=False)
    console.print(wording.run_line(run), markup=False, style="dim")
    return stream.getvalue()


def _table(verdicts: tuple[Verdict, ...]) -> Table:
    table = Table(title="lintloss verify", title_justify="left")
    table.add_column("finding", overflow="fold")
    table.add_column("verdict")
    for name in ("reported loss", "true loss", "reported ppl", "true ppl", "scored tokens"):
        table.add_column(name, justify="right")
    for verdict in verdicts:
        reported, reference = wording.shown(verdict)
        table.add_row(
            escape(f"{wording.title(verdict)}\n{wording.place(verdict)}"), _status(verdict),
            wording.number(reported.loss), wording.number(reference.loss),
            wording.number(reported.perplexity), wording.number(reference.perplexity), wording.tokens(reference),
        )  # fmt: skip
    return table


def _status(verdict: Verdict) -> str:
    style = STYLES.get(verdict.status, "")
    label = wording.LABELS[verdict.status]
    return f"[{style}]{label}[/{style}]" if style else label


def _width() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit():
        return int(columns)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return 120
