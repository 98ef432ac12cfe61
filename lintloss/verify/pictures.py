"""Draws what a verdict rests on, as self-contained SVG: batches, reported against true, the shift histogram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from lintloss.verify import wording
from lintloss.verify.verdicts import CONFIRMED, NEGLIGIBLE, Batch, Judged

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 470, 240, 52, 42, 40
MARGIN = 124  # on the right of the batches, for what the lines are called
INK, ACCENT, GOOD, GRID = "#222", "#c0392b", "#2e7d32", "#ddd"
Range = tuple[float, float]


def batches(judged: Judged) -> str:
    """Loss of each batch against its scored tokens; circles share one size, lines mark reported and true."""
    points = [batch for batch in judged.batches if math.isfinite(batch.loss)]
    if not points:
        return ""
    known = [(value, name, color) for value, name, color in _levels(judged) if value is not None]
    levels = [level for level in known if math.isfinite(level[0])]
    up = _padded([batch.loss for batch in points] + [value for value, _, _ in levels])
    across = (0.0, float(max(batch.scored for batch in points) or 1))
    right = WIDTH - MARGIN
    body = [_grid(up, right), _across(across, "scored tokens of the batch", right)]
    for batch in points:
        body.append(
            f'<circle cx="{_x(batch.scored, across, right):.1f}" cy="{_y(batch.loss, up):.1f}" r="3.5" fill="{INK}" '
            f'fill-opacity=".4"><title>{_point(batch)}</title></circle>'
        )
    body.extend(_lines(levels, up, right))
    return _svg("Loss of each batch against its scored tokens", "nats a token", body)


def pair(judged: Judged) -> str:
    """Reported against true loss (or perplexity, where only that was reported)."""
    reported, reference = judged.reported, judged.reference
    unit = "nats a token"
    values = (reported.loss, reference.loss)
    if values[0] is None or not math.isfinite(values[0]):
        unit, values = "perplexity", (reported.perplexity, reference.perplexity)
    first, second = values
    if first is None or second is None or not math.isfinite(first + second):
        return ""
    bars = [("reported", first, _reported_color(judged)), ("true", second, GOOD)]
    return _bars("Reported against true", unit, bars)


def shifts(judged: Judged) -> str:
    """Share of scored targets that equal the id embedded at each offset; +1 is the next token."""
    if not judged.offsets:
        return ""
    items = sorted(judged.offsets.items(), key=lambda item: int(item[0]))
    bars = [
        (
            f"{int(name):+d}" if int(name) else "0",
            round(value, 3),
            GOOD if name == "1" else ACCENT if value > 0.5 else INK,
        )
        for name, value in items
    ]
    title = "Where the targets are found among the ids that were read"
    return _bars(title, "share of the targets", bars, top=1.0, bottom="offset; +1 is the next token")


def _point(batch: Batch) -> str:
    rank = "" if batch.rank is None else f", rank {batch.rank}"
    return escape(f"{wording.number(batch.loss)} nats a token over {batch.scored:,} tokens{rank}")


def _reported_color(judged: Judged) -> str:
    return ACCENT if judged.status in (CONFIRMED, NEGLIGIBLE) else INK


def _levels(judged: Judged) -> list[tuple[float | None, str, str]]:
    return [(judged.reported.loss, "reported", _reported_color(judged)), (judged.reference.loss, "true", GOOD)]


def _lines(levels: Sequence[tuple[float, str, str]], up: Range, right: float) -> list[str]:
    """A line a level; its name stands beside the picture, and names that would touch are moved apart."""
    parts, last = [], -math.inf
    for value, name, color in sorted(levels, key=lambda level: -level[0]):
        height = _y(value, up)
        place = last = max(height + 4, last + 13)
        parts.append(
            f'<line x1="{LEFT}" x2="{right}" y1="{height:.1f}" y2="{height:.1f}" stroke="{color}" stroke-width="1.5"/>'
            f'<text x="{right + 6}" y="{place:.1f}" fill="{color}">{name} {wording.number(value)}</text>'
        )
    return parts


def _bars(
    title: str, unit: str, bars: Sequence[tuple[str, float, str]], top: float | None = None, bottom: str = ""
) -> str:
    low = min(0.0, *(value for _, value, _ in bars))
    high = top or max(0.0, *(value for _, value, _ in bars)) * 1.1 or 1.0
    step = (WIDTH - LEFT - 8) / len(bars)
    thick = min(step * 0.6, 70.0)
    body = [_grid((low, high), WIDTH - 8)]
    for number, (name, value, color) in enumerate(bars):
        middle, base, tip = LEFT + step * (number + 0.5), _y(0.0, (low, high)), _y(value, (low, high))
        body.append(
            f'<rect x="{middle - thick / 2:.1f}" y="{min(base, tip):.1f}" width="{thick:.1f}" '
            f'height="{max(abs(base - tip), 1.0):.1f}" fill="{color}"/>'
            f'<text x="{middle:.1f}" y="{min(base, tip) - 5:.1f}" text-anchor="middle">{wording.number(value)}</text>'
            f'<text x="{middle:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{escape(name)}</text>'
        )
    if bottom:
        body.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(bottom)}</text>')
    return _svg(title, unit, body)


def _grid(up: Range, right: float) -> str:
    return "".join(
        f'<line x1="{LEFT}" x2="{right}" y1="{_y(value, up):.1f}" y2="{_y(value, up):.1f}" stroke="{GRID}"/>'
        f'<text x="{LEFT - 6}" y="{_y(value, up) + 4:.1f}" text-anchor="end">{wording.number(value)}</text>'
        for value in ticks(up)
    )


def _across(across: Range, name: str, right: float) -> str:
    marks = "".join(
        f'<text x="{_x(value, across, right):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{value:,.0f}</text>'
        for value in ticks(across)
        if value == round(value)
    )
    return f'{marks}<text x="{(LEFT + right) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(name)}</text>'


def ticks(span: Range, most: int = 5) -> list[float]:
    """Round numbers within a range: multiples of 1, 2 or 5 times a power of ten, at most `most` of them."""
    low, high = span
    raw = (high - low) / most
    if raw <= 0 or not math.isfinite(raw):
        return [low]
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _padded(values: Sequence[float]) -> Range:
    low, high = min(values), max(values)
    margin = 0.08 * (high - low) or 0.05 * abs(high) or 0.5
    return (max(0.0, low - margin) if low >= 0 else low - margin), high + margin


def _x(value: float, across: Range, right: float) -> float:
    return LEFT + 8 + (value - across[0]) / ((across[1] - across[0]) or 1.0) * (right - LEFT - 20)


def _y(value: float, up: Range) -> float:
    return HEIGHT - BOTTOM - (value - up[0]) / ((up[1] - up[0]) or 1.0) * (HEIGHT - BOTTOM - TOP)


def _svg(title: str, unit: str, body: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" font-family="system-ui, sans-serif" font-size="11" fill="{INK}"><title>{escape(title)}</title>'
        f'<text x="4" y="13" font-size="12" font-weight="600">{escape(title)}</text>'
        f'<text x="4" y="29" fill="#666">{escape(unit)}</text>{"".join(body)}</svg>'
    )
