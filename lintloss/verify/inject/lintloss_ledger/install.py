"""Stage: torch.nn.functional, just executed -> the same module with recording functions in it."""

from __future__ import annotations

import sys
from types import ClassMethodDescriptorType, ModuleType
from typing import Any

from . import passive
from .compiled import Compiled
from .criteria import CRITERIA
from .data import Data
from .fused import Fused
from .ledger import Ledger
from .look import Close
from .plan import Plan
from .record import Recorder, scriptable
from .shapes import Shapes
from .sites import Sites


def install(plan: Plan, ledger: Ledger, functional: ModuleType) -> Recorder:
    """Replace the criteria and the witnesses; return the recorder they share."""
    recorder = Recorder(ledger, Sites(ledger), plan)
    recorder.compiled = Compiled(recorder)
    if plan.debug_shapes:
        recorder.shapes = Shapes(plan.debug_shapes)
    if plan.watches_rows:
        recorder.data = Data(plan.training, texts=plan.texts)
    recorder.close = Close(recorder, functional)
    ledger.note("torch", version=str(getattr(recorder.torch, "__version__", "")))
    for name in CRITERIA:
        if hasattr(functional, name):
            setattr(functional, name, recorder.criterion(name, getattr(functional, name)))
    witnesses = {
        "embedding": passive.embedding,
        "dropout": passive.dropout,
        "scaled_dot_product_attention": passive.attention,
        "batch_norm": passive.batch_norm,
        "pad": passive.pad,
    }
    for name, make in witnesses.items():
        original = getattr(functional, name, None)
        if original is not None:
            replacement: Any = make(recorder, original)
            replacement.__prepare_scriptable__ = scriptable(name, original)
            setattr(functional, name, replacement)
    autograd: Any = sys.modules["torch.autograd"]
    for name in ("backward", "grad"):  # Tensor.backward calls the first
        setattr(autograd, name, passive.differentiate(recorder, getattr(autograd, name)))
    _replace_class_method(recorder)
    return recorder


def _replace_class_method(recorder: Recorder) -> None:
    """torch.autograd.Function.apply is where fused losses can be seen."""
    holder: Any = getattr(sys.modules.get("torch.autograd.function"), "Function", None)
    plain = getattr(holder, "__dict__", {}).get("apply")
    if isinstance(plain, (classmethod, ClassMethodDescriptorType)):
        holder.apply = Fused(recorder).wrap(plain)
    else:
        recorder.ledger.note("failure", error="fused losses are not seen: autograd.Function.apply is not what it was")
