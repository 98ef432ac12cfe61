"""Stage: torch.autograd.Function.apply -> a criterion call where the result is proven to be cross-entropy, else "unseen".

Fused losses (Liger, cut-cross-entropy, flash-attn, apex, unsloth) never call torch.nn.functional. What such a function
returns is compared with the cross-entropy of what it was given before it is taken for one: a name proves nothing.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

from .ledger import NAN
from .proof import Operands, Proven, kept, operands, prove
from .record import Recorder
from .tracing import compiling

SETTINGS = (bool, int, float, str)


class Fused:
    """Wraps apply. Functions that are proven are recorded; what else looks like a loss is named once."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._torch = recorder.torch
        self._proven: dict[tuple[object, ...], Proven] = {}
        self._refused: set[tuple[object, ...]] = set()

    def wrap(self, original: Any) -> Any:
        """`original` is a classmethod, of Python's before torch 2.15, of C's since: both bind alike."""
        state = self._recorder.state

        def plain(cls: Any, *args: Any, **kwargs: Any) -> Any:
            return original.__get__(None, cls)(*args, **kwargs)

        def recording(cls: Any, *args: Any, **kwargs: Any) -> Any:
            # torch's own (checkpointing, compiled graphs) are containers: what runs inside is seen by itself.
            if state.busy or cls.__module__.startswith("torch.") or compiling():
                return plain(cls, *args, **kwargs)
            return self._call(plain, cls, args, kwargs, sys._getframe(1))

        return classmethod(functools.wraps(getattr(original, "__func__", original))(recording))

    def _call(self, plain: Any, cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any], frame: Any) -> Any:
        state = self._recorder.state
        key, found, nats = self._before(cls, args)
        criteria = state.criteria
        result = plain(cls, *args, **kwargs)
        if found is not None and state.criteria == criteria:  # else it contains criteria, which were seen
            try:
                self._after(key, found, nats, result, frame)
            except Exception as error:  # the user's loss comes first
                self._recorder.failed(error)
        return result

    def _before(self, cls: Any, args: tuple[Any, ...]) -> tuple[tuple[object, ...], Operands | None, Any]:
        """The nats that it ought to return: before it runs, for fused kernels write gradients over their logits."""
        key: tuple[object, ...] = ()
        try:
            parts = _flat(args)
            found = operands(self._torch, parts)
            if found is None:
                return key, None, None
            key = (cls, *(part for part in parts if isinstance(part, SETTINGS)))
            proven = self._proven.get(key)
            if key in self._refused or (proven is not None and not proven.must_be_seen_again(found)):
                return key, found, None
            return key, found, found.nats(self._torch, self._recorder.original["cross_entropy"])
        except Exception as error:  # as above
            self._recorder.failed(error)
            return key, None, None

    def _after(self, key: tuple[object, ...], found: Operands, nats: Any, result: Any, frame: Any) -> None:
        loss = result[0] if isinstance(result, (tuple, list)) and result else result
        if not isinstance(loss, self._torch.Tensor) or not loss.is_floating_point():
            return
        if loss.dim() and loss.numel() != found.targets.numel():
            return  # no loss: an embedding, a router
        proven = self._proven.get(key)
        if nats is not None:
            proven = prove(found, nats, loss.detach(), proven, self._torch)
        if proven is None:
            self._refuse(key, frame)
        else:
            self._proven[key] = proven
            self._note(key, found, proven, nats, loss, frame)

    def _note(self, key: tuple[object, ...], found: Operands, proven: Proven, nats: Any, loss: Any, frame: Any) -> None:
        bound = {"input": found.rows, "target": found.targets, "reduction": proven.reduction,
                 "ignore_index": proven.ignored}  # fmt: skip
        if found.head is not None:
            bound["linear_weight"] = found.head
        plain: Any = NAN
        if proven.rounded:
            plain = (nats * kept(found.targets, proven.ignored)).double().sum()
            plain = plain.item() if plain.is_cpu else plain
        self._recorder.note(_name(key), bound, loss, frame, plain)

    def _refuse(self, key: tuple[object, ...], frame: Any) -> None:
        self._proven.pop(key, None)
        if key not in self._refused:
            self._refused.add(key)
            self._recorder.unseen(_name(key), "what it returns is not the cross-entropy of what it is given", frame)


def _name(key: tuple[object, ...]) -> str:
    cls: Any = key[0]
    return f"{cls.__module__}.{cls.__qualname__}"


def _flat(args: tuple[Any, ...]) -> list[Any]:
    """Arguments, and the fields of those that hold several (cut-cross-entropy hands its settings over in one)."""
    found: list[Any] = []
    for part in args:
        if isinstance(part, tuple):
            found.extend(part)
        elif hasattr(part, "__dataclass_fields__"):
            found.extend(vars(part).values() if hasattr(part, "__dict__") else ())
        else:
            found.append(part)
    return found
