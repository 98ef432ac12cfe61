"""Stage: numbers that are still on an accelerator -> the ledger, without a synchronization per call."""

from __future__ import annotations

import os
from typing import Any

from . import ledger as events
from .ledger import NAN, Ledger

CHUNK = 256  # scalars gathered into one tensor; 512 bytes each before, 8 after


class Pending:
    """Scalars on a device are stacked a chunk at a time, copied without blocking, and written once they arrived."""

    def __init__(self, ledger: Ledger, torch: Any) -> None:
        self._ledger = ledger
        self._torch = torch
        os.register_at_fork(after_in_child=self._forget)
        self._forget()

    def _forget(self) -> None:
        """A forked child must not write its parent's rows."""
        self._waiting: list[tuple[int, int, Any]] = []  # (row, position, scalar tensor)
        self._flying: list[tuple[list[tuple[int, int]], Any, Any]] = []  # (places, host tensor, event)

    def row(self, flags: int, site: int, form: int, numbers: tuple[Any, ...], kind: int = events.CALL) -> int:
        """Write a row whose numbers may be device scalars; those are filled in later."""
        if type(numbers[0]) is float and type(numbers[1]) is float:  # the only ones that are left on a device
            return self._ledger.row(kind, flags, site, form, numbers)
        host = tuple(number if isinstance(number, (int, float)) else NAN for number in numbers)
        index = self._ledger.row(kind, flags | events.PENDING, site, form, host)
        for position, number in enumerate(numbers):
            if not isinstance(number, (int, float)):
                self._waiting.append((index, position, number))
        if len(self._waiting) >= CHUNK:
            self._launch()
        return index

    def _launch(self) -> None:
        waiting, self._waiting = self._waiting, []
        by_device: dict[Any, list[tuple[int, int, Any]]] = {}
        for item in waiting:
            by_device.setdefault(item[2].device, []).append(item)
        for device, items in by_device.items():
            wide = self._torch.float32 if device.type == "mps" else self._torch.float64
            stacked = self._torch.stack([item[2].reshape(()).to(wide) for item in items])
            places = [(item[0], item[1]) for item in items]
            if device.type == "cuda":
                host = self._torch.empty(len(items), dtype=wide, pin_memory=True)
                host.copy_(stacked, non_blocking=True)
                event = self._torch.cuda.Event()
                event.record(self._torch.cuda.current_stream(device))
                self._flying.append((places, host, event))
            else:
                self._flying.append((places, stacked, None))
        self._land(wait=False)

    def _land(self, *, wait: bool) -> None:
        left = []
        for places, host, event in self._flying:
            if event is not None and not wait and not event.query():
                left.append((places, host, event))
                continue
            if event is not None:
                event.synchronize()
            elif not wait:
                left.append((places, host, event))
                continue
            for (index, position), number in zip(places, host.tolist(), strict=True):
                self._ledger.amend(index, position, number)
        self._flying = left

    def drain(self) -> None:
        """Write all that is still on a device; called once, at exit."""
        if self._waiting:
            self._launch()
        self._land(wait=True)
