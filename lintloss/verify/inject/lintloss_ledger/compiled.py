"""Stage: a criterion traced into a compiled graph -> a custom op in that graph, which writes the row at run time.

torch.compile looks torch.nn.functional's functions up by name, so the recorder itself becomes the node of the graph
and is called with fake tensors while the graph is traced. It then hands its result through `lintloss::tap`: an identity
that the compiler cannot see into or drop, with no mutated input (which would switch CUDA graphs off), no graph break.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from . import ledger as events
from .criteria import INDEXED, bind
from .ledger import NAN
from .record import Recorder

TRACED = ("FakeTensor", "FunctionalTensor")


class Compiled:
    """Defines the op at the first traced criterion: importing torch.library earlier would slow every start."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._op: Any = None
        self._unseen: set[str] = set()
        self.awaiting: list[int] = []  # rows of graphs with gradients, until a backward comes (or not)

    def call(
        self, name: str, names: tuple[str, ...], original: Callable[..., Any], args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:  # fmt: skip
        """Run a criterion whose input is no plain tensor: traced ones are tapped, others are said to be unseen."""
        state = self._recorder.state
        state.busy = True  # tracing goes through __torch_function__, which calls the function again by its name
        try:
            result = original(*args, **kwargs)
        finally:
            state.busy = False
        try:
            bound = bind(names, args, kwargs)
            kind = type(bound["input"]).__name__
            if kind in TRACED:
                return self._tapped(name, bound, result)
            if kind not in self._unseen:
                self._unseen.add(kind)
                self._recorder.unseen(name, f"its input is a {kind}", sys._getframe(2))
        except Exception as error:  # tracing the user's model comes first
            self._recorder.failed(error)
        return result

    def _tapped(self, name: str, bound: dict[str, Any], result: Any) -> Any:
        logits, target = bound["input"], bound["target"]
        indexed = name in INDEXED and not target.is_floating_point()
        ignored = bound.get("ignore_index", -100)
        classes = logits.shape[1] if logits.dim() > 1 and isinstance(logits.shape[1], int) else 0
        form = self._recorder.form_number(
            name, bound, logits.dtype, target.dtype, classes, f"{logits.device}", logits.dim(), indexed
        )
        if self._op is None:
            self._op = self._define()
        return self._op(result, target, -100 if ignored is None else ignored, form, indexed, result.requires_grad)

    def _define(self) -> Any:
        torch = self._recorder.torch
        write = self._write

        def tap(loss: Any, target: Any, ignored: int, form: int, indexed: bool, graded: bool) -> Any:
            write(loss, target, ignored, form, indexed, graded)
            return loss.clone()

        tags = getattr(torch.Tag, "cudagraph_unsafe", None)
        define = torch.library.custom_op(
            "lintloss::tap", tap, mutates_args=(), schema="(Tensor loss, Tensor target, int ignored, int form, "
            "bool indexed, bool graded) -> Tensor", **({"tags": (tags,)} if tags is not None else {}),
        )  # fmt: skip
        define.register_fake(lambda loss, target, ignored, form, indexed, graded: torch.empty_like(loss))
        define.register_autograd(lambda context, gradient: (gradient, None, None, None, None, None))
        return torch.ops.lintloss.tap

    def _write(self, loss: Any, target: Any, ignored: int, form: int, indexed: bool, graded: bool) -> None:
        recorder = self._recorder
        try:
            site = recorder.sites.number(sys._getframe(2))
            value = loss.detach()
            value = value.double().sum() if value.dim() else value.clone()
            scored = (target != ignored).sum() if indexed else float(target.numel())
            if target.device.type == "cpu":
                value, scored = value.item(), float(scored)
            flags = events.COMPILED | (events.GRAD if graded else 0)
            rows = float(target.shape[0]) if target.dim() > 1 else NAN
            length = float(target.shape[1]) if target.dim() > 1 else NAN
            numbers = (value, scored, float(target.numel()), rows, length, NAN, NAN, recorder.ledger.spent)
            row = recorder.pending.row(flags, site, form, numbers)
            if graded:
                self.awaiting.append(row)
                del self.awaiting[:-64]
        except Exception as error:  # as above
            recorder.failed(error)
