"""What the recorder remembers of each thread between a forward pass and its criterion call."""

from __future__ import annotations

import threading
from typing import Any


class ThreadState(threading.local):
    """Per-thread facts; `busy` is the re-entrancy guard that every recorder honors."""

    def __init__(self) -> None:
        self.busy = False
        self.embedded: list[tuple[int, Any, int | None]] = []  # (table rows, ids or their shape, padding_idx)
        self.rows = 0  # shape of the last ids that an embedding read
        self.length = 0
        self.dropout = False
        self.batch_norm = False
        self.linear: Any = None  # the last full logits, kept only while sites are looked at closely
        self.capture: Any = None  # (module, args, kwargs) of the outermost forward, close look only
