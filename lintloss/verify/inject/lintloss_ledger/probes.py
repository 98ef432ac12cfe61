"""Second forwards of the program's own model: in eval mode (LL401), and with a later token changed (--causality)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .capture import Embedded, Forward
from .rows import Places

MOVED = 1e-4  # a causal model moves by 0.0 exactly (measured); a leak by 3e-4 and more, relative to the logits' spread


@dataclass
class Seen:
    """What the close look holds of one criterion call."""

    name: str  # of the criterion
    bound: dict[str, Any]  # its arguments
    rows: Any
    labels: Any
    ignored: int
    result: Any
    ids: Embedded | None
    places: Places | None
    forward: Forward | None

    @property
    def is_training(self) -> bool:
        """Gradients are recorded by a model in training mode; an evaluation without no_grad() is none."""
        return bool(self.result.requires_grad) and (self.forward is None or self.forward.module.training)


@contextmanager
def undisturbed(module: Any, torch: Any, *, training: bool) -> Iterator[None]:
    """Run the model without a trace: random states, training flags and gradients are as before afterwards."""
    modes = [(part, part.training) for part in module.modules()]
    state = torch.random.get_rng_state()
    devices = {parameter.device for parameter in module.parameters() if parameter.device.type == "cuda"}
    states = [(device, torch.cuda.get_rng_state(device)) for device in devices]
    try:
        module.train(training)
        with torch.no_grad():
            yield
    finally:
        for part, mode in modes:
            part.training = mode
        torch.random.set_rng_state(state)
        for device, kept in states:
            torch.cuda.set_rng_state(kept, device)


class EvalMode:
    """LL401: the same batch, the same rows, with the model in eval mode."""

    def facts(self, seen: Seen, recorder: Any) -> dict[str, Any]:
        forward, torch = seen.forward, recorder.torch
        if forward is None or not any(part.training for part in forward.module.modules()):
            return {}
        with undisturbed(forward.module, torch, training=False):
            output = forward.module(*forward.args, **forward.kwargs)
        rows = _same_rows(output, seen, torch)
        if rows is not None:
            wide = rows if rows.dtype.itemsize >= 8 else rows.float()
            nats = recorder.original["cross_entropy"](wide, seen.labels, ignore_index=seen.ignored, reduction="sum")
            return {"eval_nats": float(nats)}
        loss = _scalar(output, torch)
        if loss is None:
            return {"eval_mode": "the model's output in eval mode could not be matched with the scored rows"}
        return {"eval_nats": float(loss) * int((seen.labels != seen.ignored).sum())}


class Causality:
    """A later token is changed: earlier logits must not move. The last label is changed: no logits may move at all.

    Works on untrained weights; two or three forwards of one batch.
    """

    def __init__(self) -> None:
        self._done: set[tuple[int, bool]] = set()  # modules by identity: once in training, once in evaluation

    def facts(self, seen: Seen, recorder: Any) -> dict[str, Any]:
        forward, ids, torch = seen.forward, seen.ids, recorder.torch
        if forward is None or ids is None or ids.ids.shape[1] < 3:
            return {}
        key = (id(forward.module), seen.is_training)
        if key in self._done:
            return {}
        self._done.add(key)
        with undisturbed(forward.module, torch, training=False):
            before = _logits(forward.module(*forward.args, **forward.kwargs), ids.table_rows, torch)
            if before is None:
                return {"causality": "the model's output holds no logits for each position"}
            return {**_by_ids(before, forward, ids, torch), **_by_labels(before, forward, ids, torch)}


def _by_ids(before: Any, forward: Forward, ids: Embedded, torch: Any) -> dict[str, Any]:
    place = ids.ids.shape[1] - 1
    args, kwargs = _replace(forward, ids.ids, _another_last(ids.ids, ids, torch), torch)
    if args is None:
        return {"causality": "the model was not called with the ids themselves"}
    after = _logits(forward.module(*args, **kwargs), ids.table_rows, torch)
    if after is None or before.shape != after.shape or before.shape[-2] < place:
        return {"causality": "the model's output holds no logits for each position"}
    early = (before[..., :place, :] - after[..., :place, :]).abs().max()
    late = (before[..., place:, :] - after[..., place:, :]).abs().max() if before.shape[-2] > place else early
    moved = float(early)
    return {"early_logits_moved": moved, "late_logits_moved": float(late), "leaks": moved > MOVED * _spread(before)}


def _by_labels(before: Any, forward: Forward, ids: Embedded, torch: Any) -> dict[str, Any]:
    """A decoder's inputs are its labels, shifted: the last one is no input, and whoever reads it knows the answer."""
    labels = forward.kwargs.get("labels")
    if not isinstance(labels, torch.Tensor) or labels.dim() != 2 or labels.is_floating_point():
        return {}
    kwargs = {**forward.kwargs, "labels": _another_last(labels, ids, torch)}
    after = _logits(forward.module(*forward.args, **kwargs), ids.table_rows, torch)
    if after is None or before.shape != after.shape:
        return {}
    moved = float((before - after).abs().max())
    return {"label_moved": moved, "reads_labels": moved > MOVED * _spread(before)}


def _another_last(ids: Any, table: Embedded, torch: Any) -> Any:
    changed = ids.clone()
    changed[:, -1] = (changed[:, -1] + 1 + torch.arange(len(changed), device=changed.device)) % table.table_rows
    return changed


def _spread(logits: Any) -> float:
    return float(logits.std()) or 1.0


def _replace(forward: Forward, ids: Any, changed: Any, torch: Any) -> tuple[Any, dict[str, Any]]:
    """Put the changed ids where the module was given the old ones; labels that are the ids stay as they are."""
    hits = 0

    def swap(value: Any) -> Any:
        nonlocal hits
        if isinstance(value, torch.Tensor) and value.shape == ids.shape and torch.equal(value, ids):
            hits += 1
            return changed
        if isinstance(value, dict):
            return {key: (part if key in ("labels", "targets") else swap(part)) for key, part in value.items()}
        return value

    args = tuple(swap(value) for value in forward.args)
    kwargs = {key: (value if key in ("labels", "targets") else swap(value)) for key, value in forward.kwargs.items()}
    return (args, kwargs) if hits else (None, {})


def _logits(output: Any, classes: int, torch: Any) -> Any:
    """The tensor [batch, time, classes] in a model's output, whatever it is wrapped in."""
    if isinstance(output, torch.Tensor):
        return output if output.dim() == 3 and output.shape[-1] == classes else None
    return next((found for part in _parts(output) if (found := _logits(part, classes, torch)) is not None), None)


def _scalar(output: Any, torch: Any) -> Any:
    if isinstance(output, torch.Tensor):
        return output if output.numel() == 1 and output.is_floating_point() else None
    return next((found for part in _parts(output) if (found := _scalar(part, torch)) is not None), None)


def _parts(output: Any) -> list[Any]:
    """What a model's output holds: a dictionary (Hugging Face's are), a tuple, or a dataclass of the project's own."""
    if callable(getattr(output, "values", None)):
        return list(output.values())
    if isinstance(output, (tuple, list)):
        return list(output)
    return (
        list(vars(output).values()) if hasattr(output, "__dataclass_fields__") and hasattr(output, "__dict__") else []
    )


def _same_rows(output: Any, seen: Seen, torch: Any) -> Any:
    """The rows of the new output that correspond to the rows that were scored."""
    if isinstance(output, torch.Tensor) and output.shape == seen.rows.shape:
        return output
    if seen.places is None:
        return None
    logits = _logits(output, seen.rows.shape[1], torch)
    if logits is None:
        return None
    device = logits.device
    return logits[seen.places.sequence.to(device), seen.places.position.to(device)]
