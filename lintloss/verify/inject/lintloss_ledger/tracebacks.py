"""What the program prints of errors and warnings, without the recorder's frames: as in a plain run."""

from __future__ import annotations

import sys
import threading

from .ledger import TYPE_CHECKING
from .sites import HERE

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FunctionType, ModuleType
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

HIDDEN: list[CodeType] = []  # for dynamo.py: a replaced code object is none of its module's constants


def hidden(function: F) -> F:
    """Have `warnings` step over this function: `stacklevel=2` below it then means the user's line.

    Frames whose file name holds both of importlib and _bootstrap are passed over, in C and in Python.
    """
    plain: FunctionType = function  # type: ignore[assignment]  # a function of ours, with a code object
    plain.__code__ = plain.__code__.replace(co_filename=HERE + "importlib._bootstrap")
    HIDDEN.append(plain.__code__)
    return function


def install(note: Callable[..., None]) -> None:
    """Take the recorder's frames out of what ends a program or a thread; `note` is told of a torch that is not there."""
    plain = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: object) -> None:
        if isinstance(error, ModuleNotFoundError) and error.name == "torch":
            note("no_torch", python=sys.executable)
        strip(error)
        plain(kind, error, error.__traceback__)

    sys.excepthook = excepthook
    of_threads = threading.excepthook

    def threads_excepthook(args: Any) -> None:
        if args.exc_value is not None:
            strip(args.exc_value)
        of_threads(args)

    threading.excepthook = threads_excepthook


def on_traceback(module: ModuleType) -> None:
    """The module traceback has been executed: print_exc, format_exc and logging render by TracebackException."""
    plain = module.TracebackException.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        error = args[1] if len(args) > 1 else kwargs.get("exc_value")
        if isinstance(error, BaseException):
            strip(error)
        plain(self, *args, **kwargs)

    module.TracebackException.__init__ = init


def strip(error: BaseException) -> None:
    """Unlink the recorder's frames from the traceback of an error and of those that it came from."""
    seen: set[int] = set()
    walk: BaseException | None = error
    while walk is not None and id(walk) not in seen:
        seen.add(id(walk))
        _unlink(walk)
        walk = walk.__cause__ or walk.__context__


def _unlink(error: BaseException) -> None:
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(HERE):
        trace = trace.tb_next
    error.__traceback__ = trace
    while trace is not None and trace.tb_next is not None:
        if trace.tb_next.tb_frame.f_code.co_filename.startswith(HERE):
            trace.tb_next = trace.tb_next.tb_next
        else:
            trace = trace.tb_next
