"""Draws what a verdict rests on as Mermaid charts, for Markdown: GitHub and GitLab show these, and no data URIs."""

from __future__ import annotations

import math

from lintloss.verify import wording
from lintloss.verify.verdicts import Judged

MOST = 24  # bars whose labels can be told apart


def batches(judged: Judged) -> list[str]:
    """Loss of batches in the order of their scored tokens; level lines mark reported and true."""
    points = sorted(
        (batch.scored, number, batch.loss)
        for number, batch in enumerate(judged.batches, 1)
        if math.isfinite(batch.loss)
    )
    step = math.ceil(len(points) / MOST) or 1
    shown = points[::step]
    if not shown:
        return []
    levels = {"reported": judged.reported.loss, "true": judged.reference.loss}
    lines = {name: value for name, value in levels.items() if value is not None and math.isfinite(value)}
    told = "".join(f", line: {name} {wording.number(value)}" for name, value in lines.items())
    which = "each batch" if step == 1 else f"one batch in {step}"
    return _chart(
        f"Loss of {which} by its scored tokens{told}",
        ("scored tokens #batch", [f"{scored:,} #{number}" for scored, number, _ in shown]),  # equal labels share a bar
        "nats a token",
        [loss for _, _, loss in shown],
        list(lines.values()),
    )


def shifts(judged: Judged) -> list[str]:
    """Share of scored targets that equal the id embedded at each offset; +1 is the next token."""
    items = sorted((int(name), value) for name, value in judged.offsets.items())
    if not items:
        return []
    names = [f"{offset:+d}" if offset else "0" for offset, _ in items]
    title = "Where the targets are found among the ids that were read"
    return _chart(
        title, ("offset (+1 is the next token)", names), "share of the targets", [share for _, share in items]
    )


def _chart(
    title: str, across: tuple[str, list[str]], up: str, bars: list[float], levels: list[float] | None = None
) -> list[str]:
    levels = levels or []
    low, high = min(0.0, *bars, *levels), max(*bars, *levels, 0.0) * 1.1 or 1.0
    name, labels = across
    categories = ", ".join(f'"{label}"' for label in labels)
    return [
        "```mermaid",
        "xychart-beta",
        f'    title "{title}"',
        f'    x-axis "{name}" [{categories}]',
        f'    y-axis "{up}" {low:.6f} --> {high:.6f}',
        f"    bar {_numbers(bars)}",
        *(f"    line {_numbers([level] * len(bars))}" for level in levels),
        "```",
        "",
    ]


def _numbers(values: list[float]) -> str:
    """Mermaid reads decimals and knows no exponents."""
    return "[" + ", ".join(f"{value:.6f}" for value in values) + "]"
