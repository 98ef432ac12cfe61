"""Close look: sliding windows: do the targets of this call begin with those that the last call ended with?"""

from __future__ import annotations

from typing import Any

SHORTEST = 8  # tokens in common that chance does not bring


class Windows:
    """Remembers the last scored targets of each site; counts a repeated token's nats as already scored."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self._last: dict[int, list[int]] = {}

    def facts(self, site: int, rows: Any, labels: Any, ignored: int, recorder: Any) -> dict[str, Any]:
        if recorder.state.rows != 1 or labels.numel() > 1 << 16:
            self._last.pop(site, None)
            return {}
        kept = labels != ignored
        tokens = labels[kept].tolist()
        last = self._last.get(site)
        self._last[site] = tokens
        repeated = 0 if last is None else _overlap(last, tokens)
        if repeated < SHORTEST:
            return {"repeated": 0}
        wide = rows[kept] if rows.dtype.itemsize >= 8 else rows[kept].float()
        nats = recorder.original["cross_entropy"](wide[:repeated], labels[kept][:repeated], reduction="sum")
        return {"repeated": repeated, "repeated_nats": float(nats)}


def _overlap(last: list[int], tokens: list[int]) -> int:
    """Length of the longest end of `last` that `tokens` starts with."""
    if not tokens:
        return 0
    first = tokens[0]
    for start in range(max(0, len(last) - len(tokens)), len(last)):
        if last[start] == first and last[start:] == tokens[: len(last) - start]:
            return len(last) - start
    return 0
