"""Is what a fused loss returned the cross-entropy of what it was given? The comparison, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CHUNK = 1 << 24  # elements of logits that are made at a time from hidden states and a head
IGNORED = -100
EXACT, ROUNDED = 1e-4, 2e-2  # relative, for 32-bit and for 16-bit numbers


@dataclass
class Operands:
    """What may be a loss's: rows [N, H], targets [N], and a head [V, H] where the rows are no logits yet."""

    rows: Any
    targets: Any
    head: Any
    bias: Any
    whole: frozenset[int]  # whole numbers among the settings: one of them may be the padding id that is left out

    @property
    def classes(self) -> int:
        return int(self.rows.shape[1] if self.head is None else self.head.shape[0])

    def nats(self, torch: Any, cross_entropy: Any) -> Any:
        """Cross-entropy of each target in float32, as if none were ignored, a chunk of rows at a time."""
        rows, targets = self.rows.detach(), self.targets.detach().long().clamp(0, self.classes - 1)
        step = max(1, CHUNK // self.classes)
        found = []
        with torch.no_grad(), torch.autocast(rows.device.type, enabled=False):
            for start in range(0, rows.shape[0], step):
                logits = rows[start : start + step].float()
                if self.head is not None:
                    logits = torch.matmul(logits, self.head.detach().float().t())
                if self.bias is not None:
                    logits = logits + self.bias.detach().float()
                found.append(cross_entropy(logits, targets[start : start + step], reduction="none"))
        return torch.cat(found)


@dataclass
class Proven:
    """How the function reduces, and which targets it leaves out (a negative one always)."""

    reduction: str
    ignored: int
    undecided: frozenset[int]  # padding ids, perhaps: no target has had them yet
    rounded: bool  # a 16-bit loss: its value is too coarse to be added up

    def must_be_seen_again(self, operands: Operands) -> bool:
        return self.rounded or any(bool((operands.targets == number).any()) for number in self.undecided)


def operands(torch: Any, parts: list[Any]) -> Operands | None:
    """Find whole-number targets, floats with one row for each, and a head that fits the rows."""
    tensors = [part for part in parts if isinstance(part, torch.Tensor)]
    targets = next((t for t in tensors if t.dtype in (torch.int64, torch.int32) and t.numel() > 1), None)
    if targets is None:
        return None
    floats = [part for part in tensors if part.is_floating_point()]
    count = targets.numel()
    rows = next((t for t in floats if t.dim() > 1 and t.shape[-1] > 1 and t.numel() == count * t.shape[-1]), None)
    if rows is None:
        return None
    head = next((t for t in floats if t is not rows and t.dim() == 2 and t.shape[1] == rows.shape[-1]), None)
    bias = None if head is None else next((t for t in floats if t.shape == head.shape[:1]), None)
    whole = frozenset(part for part in parts if type(part) is int and part >= 0)
    return Operands(rows.reshape(count, -1), targets.reshape(-1), head, bias, whole)


def prove(found: Operands, nats: Any, loss: Any, before: Proven | None, torch: Any) -> Proven | None:
    """The one reduction over the one set of targets that gives the loss; None where none does, or several do."""
    wide = loss.element_size() >= 4 and found.rows.element_size() >= 4
    tolerance = EXACT if wide else ROUNDED
    open_now = found.whole if before is None else before.undecided
    present = frozenset(number for number in open_now if bool((found.targets == number).any()))
    known = IGNORED if before is None else before.ignored
    fits = [
        (reduction, left_out)
        for left_out in (known, *(present if known < 0 else ()))
        for reduction, number in _reduced(nats, kept(found.targets, left_out), loss, torch)
        if bool(torch.isclose(loss.double(), number.double(), rtol=tolerance, atol=1e-6).all())
    ]
    if (
        len(fits) > 1
        and len({left_out for _, left_out in fits}) == 1
        and int(kept(found.targets, fits[0][1]).sum()) == 1
    ):
        fits = [fit for fit in fits if before is None or fit[0] == before.reduction][:1]
    if len(fits) != 1:
        return None
    ((reduction, ignored),) = fits
    return Proven(reduction, ignored, open_now - present, loss.element_size() < 4)


def kept(targets: Any, left_out: int) -> Any:
    """Targets that count: no negative ones, for those are no classes."""
    scored = targets >= 0
    return scored if left_out < 0 else scored & (targets != left_out)


def _reduced(nats: Any, scored: Any, loss: Any, torch: Any) -> Iterator[tuple[str, Any]]:
    masked = torch.where(scored, nats, torch.zeros_like(nats))
    if loss.dim():
        yield "none", masked.reshape(loss.shape)
        return
    yield "sum", masked.double().sum()
    yield "mean", masked.double().sum() / scored.sum()
