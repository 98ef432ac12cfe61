"""Stage: a flagged script run as `python eval.py` -> the same run with its expressions recorded.

CPython compiles the main script in C and announces the code object with the audit event "exec". The hook then runs the
recorded code in the same __main__ namespace, and ends the interpreter as the script would have ended it.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from types import CodeType

from .ledger import TYPE_CHECKING
from .tracebacks import hidden, strip

if TYPE_CHECKING:
    from typing import Any

    from .boot import Boot


def hook(boot: Boot) -> None:
    """Wait for the main script if it is flagged, and for runpy.run_path (multiprocessing's spawn uses it)."""
    script = sys.argv[0] if sys.argv else ""
    path = os.path.realpath(script) if script and script not in ("-c", "-m") else ""
    if path in boot.plan.files:
        _take_over(boot, script, path)
    _hook_run_path(boot)


def _take_over(boot: Boot, script: str, path: str) -> None:
    waiting = [True]
    ending = _Interrupt()

    @hidden
    def audit(event: str, args: tuple[Any, ...]) -> None:
        if not waiting or event != "exec":
            return
        code = args[0]
        if not isinstance(code, CodeType) or os.path.realpath(code.co_filename) != path:
            return
        waiting.clear()
        with open(path, "rb") as stream:
            recorded = boot.rewritten(code.co_filename, stream.read(), "__main__")
        _run(recorded, ending)

    audit.__cantrace__ = True  # type: ignore[attr-defined]  # debuggers and coverage keep seeing the program
    sys.addaudithook(audit)


class _Interrupt:
    """An uncaught Ctrl-C ends CPython by SIGINT, not by a status; registered first, so that it runs last."""

    def __init__(self) -> None:
        self.pending = False
        atexit.register(self._end)

    def _end(self) -> None:
        if self.pending:
            sys.stdout.flush()
            sys.stderr.flush()
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)


@hidden
def _run(code: CodeType, ending: _Interrupt) -> None:
    try:
        exec(code, sys.modules["__main__"].__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        strip(error)
        trace = error.__traceback__
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
        sys.excepthook(type(error), error, trace)
        ending.pending = isinstance(error, KeyboardInterrupt)
        raise SystemExit(1) from None
    raise SystemExit(0)


def _hook_run_path(boot: Boot) -> None:
    """runpy is frozen and small: its reader of source files is wrapped when something imports it."""
    import runpy

    plain = runpy._get_code_from_file  # type: ignore[attr-defined]  # private, the only door of run_path

    def reading(*args: str) -> Any:
        result = plain(*args)
        path = args[-1]
        if os.path.realpath(path) not in boot.plan.files or not path.endswith(".py"):
            return result
        with open(path, "rb") as stream:
            code = boot.rewritten(path, stream.read(), "__main__")
        return (code, *result[1:]) if isinstance(result, tuple) else code

    runpy._get_code_from_file = reading  # type: ignore[attr-defined]


def source_text(source: bytes) -> str:
    """Decode as the compiler does (coding line, byte order mark)."""
    import importlib.util

    return importlib.util.decode_source(source)
