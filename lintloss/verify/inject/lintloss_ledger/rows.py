"""Stage: the rows that a criterion scored -> the places (sequence, position) in the model's logits they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

COLUMNS = 8  # compared instead of whole rows: float logits agree in all of them or in none
GREEDY_ROWS = 8192


@dataclass
class Places:
    """For each scored row its sequence and position, on the CPU; `full` is the logits [batch, time, classes]."""

    sequence: Any
    position: Any
    full: Any
    certain: bool  # found by comparing values, or the rows are all the rows there are


def flatten(logits: Any, target: Any) -> tuple[Any, Any]:
    """Bring (N, C), (N, C, d1…) and (C,) to rows [N, C], and the targets to [N]."""
    if logits.dim() == 1:
        return logits.reshape(1, -1), target.reshape(1)
    if logits.dim() == 2:
        return logits, target.reshape(-1)
    return logits.movedim(1, -1).reshape(-1, logits.shape[1]), target.reshape(-1)


def place(rows: Any, shape: tuple[int, int], candidates: list[Any], torch: Any) -> Places | None:
    """Find where the scored rows sit in [batch, time]; candidates are tensors that may be the full logits."""
    batch, time = shape
    for full in candidates:
        lead = tuple(full.shape[:-1])
        if full.shape[-1] != rows.shape[-1]:
            continue
        if lead == (batch * time,):
            full = full.reshape(batch, time, -1)
        elif lead == (time, batch) and batch != time:
            full = full.transpose(0, 1)
        elif lead != (batch, time):
            continue
        found = _sliced(rows, full, torch) or _greedy(rows, full, torch)
        if found is not None:
            return found
    return _assumed(rows, batch, time, torch)


def _grid(batch: int, start: int, stop: int, torch: Any) -> tuple[Any, Any]:
    span = torch.arange(start, stop, device="cpu")
    sequence = torch.arange(batch, device="cpu").repeat_interleave(stop - start)
    return sequence, span.repeat(batch)


def _sliced(rows: Any, full: Any, torch: Any) -> Places | None:
    """The common case: full[:, a : T - b], flattened row by row (or transposed and flattened)."""
    batch, time, classes = full.shape
    if rows.shape[0] % batch:
        return None
    width = rows.shape[0] // batch
    picked = slice(0, min(classes, COLUMNS))
    wanted = rows[:, picked]
    for start in range(min(4, time - width + 1)):
        part = full[:, start : start + width, picked]
        if torch.equal(part.reshape(batch * width, -1).to(wanted.dtype), wanted):
            return Places(*_grid(batch, start, start + width, torch), full, certain=True)
        if batch > 1 and torch.equal(part.transpose(0, 1).reshape(batch * width, -1).to(wanted.dtype), wanted):
            position = torch.arange(start, start + width, device="cpu").repeat_interleave(batch)
            return Places(torch.arange(batch, device="cpu").repeat(width), position, full, certain=True)
    return None


def _greedy(rows: Any, full: Any, torch: Any) -> Places | None:
    """Masked selections such as logits[mask]: match rows by value, in order."""
    batch, time, classes = full.shape
    if rows.shape[0] > GREEDY_ROWS or batch * time > GREEDY_ROWS or rows.shape[0] > batch * time:
        return None
    picked = slice(0, min(classes, COLUMNS))
    have = full.reshape(batch * time, classes)[:, picked].to(rows.dtype).tolist()
    found, cursor = [], 0
    for row in rows[:, picked].tolist():
        while cursor < len(have) and have[cursor] != row:
            cursor += 1
        if cursor == len(have):
            return None
        found.append(cursor)
        cursor += 1
    flat = torch.tensor(found, device="cpu")
    return Places(flat // time, flat % time, full, certain=True)


def _assumed(rows: Any, batch: int, time: int, torch: Any) -> Places | None:
    """No full logits to compare with: all rows are certainly all rows; fewer are taken to start at 0."""
    if rows.shape[0] == batch * time:
        full = rows.reshape(batch, time, -1)
        return Places(*_grid(batch, 0, time, torch), full, certain=True)
    if rows.shape[0] % batch == 0 and 0 < rows.shape[0] // batch < time and rows.shape[0] // batch >= time - 3:
        width = rows.shape[0] // batch
        return Places(*_grid(batch, 0, width, torch), None, certain=False)
    return None
