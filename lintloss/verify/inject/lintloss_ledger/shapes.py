"""--debug-shapes: what people print by hand, for the first calls of each site, on stderr."""

from __future__ import annotations

import os
import sys
from typing import Any


class Shapes:
    """Prints shapes, loss, tokens and the running averages of the first calls of a site."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: dict[int, list[tuple[float, float]]] = {}

    def show(self, site: int, name: str, bound: dict[str, Any], value: float, scored: float, recorder: Any) -> None:
        calls = self._seen.setdefault(site, [])
        if len(calls) >= self._limit:
            return
        reduction = bound.get("reduction") or "mean"
        mean = value if reduction == "mean" else value / scored if scored else float("nan")
        calls.append((mean, scored))
        frames = recorder.sites.frames[site]
        where = f"{os.path.relpath(frames[0][0])}:{frames[0][1]}" if frames else "?"
        logits, target = bound["input"], bound["target"]
        read = (int(recorder.state.rows), int(recorder.state.length))
        by_batch = sum(one for one, _ in calls) / len(calls)
        tokens = sum(count for _, count in calls)
        by_token = sum(one * count for one, count in calls) / tokens if tokens else float("nan")
        print(
            f"[lintloss] {where} {name} call {len(calls)}: ids {read} logits {tuple(logits.shape)} {_short(logits.dtype)} "
            f"labels {tuple(target.shape)} {_short(target.dtype)} {reduction} loss {value:.6g} tokens {scored:.0f} of "
            f"{target.numel()}; running mean by batch {by_batch:.6g}, by token {by_token:.6g}",
            file=sys.stderr,
        )


def _short(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")
