"""Stage: functions that are no criteria but evidence: embeddings, active dropout, batch norm, padding, backward."""

from __future__ import annotations

import functools
import sys
from collections import deque
from typing import Any

from . import ledger as events
from .record import Function, Recorder
from .tracing import compiling


def embedding(recorder: Recorder, original: Function) -> Function:
    """Remember the shape of the ids (and the ids themselves while sites are looked at closely)."""
    state = recorder.state

    tensor = recorder.torch.Tensor
    close = recorder.close
    tracing = recorder.torch._C._get_tracing_state

    @functools.wraps(original)
    def recording(input: Any, weight: Any, padding_idx: int | None = None, *args: Any, **kwargs: Any) -> Any:
        # In a graph being traced the input is a FakeTensor: torch.compile calls this by its name, never inlines it.
        if type(input) is tensor and not state.busy:
            shape = input.shape
            if len(shape) == 2 and (state.is_stale or shape[0] > state.rows):  # positions are read as one row for all
                state.rows, state.length = shape
                state.is_stale = False
            if close.wants and tracing() is None:
                close.embedded(input, weight, padding_idx, sys._getframe(1))
        return original(input, weight, padding_idx, *args, **kwargs)

    return recording


def dropout(recorder: Recorder, original: Function) -> Function:
    state = recorder.state
    tensor = recorder.torch.Tensor

    @functools.wraps(original)
    def recording(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        if training and p > 0 and type(input) is tensor:
            state.dropout = True
        return original(input, p, training, inplace)

    return recording


def attention(recorder: Recorder, original: Function) -> Function:
    """scaled_dot_product_attention drops weights whenever dropout_p > 0, in eval mode too (nanoGPT PR 240)."""
    state = recorder.state

    @functools.wraps(original)
    def recording(*args: Any, **kwargs: Any) -> Any:
        active = args[4] if len(args) > 4 else kwargs.get("dropout_p")
        if active and not compiling():
            state.dropout = True
        return original(*args, **kwargs)

    return recording


def batch_norm(recorder: Recorder, original: Function) -> Function:
    state = recorder.state

    @functools.wraps(original)
    def recording(*args: Any, **kwargs: Any) -> Any:
        if (args[5] if len(args) > 5 else kwargs.get("training")) and not compiling():
            state.batch_norm = True
        return original(*args, **kwargs)

    return recording


def differentiate(recorder: Recorder, original: Function) -> Function:
    """torch.autograd.backward and grad: the criterion calls that a gradient is taken of are training, not evaluation."""
    state = recorder.state

    @functools.wraps(original)
    def recording(*args: Any, **kwargs: Any) -> Any:
        if compiling():
            return original(*args, **kwargs)
        tensors = args[0] if args else kwargs.get("tensors", kwargs.get("outputs"))
        try:
            awaiting, recorder.compiled.awaiting = recorder.compiled.awaiting, []
            for index in _criterion_rows(tensors) or awaiting:
                recorder.ledger.row(events.BACKWARD, 0, index, 0, ())
        except Exception as error:  # the user's backward comes first
            recorder.failed(error)
        try:
            return original(*args, **kwargs)
        finally:
            # Checkpointing ran forwards again, in training mode: they are none of the next criterion call's.
            state.forget()

    return recording


def _criterion_rows(tensors: Any) -> list[int]:
    """Rows of the criterion calls at the top of a graph; the walk ends 64 nodes behind the last that was found.

    A decoder's loss may be a sum over hundreds of steps, and a graph without any criterion must not be walked to its end.
    """
    found: list[int] = []
    given = tensors if isinstance(tensors, (tuple, list)) else (tensors,)
    queue = deque(getattr(tensor, "grad_fn", None) for tensor in given)
    seen: set[Any] = set()
    budget = 64
    while queue and budget:
        node = queue.popleft()
        if node is None or node in seen:
            continue
        seen.add(node)
        index = node.metadata.get("lintloss") if hasattr(node, "metadata") else None
        if index is not None:
            found.append(index)
            budget = 64
        else:
            queue.extend(function for function, _ in node.next_functions)
            budget -= 1
    return found


def pad_sequence(recorder: Recorder, original: Function) -> Function:
    """The value that rows of ids are padded with, where a collator uses torch's own function."""

    @functools.wraps(original)
    def recording(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        value = kwargs.get("padding_value", args[2] if len(args) > 2 else 0.0)
        _note_padding(recorder, result, value, "pad_sequence")
        return result

    return recording


def pad(recorder: Recorder, original: Function) -> Function:
    """The same where rows are filled up one by one."""
    tensor = recorder.torch.Tensor

    @functools.wraps(original)
    def recording(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if type(result) is tensor and not compiling():
            value = kwargs.get("value", args[3] if len(args) > 3 else 0)
            _note_padding(recorder, result, value or 0, "pad")
        return result

    return recording


def _note_padding(recorder: Recorder, result: Any, value: Any, source: str) -> None:
    try:
        if result.is_floating_point() or result.dtype.itemsize == 1:
            return
        if result.is_cpu and result.numel() and int(result.max()) <= 1:
            return  # a mask, or lengths' worth of nothing: no ids
        known = (source, int(value))
        if known not in recorder.paddings:
            recorder.paddings.add(known)
            recorder.ledger.note("padding", source=source, value=int(value))
    except Exception as error:  # as above
        recorder.failed(error)
