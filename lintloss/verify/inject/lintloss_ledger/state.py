"""What the recorder remembers of each thread between a forward pass and its criterion call."""

from __future__ import annotations

import threading
from typing import Any


class ThreadState(threading.local):
    """Per-thread facts; `busy` is the re-entrancy guard that every recorder honors."""

    def __init__(self) -> None:
        self.busy = False
        self.embedded: list[Any] = []  # capture.Embedded, close look only
        self.rows = 0  # shape of the ids that an embedding read, of the most rows since the last criterion call
        self.length = 0
        self.is_stale = True  # they are of a forward before that
        self.criteria = 0  # criterion calls so far
        self.dropout = False
        self.batch_norm = False
        self.linear: Any = None  # the last full logits, kept only while sites are looked at closely
        self.capture: Any = None  # capture.Forward, close look only

    def forget(self) -> None:
        """Between a criterion call, or a backward, and the next forward: what was seen belongs to none that follows."""
        self.embedded.clear()
        self.is_stale = True
        self.dropout = self.batch_norm = False
