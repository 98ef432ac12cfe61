"""While the command runs: one line at the foot of the terminal, apart from what the program prints."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TextIO

from lintloss.verify.merge import CALL, ROW

EVERY = 0.5  # seconds
MOST = 50_000  # rows read a tick: the program has the machine, not we


class Progress:
    """Counts criterion calls and scored tokens as the ledgers grow. Silent unless stderr is a terminal.

    The last row of the terminal is taken out of the scrolling region, as apt does, so that neither the program's
    lines nor its own progress bars run into ours.
    """

    def __init__(self, folder: Path, stream: TextIO | None = None) -> None:
        self._folder = folder
        self._stream = stream or sys.stderr
        self._places: dict[Path, int] = {}
        self._calls = 0
        self._tokens = 0.0
        self._start = self._last = time.monotonic()
        self._rows = 0

    def __enter__(self) -> Progress:
        if self._stream.isatty() and os.environ.get("TERM") != "dumb" and "CI" not in os.environ:
            try:
                self._rows = os.get_terminal_size(self._stream.fileno()).lines
            except (OSError, ValueError):
                self._rows = 0
        if self._rows > 3:
            self._write(f"\n\x1b7\x1b[1;{self._rows - 1}r\x1b8\x1b[1A")
        else:
            self._rows = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._rows:
            self._write(f"\x1b7\x1b[1;{self._rows}r\x1b[{self._rows};1H\x1b[2K\x1b8")

    @property
    def shown(self) -> bool:
        return self._rows > 0

    def tick(self) -> None:
        """Draw the line anew, at most twice a second."""
        now = time.monotonic()
        if not self._rows or now - self._last < EVERY:
            return
        self._last = now
        self._count()
        self._write(f"\x1b7\x1b[{self._rows};1H\x1b[2K\x1b[2m{self.line(now - self._start)}\x1b[0m\x1b8")

    def line(self, seconds: float) -> str:
        count = len(self._places)
        return (
            f"lintloss verify: {self._calls:,} criterion calls, {self._tokens:,.0f} scored tokens, "
            f"{count} process{'' if count == 1 else 'es'}, {seconds:.0f} s"
        )

    def _count(self) -> None:
        for path in self._folder.glob("*.rows"):
            place = self._places.setdefault(path, 0)
            with path.open("rb") as stream:
                stream.seek(place)
                blob = stream.read(MOST * ROW.size)
            for offset in range(0, len(blob) - ROW.size + 1, ROW.size):
                kind, _, _, _, _, _, scored, *_ = ROW.unpack_from(blob, offset)
                if not kind:
                    break  # not written yet
                if kind == CALL:
                    self._calls += 1
                    self._tokens += scored if scored == scored else 0.0  # NaN: still on the accelerator
                place += ROW.size
            self._places[path] = place

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
