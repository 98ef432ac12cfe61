"""Keeps torch.compile's hands off the recorder's own functions.

Behind a graph break each Python function that is called may be compiled by itself, the recorder's too: it walks frames,
which dynamo cannot trace and fails at (seen: AssertionError out of the user's model), and `compiling()` would be folded
to True in what is recorded. Functions that are inlined into a graph of the user's are not concerned.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType

from .tracebacks import HIDDEN

PACKAGE = __name__.rpartition(".")[0]


def keep_out(eval_frame: ModuleType) -> None:
    """Have dynamo run the functions of this package as they are; `eval_frame` is torch._dynamo.eval_frame."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{PACKAGE}."):
            for code in _codes(module):
                eval_frame.skip_code(code)
    for code in HIDDEN:
        eval_frame.skip_code(code)


def _codes(module: ModuleType) -> Iterator[CodeType]:
    for held in vars(module).values():
        if getattr(held, "__module__", None) != module.__name__:
            continue
        members = vars(held).values() if isinstance(held, type) else (held,)
        for member in members:
            plain = getattr(member, "fget", None) or getattr(member, "__func__", member)
            if isinstance(plain, FunctionType):
                yield from _nested(plain.__code__)


def _nested(code: CodeType) -> Iterator[CodeType]:
    """A function's code and that of the functions which it makes."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)
