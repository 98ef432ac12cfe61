"""The line at the foot of the terminal: what it counts, and that it is drawn on terminals alone. No torch."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import sys
from pathlib import Path

import pytest

from lintloss.verify import main
from lintloss.verify.merge import CALL, ROW
from lintloss.verify.progress import Progress


def test_calls_and_tokens_are_counted_as_the_ledger_grows(tmp_path: Path) -> None:
    rows = ROW.pack(CALL, 0, 0, 0, 0, 5.5, 40.0, *[0.0] * 6) + ROW.pack(2, 0, 0, 0, 0, *[0.0] * 8)
    path = tmp_path / "host-1.rows"
    path.write_bytes(rows + bytes(ROW.size * 3))
    progress = Progress(tmp_path, io.StringIO())
    progress._count()
    assert "1 criterion calls, 40 scored tokens, 1 process," in progress.line(3.0)
    path.write_bytes(rows + ROW.pack(CALL, 0, 0, 0, 0, 5.5, float("nan"), *[0.0] * 6) + bytes(ROW.size))
    progress._count()
    progress._count()
    assert "2 criterion calls, 40 scored tokens" in progress.line(3.0)


def test_nothing_is_drawn_where_stderr_is_no_terminal(tmp_path: Path) -> None:
    stream = io.StringIO()
    with Progress(tmp_path, stream) as progress:
        progress.tick()
    assert not progress.shown and stream.getvalue() == ""


def drained(terminal: int) -> str:
    parts = []
    with contextlib.suppress(BlockingIOError):
        while part := os.read(terminal, 4096):
            parts.append(part)
    return b"".join(parts).decode()


def test_a_terminal_gets_its_last_row_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    with os.fdopen(theirs, "w") as stream:
        monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((80, 24)))
        with Progress(tmp_path, stream) as progress:
            progress._last -= 1
            progress.tick()
        seen = drained(ours)
    os.close(ours)
    assert "\x1b[1;23r" in seen and "\x1b[24;1H" in seen and "lintloss verify: 0 criterion calls" in seen
    assert seen.endswith("\x1b[1;24r\x1b[24;1H\x1b[2K\x1b8")


def test_a_captured_run_prints_what_the_program_prints(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = [
        "--output-file",
        str(tmp_path / "out"),
        "--",
        sys.executable,
        "-c",
        "print('a'); import sys; print('b', file=sys.stderr)",
    ]
    assert main(words) == 0
    seen = capfd.readouterr()
    assert (seen.out, seen.err) == ("a\n", "b\n")
