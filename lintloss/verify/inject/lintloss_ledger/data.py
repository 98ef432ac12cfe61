"""--data: which token sequences were evaluated: a digest of each row, and a sample of windows to look for elsewhere."""

from __future__ import annotations

import hashlib
from typing import Any

WINDOW = 32  # tokens: two texts share that many in a row by copying, not by chance
WINDOWS = 256  # sampled, one a row


class Data:
    """Notes the rows that each evaluation call read; training calls (with gradients) are left out."""

    def __init__(self) -> None:
        self._windows = 0

    def show(self, index: int, ids: Any, scored: float, recorder: Any) -> None:
        rows = ids.tolist()
        digests = [hashlib.blake2b(repr(row).encode(), digest_size=8).hexdigest() for row in rows]
        windows = []
        for row in rows:
            if len(row) >= WINDOW and self._windows < WINDOWS:
                self._windows += 1
                windows.append(row[:WINDOW])
        recorder.ledger.note("data", order=index, rows=digests, tokens=int(ids.numel()), scored=scored, windows=windows)
