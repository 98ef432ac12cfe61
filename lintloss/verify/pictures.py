"""Draws what a verdict rests on, as self-contained SVG: batches, reported against true, the shift histogram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from lintloss.verify import wording
from lintloss.verify.verdicts import Batch, Judged

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 460, 220, 56, 36, 24
INK, ACCENT, GOOD, GRID = "#222", "#c0392b", "#2e7d32", "#ddd"


def batches(judged: Judged) -> str:
    """Loss of each batch against its scored tokens; circles share one size, lines mark reported and true."""
    points = [batch for batch in judged.batches if math.isfinite(batch.loss)]
    if not points:
        return ""
    marks = [value for value in (judged.reported.loss, judged.reference.loss) if value is not None]
    low, high = _padded([batch.loss for batch in points] + marks)
    widest = max(batch.scored for batch in points) or 1
    body = [_axes("scored tokens of the batch", "nats a token", (0, widest), (low, high))]
    for batch in points:
        body.append(
            f'<circle cx="{_x(batch.scored, 0, widest):.1f}" cy="{_y(batch.loss, low, high):.1f}" r="3.5" fill="{INK}" '
            f'fill-opacity=".45"><title>{_point(batch)}</title></circle>'
        )
    body.extend(_level(value, name, color, low, high) for value, name, color in _levels(judged) if value is not None)
    return _svg("Loss of each batch against its scored tokens", body)


def pair(judged: Judged) -> str:
    """Reported against true loss (or perplexity, where only that was reported)."""
    reported, reference = judged.reported, judged.reference
    unit = "nats a token"
    values = (reported.loss, reference.loss)
    if values[0] is None or not math.isfinite(values[0]):
        unit, values = "perplexity", (reported.perplexity, reference.perplexity)
    first, second = values
    if first is None or second is None:
        return ""
    return _bars("Reported against true", unit, [("reported", first, ACCENT), ("true", second, GOOD)])


def shifts(judged: Judged) -> str:
    """Share of scored targets that equal the id embedded at each offset; +1 is the next token."""
    if not judged.offsets:
        return ""
    items = sorted(judged.offsets.items(), key=lambda item: int(item[0]))
    bars = [(f"{int(name):+d}", value, GOOD if name == "1" else ACCENT if value > 0.5 else INK) for name, value in items]
    return _bars("Targets found at each offset of the embedded ids", "share of targets", bars, top=1.0)


def _point(batch: Batch) -> str:
    rank = "" if batch.rank is None else f", rank {batch.rank}"
    return escape(f"{wording.number(batch.loss)} nats a token over {batch.scored:,} tokens{rank}")


def _levels(judged: Judged) -> list[tuple[float | None, str, str]]:
    return [(judged.reported.loss, "reported", ACCENT), (judged.reference.loss, "true", GOOD)]


def _level(value: float, name: str, color: str, low: float, high: float) -> str:
    height = _y(value, low, high)
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{height:.1f}" y2="{height:.1f}" stroke="{color}" stroke-width="1.5"/>'
        f'<text x="{WIDTH - 10}" y="{height - 4:.1f}" text-anchor="end" fill="{color}">{name} {wording.number(value)}</text>'
    )


def _bars(title: str, unit: str, bars: Sequence[tuple[str, float, str]], top: float | None = None) -> str:
    low = min(0.0, *(value for _, value, _ in bars))
    high = top or max(0.0, *(value for _, value, _ in bars)) * 1.1 or 1.0
    step = (WIDTH - LEFT - 8) / len(bars)
    body = [_axes("", unit, None, (low, high))]
    for number, (name, value, color) in enumerate(bars):
        left, base, tip = LEFT + step * (number + 0.2), _y(0.0, low, high), _y(value, low, high)
        body.append(
            f'<rect x="{left:.1f}" y="{min(base, tip):.1f}" width="{step * 0.6:.1f}" height="{abs(base - tip):.1f}" '
            f'fill="{color}"/><text x="{left + step * 0.3:.1f}" y="{min(base, tip) - 5:.1f}" text-anchor="middle">'
            f'{wording.number(value)}</text><text x="{left + step * 0.3:.1f}" y="{HEIGHT - BOTTOM + 16}" '
            f'text-anchor="middle">{escape(name)}</text>'
        )
    return _svg(title, body)


def _axes(bottom: str, left: str, across: tuple[float, float] | None, up: tuple[float, float]) -> str:
    parts = []
    for share in (0.0, 0.5, 1.0):
        value = up[0] + share * (up[1] - up[0])
        height = _y(value, *up)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{height:.1f}" y2="{height:.1f}" stroke="{GRID}"/>'
            f'<text x="{LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{wording.number(value)}</text>'
        )
    if across is not None:
        for value in across:
            x = _x(value, *across)
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{value:,.0f}</text>')
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(bottom)}</text>')
    parts.append(f'<text x="4" y="{TOP - 9}">{escape(left)}</text>')
    return "".join(parts)


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.08 * (high - low) or 0.05 * abs(high) or 0.5
    return low - margin, high + margin


def _x(value: float, low: float, high: float) -> float:
    return LEFT + 8 + (value - low) / ((high - low) or 1.0) * (WIDTH - LEFT - 32)


def _y(value: float, low: float, high: float) -> float:
    return HEIGHT - BOTTOM - (value - low) / ((high - low) or 1.0) * (HEIGHT - BOTTOM - TOP)


def _svg(title: str, body: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" font-family="system-ui, sans-serif" font-size="11" fill="{INK}"><title>{escape(title)}</title>'
        f'{"".join(body)}</svg>'
    )
