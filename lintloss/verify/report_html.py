"""Renders verdicts as one HTML page that needs nothing else: styles and pictures are inside."""

from __future__ import annotations

from html import escape

from lintloss.verify import pictures, wording
from lintloss.verify.verdicts import Judged, Verdict

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:66rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{padding:.35rem .6rem;border-bottom:1px solid #ddd;text-align:right}
th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:left}
td:first-child{min-width:14rem}thead th,.status{white-space:nowrap}
.summary{font-size:1.15em}h2{border-top:2px solid #eee;padding-top:1.2rem}h2 .status{font-size:.85em;margin-left:.4rem}
.status{font-weight:600}.confirmed{color:#c0392b}.refuted{color:#2e7d32}.negligible{color:#8a6d00}
section{margin:2.5rem 0}svg{max-width:100%;height:auto;margin:.5rem 1rem .5rem 0}code{font-size:.92em}
details summary{cursor:pointer}.run{color:#666}.evidence{color:#444;padding-left:1.2rem}svg{background:#fff}
"""


def render(verdicts: tuple[Verdict, ...], run: dict[str, object]) -> str:
    rows = "".join(_row(verdict) for verdict in verdicts)
    sections = "".join(_section(verdict) for verdict in verdicts)
    groups = "".join(f"<li>{escape(name)}{_list(told)}</li>" for name, told in wording.tried(run).items())
    tried = f"<h2>Experiments</h2><ul>{groups}</ul>" if groups else ""
    missed = [*wording.unjudged_lines(run), *wording.unseen_lines(run)]
    unseen = f'<div class="run">{_list(missed)}</div>' if missed else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>lintloss verify</title>'
        f'<style>{STYLE}</style></head><body><h1>lintloss verify</h1><p class="summary">{escape(wording.summary(verdicts))}</p>'
        "<table><thead><tr><th>finding</th><th>verdict</th><th>reported loss</th><th>true loss</th>"
        f"<th>reported ppl</th><th>true ppl</th><th>scored tokens</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>{sections}{tried}{unseen}"
        f'<p class="run">{escape(wording.run_line(run))}</p></body></html>\n'
    )


def _list(lines: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _row(verdict: Verdict) -> str:
    reported, reference = wording.shown(verdict)
    numbers = (reported.loss, reference.loss, reported.perplexity, reference.perplexity)
    cells = "".join(f"<td>{escape(wording.number(value))}</td>" for value in numbers)
    return (
        f"<tr><td>{escape(wording.title(verdict))}<br><code>{escape(wording.place(verdict))}</code></td>"
        f"<td>{_status(verdict)}</td>{cells}<td>{escape(wording.tokens(reference))}</td></tr>"
    )


def _status(verdict: Verdict) -> str:
    return f'<span class="status {verdict.status.split()[0]}">{escape(wording.LABELS[verdict.status])}</span>'


def _section(verdict: Verdict) -> str:
    worst = verdict.worst
    drawn = "" if worst is None else "".join(draw(worst) for draw in (pictures.batches, pictures.pair, pictures.shifts))
    message = f"<p>{escape(verdict.finding.message)}</p>" if verdict.finding.message else ""
    trail = "".join(f"<li>{escape(line)}</li>" for line in wording.evidence(verdict))
    evidence = f'<ol class="evidence">{trail}</ol>' if trail else ""
    calls = _calls(verdict.calls) if len(verdict.calls) > 1 else ""
    batches = _batches(worst) if worst is not None and worst.batches else ""
    return (
        f"<section><h2>{escape(wording.title(verdict))} {_status(verdict)}</h2><p>"
        f"<code>{escape(wording.place(verdict))}</code></p>{message}<p>{escape(verdict.explanation)}.</p>{evidence}{drawn}{calls}{batches}</section>"
    )


def _calls(calls: tuple[Judged, ...]) -> str:
    rows = "".join(
        f"<tr><td>{number}</td><td>{escape(wording.LABELS[call.status])}</td><td>{wording.number(call.reported.loss)}</td>"
        f"<td>{wording.number(call.reference.loss)}</td><td>{wording.tokens(call.reference)}</td></tr>"
        for number, call in enumerate(calls, 1)
    )
    head = "<tr><th>evaluation</th><th>verdict</th><th>reported</th><th>true</th><th>scored tokens</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _batches(judged: Judged) -> str:
    rows = "".join(
        f"<tr><td>{number}</td><td></td><td>{wording.number(batch.loss)}</td><td>{batch.scored:,}</td></tr>"
        for number, batch in enumerate(judged.batches, 1)
    )
    head = "<tr><th>batch</th><th></th><th>loss</th><th>scored tokens</th></tr>"
    table = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
    return f"<details><summary>{len(judged.batches):,} batches</summary>{table}</details>"
