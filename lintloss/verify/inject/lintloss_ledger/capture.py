"""Stage: a forward pass, seen from its embeddings -> ids, full logits and the outermost module, for the close look."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from types import FrameType
from typing import Any

from .pads import asked
from .record import Function, Recorder, scriptable
from .tracing import compiling

CALLS = ("_wrapped_call_impl", "_call_impl", "__call__")
LARGEST = 1 << 26  # elements of a logits tensor that may be kept until the criterion is called (256 MB in float32)


@dataclass
class Embedded:
    """One lookup: how many rows the table has, the ids as they were, and the table's padding row."""

    table_rows: int
    ids: Any
    padding_idx: int | None


@dataclass
class Forward:
    """The outermost module whose forward is running, and what it was called with."""

    module: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def outermost(frame: FrameType | None, torch: Any) -> Forward | None:
    """Find the outermost torch.nn.Module call on the stack."""
    found: Forward | None = None
    walk = frame
    while walk is not None:
        if walk.f_code.co_name in CALLS and walk.f_code.co_filename.endswith("module.py"):
            names = walk.f_locals
            module = names.get("self")
            if isinstance(module, torch.nn.Module):
                found = Forward(module, tuple(names.get("args", ())), dict(names.get("kwargs", {})))
        walk = walk.f_back
    return found


def watch_linear(recorder: Recorder, functional: Any) -> Function:
    """Keep the last linear layer's output while sites are looked at closely: the head's rows before any slicing."""
    original = functional.linear
    tracing = recorder.torch._C._get_tracing_state
    tensor = recorder.torch.Tensor  # not a proxy that torch.fx traces with: it would keep what is done to it
    state = recorder.state

    @functools.wraps(original)
    def linear(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if not compiling() and not state.busy and tracing() is None and type(result) is tensor and result.dim() >= 2:
            state.linear = result.detach() if result.numel() <= LARGEST else None
        return result

    linear.__prepare_scriptable__ = scriptable("linear", original)  # type: ignore[attr-defined]  # for torch.jit
    return linear


def logits_in_frames(frame: FrameType | None, classes: int, torch: Any) -> list[Any]:
    """Tensors [batch, time, classes] among the locals of the frames that led to the criterion."""
    found = []
    walk, depth = frame, 0
    while walk is not None and depth < 12:
        for value in list(walk.f_locals.values()):
            tensor = value if isinstance(value, torch.Tensor) else asked(value, "logits")
            if isinstance(tensor, torch.Tensor) and tensor.dim() == 3 and tensor.shape[-1] == classes:
                found.append(tensor.detach())
        walk, depth = walk.f_back, depth + 1
    return found
