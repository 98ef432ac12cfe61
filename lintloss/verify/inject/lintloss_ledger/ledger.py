"""Stage: events of one process -> two files: numbers in a memory map (they outlive kill -9), the rest as JSON lines."""

from __future__ import annotations

import itertools
import json
import mmap
import os
import struct
import sys
import threading
import time

TYPE_CHECKING = False  # as typing has it, without importing typing: 5 ms of every interpreter's start
if TYPE_CHECKING:
    from typing import IO

# kind, flags, site, form, thread, then eight doubles whose meaning depends on the kind (see merge.py of the judge).
ROW = struct.Struct("<HHIIIdddddddd")
SEGMENT_ROWS = 4096
NAN = float("nan")
PADDING = (NAN,) * 8

# Notes that rows refer to: a forked child goes on using the numbers, so its ledger starts with them.
STANDING = ("torch", "site", "form", "element", "value_site", "scope_site", "loop_site", "link", "padding", "loader")

JOB = ("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID")  # the same for all ranks of a job

CALL, VALUE, ENTER, LOOP, BACKWARD, LOAD, KEPT = 1, 2, 3, 4, 5, 6, 7

GRAD, COMPILED, DROPOUT, BATCH_NORM, PENDING = 1, 4, 8, 16, 32


class Ledger:
    """The run folder's files of this process; opened at the first event, opened anew in a forked child."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.stem = ""  # path of this process's files, without their endings
        self.spent = 0.0  # seconds inside the recorder, all threads
        self.broken = False  # the disk is full, or the run is over and its folder gone: the program goes on without us
        self._standing: list[tuple[str, dict[str, object]]] = []
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._next = itertools.count()
        self._maps: list[mmap.mmap] = []
        self._rows: IO[bytes] | None = None
        self._notes: int | None = None
        self._lock = threading.Lock()

    @property
    def opened(self) -> bool:
        return self._notes is not None

    def _open(self) -> int:
        with self._lock:
            if self._notes is None:
                stem = f"{os.uname().nodename}-{os.getpid()}-{time.time_ns():x}"
                path = os.path.join(self.folder, stem)
                self.stem = path
                self._rows = open(path + ".rows", "w+b")  # noqa: SIM115  lives as long as the process
                self._notes = os.open(path + ".jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
                self._write(self._notes, "process", _describe_process())
                for kind, fields in self._standing:
                    self._write(self._notes, kind, fields)
        return self._notes

    @staticmethod
    def _write(stream: int, kind: str, fields: dict[str, object]) -> None:
        line = json.dumps({"kind": kind, **fields}, allow_nan=True, default=str) + "\n"
        os.write(stream, line.encode())

    def note(self, kind: str, **fields: object) -> None:
        """Append one line; a line is one write, so what a killed process wrote is whole."""
        if self.broken:
            return
        try:
            stream = self._notes if self._notes is not None else self._open()
            if kind in STANDING:
                self._standing.append((kind, fields))
            self._write(stream, kind, fields)
        except OSError:
            self.broken = True

    def row(self, kind: int, flags: int, site: int, form: int, numbers: tuple[float, ...]) -> int:
        """Write one event (at most eight numbers) and return its index, the order of events in this process."""
        index = next(self._next)
        thread = threading.get_ident() & 0xFFFFFFFF
        while len(self._maps) <= index // SEGMENT_ROWS:
            if self.broken:
                return index
            try:
                self._grow()
            except OSError as error:
                self.note("failure", error=f"the ledger cannot grow, and what follows is not recorded: {error}")
                self.broken = True
        if len(numbers) < 8:
            numbers += PADDING[len(numbers) :]
        place = index % SEGMENT_ROWS * ROW.size
        ROW.pack_into(self._maps[index // SEGMENT_ROWS], place, kind, flags, site, form, thread, *numbers)
        return index

    def amend(self, index: int, position: int, number: float) -> None:
        """Fill in a number that was still on the accelerator when the row was written."""
        if index // SEGMENT_ROWS >= len(self._maps):
            return  # broken: there is no such row
        offset = index % SEGMENT_ROWS * ROW.size + 16 + 8 * position
        struct.pack_into("<d", self._maps[index // SEGMENT_ROWS], offset, number)

    def _grow(self) -> None:
        if self._notes is None:
            self._open()
        with self._lock:
            size = SEGMENT_ROWS * ROW.size
            start = len(self._maps) * size
            stream = self._rows
            assert stream is not None
            # Reserved, not sparse: a full disk is an OSError here and would be a SIGBUS of the user's program there.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(stream.fileno(), start, size)
            else:
                os.ftruncate(stream.fileno(), start + size)
            # mmap offsets must be multiples of the page size: 4096 rows of 80 bytes are.
            self._maps.append(mmap.mmap(stream.fileno(), size, offset=start))


def _describe_process() -> dict[str, object]:
    environment = os.environ
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "argv": list(getattr(sys, "orig_argv", sys.argv)),
        "python": sys.version.split()[0],
        "rank": _number(environment.get("RANK")),
        "world_size": _number(environment.get("WORLD_SIZE")),
        "host": os.uname().nodename,
        "job": " ".join(environment.get(name, "") for name in JOB),
        "started": time.time_ns(),
    }


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
