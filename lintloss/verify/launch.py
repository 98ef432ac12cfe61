"""Stage: COMMAND -> the same command, run as the user runs it, with the ledger injected into every Python it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lintloss.errors import UsageError

INJECT = Path(__file__).resolve().parent / "inject"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the command ended: `exit_code` is its own (negative: the signal that killed it)."""

    exit_code: int
    seconds: float


def environment(plan: Path, base: Mapping[str, str]) -> dict[str, str]:
    """The user's environment plus the injection; no PYTHONPATH, or an empty one, does not become one that holds '.'."""
    own = base.get("PYTHONPATH")
    path = os.pathsep.join([str(INJECT), own]) if own else str(INJECT)
    # Compiled graphs are cached by their source, which the recorder does not change: an old one would hide the
    # criteria, and one with the recorder's op in it would break the user's next plain run.
    caches = {
        "TORCHINDUCTOR_CACHE_DIR": str(plan.parent / "inductor"),
        "TORCHINDUCTOR_FX_GRAPH_REMOTE_CACHE": "0",
        "TORCHINDUCTOR_AUTOGRAD_REMOTE_CACHE": "0",
    }
    return {**base, **caches, "PYTHONPATH": path, "LINTLOSS_PLAN": str(plan)}


def launch(
    command: tuple[str, ...], plan: Path, tick: Callable[[], None] | None = None, *, aside: bool = False
) -> Outcome:
    """Run the command with the terminal's own stdin, stdout and stderr, and wait for it.

    A run that the user did not ask for by itself is put `aside`: what it prints goes to stderr.

    Ctrl-C reaches the command through the terminal's process group; this process only waits for it to end.
    """
    start = time.monotonic()
    forward = _Forwarder()
    try:
        with forward:
            process = subprocess.Popen(command, env=environment(plan, os.environ), stdout=2 if aside else None)
            forward.process = process
            code = _wait(process, tick)
    except FileNotFoundError as error:
        raise UsageError(f"cannot run {command[0]}: not found", hint="is it on PATH here?") from error
    except PermissionError as error:
        raise UsageError(f"cannot run {command[0]}: not executable", hint=f"python {command[0]} …?") from error
    return Outcome(code, time.monotonic() - start)


def _wait(process: subprocess.Popen[bytes], tick: Callable[[], None] | None) -> int:
    while True:
        try:
            return process.wait(timeout=None if tick is None else 0.2)
        except subprocess.TimeoutExpired:
            if tick is not None:
                tick()


class _Forwarder:
    """While the command runs: SIGINT is left to it (the terminal sends it one), SIGTERM and SIGHUP are passed on."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._kept: dict[int, object] = {}

    def __enter__(self) -> None:
        self._kept[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
        for name in ("SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                number = getattr(signal, name)
                self._kept[number] = signal.signal(number, self._pass_on)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._kept.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # as signal.signal returned it

    def _interrupt(self, number: int, frame: object) -> None:
        if not _is_in_foreground():
            self._pass_on(number, frame)  # nobody else tells the command

    def _pass_on(self, number: int, frame: object) -> None:
        if self.process is not None:
            self.process.send_signal(number)


def _is_in_foreground() -> bool:
    """Tell whether a terminal's Ctrl-C reaches this process, and with it all of its group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
