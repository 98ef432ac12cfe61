"""Stage: a recorded expression of the user's code -> a row. The value itself is handed back untouched."""

from __future__ import annotations

import sys
from time import perf_counter

from . import ledger as events
from .ledger import TYPE_CHECKING, Ledger
from .tracing import compiling

if TYPE_CHECKING:
    from typing import Any

ELEMENTS = 16  # of a returned tuple or dict


class Values:
    """Writes scalars; `pending` comes with torch and takes those that live on an accelerator."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._names: dict[object, int] = {}
        self.recorder: Any = None  # record.Recorder, once torch is there

    def value(self, site: int, value: Any) -> Any:
        """Record a value and return it. This is what the rewritten expressions call."""
        if compiling():
            return value
        start = perf_counter()
        try:
            self._record(site, value)
        except Exception as error:  # the user's program comes first
            self._ledger.note("failure", error=f"{type(error).__name__}: {error}"[:300])
        self._ledger.spent += perf_counter() - start
        return value

    def enter(self, scope: int) -> None:
        """A flagged function (or file) starts."""
        if not compiling():
            self._ledger.row(events.ENTER, 0, scope, 0, ())

    def loop(self, scope: int) -> None:
        """A loop around a flagged expression starts its next turn."""
        if not compiling():
            self._ledger.row(events.LOOP, 0, scope, 0, ())

    def source(self, site: int, items: Any) -> Any:
        """Record how many items a loop could take (LL404), and hand them on untouched."""
        if compiling():
            return items
        try:
            if type(items) is not range:  # a range has been cut to length by whoever made it
                of_loader = int(hasattr(items, "batch_sampler"))  # those are watched by loaders.py
                self._ledger.row(events.VALUE, 0, site, of_loader, (float(len(items)), 0.0))
        except (TypeError, NotImplementedError):
            pass  # a stream has no length
        except Exception as error:  # as above
            self._ledger.note("failure", error=f"{type(error).__name__}: {error}"[:300])
        return items

    def _record(self, site: int, value: Any) -> None:
        if isinstance(value, (tuple, list)) and len(value) <= ELEMENTS:
            for position, part in enumerate(value):
                if isinstance(part, dict) and len(value) == 1:  # Lightning returns [{"val_loss": …}]
                    self._record(site, part)
                else:
                    self._scalar(site, position + 1, part)
        elif isinstance(value, dict) and len(value) <= ELEMENTS:
            for name, part in value.items():
                self._scalar(site, self._named(name), part)
        else:
            self._scalar(site, 0, value)

    def _named(self, name: object) -> int:
        number = self._names.get(name)
        if number is None:
            number = self._names[name] = 1000 + len(self._names)
            self._ledger.note("element", element=number, name=str(name)[:80])
        return number

    def _scalar(self, site: int, element: int, value: Any) -> None:
        if isinstance(value, bool):
            return
        if isinstance(value, (int, float)):
            if not abs(value) >= 1e300:  # nan is a report, too: of batches that scored nothing
                self._ledger.row(events.VALUE, 0, site, element, (float(value), 0.0))
            return
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, getattr(torch, "Tensor", ())):
            self._tensor(site, element, value)
        elif type(value).__module__ == "numpy" and getattr(value, "size", 0) == 1:
            self._ledger.row(events.VALUE, 0, site, element, (float(value.item()), 1.0))

    def _tensor(self, site: int, element: int, value: Any) -> None:
        if value.numel() != 1 or value.is_complex() or value.device.type == "meta":
            return
        if self.recorder is None or self.recorder.is_traced():
            return  # torch.jit.trace would take our reading of the number for the program's
        if value.device.type == "cpu":
            self._ledger.row(events.VALUE, 0, site, element, (float(value.detach().item()), 2.0))
        else:
            kept = value.detach().reshape(()).clone()
            self.recorder.pending.row(0, site, element, (kept, 2.0), kind=events.VALUE)
