"""`--watch`: check again whenever a file that was checked, or one that configures the check, changes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from lintloss.command.options import Options
from lintloss.command.session import Session
from lintloss.errors import LintlossError

PAUSE_SECONDS = 0.5


def watch(options: Options, run: Callable[[], int]) -> int:
    """Run until interrupted; the exit code is that of the last run."""
    code = 0
    seen: tuple[tuple[str, int], ...] | None = None
    interrupts: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        interrupts.append(number)  # kept, for an exception is lost where it is raised in a finalizer
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        while not interrupts:
            now = snapshot(options)
            if now != seen:
                seen = now
                code = _once(run)
                sys.stderr.write("lintloss: watching; Ctrl-C ends it\n")
                sys.stderr.flush()
            time.sleep(PAUSE_SECONDS)
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGINT, before)
    return code


def _once(run: Callable[[], int]) -> int:
    try:
        return run()
    except LintlossError as failure:  # a broken configuration is mended while we watch
        sys.stderr.write(f"lintloss: error: {failure}\n")
        return 2


def snapshot(options: Options) -> tuple[tuple[str, int], ...]:
    """Return every file that would be checked, and every configuration, with its time of change."""
    try:
        session = Session(options)
        paths = [source.path for source in session.discover().sources] + [session.config.path]
    except LintlossError:
        paths = list(options.paths)
    return tuple((path, _changed(path)) for path in paths if path)


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
