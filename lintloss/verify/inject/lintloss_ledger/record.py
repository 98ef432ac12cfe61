"""Stage: the replaced functions of torch.nn.functional -> rows of the ledger. Results are handed on untouched."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from time import perf_counter
from types import FrameType, FunctionType
from typing import Any

from . import ledger as events
from .accelerator import Pending
from .criteria import CRITERIA, INDEXED, bind
from .ledger import NAN, Ledger
from .pads import WithoutPadding
from .plan import Plan
from .sites import Sites
from .state import ThreadState
from .tracebacks import hidden
from .tracing import TORCH

Function = Callable[..., Any]


class Recorder:
    """Everything that the wrappers share: the ledger, the sites, the torch functions as they were."""

    def __init__(self, ledger: Ledger, sites: Sites, plan: Plan) -> None:
        self.ledger = ledger
        self.sites = sites
        self.plan = plan
        self.state = ThreadState()
        self.torch: Any = sys.modules["torch"]
        TORCH.append(self.torch)
        self.original: dict[str, Function] = {}
        self.pending = Pending(ledger, self.torch)
        self.forms: dict[tuple[object, ...], int] = {}
        self._ways: dict[tuple[object, ...], tuple[int, bool, bool]] = {}
        self.failures: dict[str, int] = {}
        self.paddings: set[tuple[str, int]] = set()
        self.masked = WithoutPadding(self)
        self.close: Any = None  # look.Close, set at installation
        self.data: Any = None  # data.Data, with --data
        self.shapes: Any = None  # shapes.Shapes, with --debug-shapes
        self.compiled: Any = None  # compiled.Compiled, set at installation

    def is_traced(self) -> bool:
        return self.torch._C._get_tracing_state() is not None

    def criterion(self, name: str, original: Function) -> Function:
        """Wrap one criterion function. In a graph being compiled the loss goes through a custom op instead."""
        self.original[name] = original
        names = CRITERIA[name]
        state = self.state
        tensor = self.torch.Tensor
        tracing = self.torch._C._get_tracing_state

        @hidden
        @functools.wraps(original)
        def recorder(*args: Any, **kwargs: Any) -> Any:
            if state.busy or tracing() is not None:  # torch.jit.trace would take our operations for the program's
                return original(*args, **kwargs)
            kind = type(args[0] if args else kwargs.get("input"))
            if kind is not tensor and kind.__name__ != "Parameter":
                return self.compiled.call(name, names, original, args, kwargs)
            state.busy = True  # set_default_device and linear_cross_entropy come back through here
            try:
                result = original(*args, **kwargs)
                start = perf_counter()
                self.note(name, bind(names, args, kwargs), result, sys._getframe(1))
                self.ledger.spent += perf_counter() - start
            finally:
                state.busy = False
            return result

        recorder.__prepare_scriptable__ = scriptable(name, original)  # type: ignore[attr-defined]  # for torch.jit
        return recorder

    def note(self, name: str, bound: dict[str, Any], result: Any, frame: FrameType | None, plain: Any = None) -> None:
        """Write one criterion call; a failure of ours is counted and never reaches the program."""
        try:
            self._note(name, bound, result, frame, plain)
        except Exception as error:  # the user's program comes first; the judge is told
            self.failed(error)
        self.state.forget()

    def failed(self, error: BaseException) -> None:
        text = f"{type(error).__name__}: {error}"[:300]
        self.failures[text] = self.failures.get(text, 0) + 1
        if self.failures[text] == 1:
            self.ledger.note("failure", error=text)

    def unseen(self, name: str, reason: str, frame: FrameType | None) -> None:
        """Say of what may be a loss that it is not recorded: the judge must not take silence for none."""
        self.ledger.note("unseen", criterion=name, reason=reason, site=self.sites.number(frame))

    def _note(self, name: str, bound: dict[str, Any], result: Any, frame: FrameType | None, plain: Any) -> None:
        # Between two batches the caches hold torch's code, not ours: what counts here is how little of it there is.
        state = self.state
        logits, target = bound["input"], bound["target"]
        site = self.sites.number(frame)
        form, indexed, mean_is_not_enough = self._form(name, bound, logits, target)
        scored, positions = self._count(name, target, bound, logits, indexed)
        if plain is None:
            plain = self._plain(name, bound, logits, target) if mean_is_not_enough else NAN
        value = self._value(result, bound)
        flags = self._flags(result)
        rows, length = (float(state.rows), float(state.length)) if state.rows else _rows(target)
        numbers = (value, scored, float(positions), rows, length, plain, NAN, self.ledger.spent)
        if type(value) is float and type(scored) is float:  # the only ones that are left on a device
            index = self.ledger.row(events.CALL, flags, site, form, numbers)
        else:
            index = self.pending.row(flags, site, form, numbers)
        if indexed and bound.get("reduction") == "none":
            self.masked.note(index, site, bound, result, frame)
        if self.data is not None and state.embedded:
            ids = self.close.token_ids(self._classes(bound, logits))
            if ids is not None:
                self.data.show(index, ids.ids, float(scored), frame, self)
        if self.shapes is not None:
            self.shapes.show(site, name, bound, float(value), float(scored), self)
        if result.requires_grad and result.grad_fn is not None:
            result.grad_fn.metadata["lintloss"] = index
        state.criteria += 1
        if self.close is not None:
            self.close.maybe_look(index, site, name, bound, result, frame)

    def _form(self, name: str, bound: dict[str, Any], logits: Any, target: Any) -> tuple[int, bool, bool]:
        """The way in which the criterion was called: its number, are targets classes, does a mean not tell the sum?"""
        shape, head = logits.shape, bound.get("linear_weight")
        classes = shape[1] if len(shape) > 1 else shape[0] if shape else 0
        key = (
            name, bound.get("reduction"), bound.get("ignore_index"), bound.get("weight") is None,
            bound.get("label_smoothing"), logits.dtype, target.dtype, logits.device, len(shape), classes,
            None if head is None else head.shape[0],
        )  # fmt: skip
        known = self._ways.get(key)
        if known is None:
            indexed = (name in INDEXED or "." in name) and not target.is_floating_point()  # fused ones are dotted
            known = self._ways[key] = (
                self.form_number(
                    name,
                    bound,
                    logits.dtype,
                    target.dtype,
                    self._classes(bound, logits),
                    logits.device,
                    len(shape),
                    indexed,
                ),
                indexed,
                _needs_plain(bound, logits, indexed),
            )
        return known

    @staticmethod
    def _classes(bound: dict[str, Any], logits: Any) -> int:
        if "linear_weight" in bound:
            return int(bound["linear_weight"].shape[0])
        return int(logits.shape[1] if logits.dim() > 1 else logits.shape[0] if logits.dim() else 0)

    def form_number(self, name: str, bound: dict[str, Any], *rest: object) -> int:
        key = (
            name, bound.get("reduction", "mean"), bound.get("ignore_index", -100), bound.get("weight") is not None,
            bound.get("label_smoothing") or 0.0, *rest,
        )  # fmt: skip
        number = self.forms.get(key)
        if number is None:
            number = self.forms[key] = len(self.forms)
            names = ("criterion", "reduction", "ignore_index", "weighted", "label_smoothing", "dtype", "target_dtype",
                     "classes", "device", "dims", "indexed")  # fmt: skip
            self.ledger.note("form", form=number, **{
                field: part if isinstance(part, (int, float, str)) else str(part)
                for field, part in zip(names, key, strict=True)
            })  # fmt: skip
        return number

    def _count(self, name: str, target: Any, bound: dict[str, Any], logits: Any, indexed: bool) -> tuple[Any, int]:
        """Scored targets and all targets of the call."""
        if not indexed:
            if name == "cross_entropy" and target.is_floating_point():
                classes = target.shape[1] if target.dim() > 1 else target.numel()
                rows = target.numel() // max(1, classes)  # class probabilities: one target a row
                return float(rows), rows
            return float(target.numel()), target.numel()
        ignored = bound.get("ignore_index")
        if ignored is None:
            ignored = -100
        count = target.numel()
        if not target.is_cpu:
            return (target != ignored).sum(), count
        # Class indices are not negative: with the usual ignore_index one reduction tells that nothing is ignored.
        if ignored < 0 and count and target.min().item() >= 0:
            return float(count), count
        return float((target != ignored).sum().item()), count

    def _value(self, result: Any, bound: dict[str, Any]) -> Any:
        """The loss as a number; a field of losses (reduction "none") is summed."""
        if result.dim() or bound.get("reduction") == "none":
            loss = result.detach()
            loss = loss.double().sum() if loss.device.type != "mps" else loss.float().sum()
            return loss.item() if loss.is_cpu else loss
        # On an accelerator a copy is kept: the program may go on to divide the loss in place.
        return result.item() if result.is_cpu else result.detach().clone()

    def _plain(self, name: str, bound: dict[str, Any], logits: Any, target: Any) -> Any:
        """Nats summed over the scored targets, unweighted, unsmoothed, in float32: where the mean is not enough."""
        ignored = bound.get("ignore_index")
        wide = logits.detach()
        wide = wide if wide.dtype == self.torch.float64 else wide.float()
        function = self.original[name]
        with self.torch.no_grad():
            nats = function(wide, target, ignore_index=-100 if ignored is None else ignored, reduction="sum")
        return nats.item() if nats.device.type == "cpu" else nats

    def _flags(self, result: Any) -> int:
        state = self.state
        flags = events.GRAD if result.requires_grad else 0
        if state.dropout:
            flags |= events.DROPOUT
        if state.batch_norm:
            flags |= events.BATCH_NORM
        return flags


def _needs_plain(bound: dict[str, Any], logits: Any, indexed: bool) -> bool:
    """A weighted, smoothed or 16-bit mean does not give back the sum of nats (measured: 1e-3 off in bfloat16)."""
    if not indexed or "linear_weight" in bound:
        return False
    return bool(bound.get("label_smoothing")) or bound.get("weight") is not None or logits.element_size() < 4


def _rows(target: Any) -> tuple[float, float]:
    """Sequences in the batch and their length by the target's shape, where no embedding read ids."""
    if target.dim() > 1:
        return float(target.shape[0]), float(target.numel() // max(1, target.shape[0]))
    return float(target.numel()), 1.0


def scriptable(name: str, original: Function) -> Callable[[], Any]:
    """What torch.jit.script is to compile: torch's own function, or for a built-in one a function that calls it."""

    def prepare() -> Any:
        if isinstance(original, FunctionType):
            return original
        from . import scripted

        return getattr(scripted, name)

    return prepare
