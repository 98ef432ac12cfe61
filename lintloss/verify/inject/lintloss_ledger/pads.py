"""Which ids are padding, in the program's own words; and losses a target (reduction "none") summed without them."""

from __future__ import annotations

from types import FrameType
from typing import Any

from . import ledger as events


class WithoutPadding:
    """A program that is handed a loss for each target may mask padding by itself: both sums are noted, the judge compares.

    No second pass over the logits: a comparison and a sum over the targets.
    """

    def __init__(self, recorder: Any) -> None:
        self._recorder = recorder
        self._named: dict[int, frozenset[int]] = {}  # by site, from the frames of its first call

    def note(self, index: int, site: int, bound: dict[str, Any], result: Any, frame: FrameType | None) -> None:
        """Write nats and number of the targets that are no padding and not ignored, for the call in row `index`."""
        target = bound["target"]
        pads = self._ids(site, frame)
        if not pads or result.shape != target.shape or bound.get("weight") is not None or bound.get("label_smoothing"):
            return
        torch = self._recorder.torch
        masked = torch.isin(target, torch.tensor(pads, device=target.device))
        ignored = bound.get("ignore_index")
        masked |= target == (-100 if ignored is None else ignored)
        loss = result.detach()
        loss = loss.double() if loss.device.type != "mps" else loss.float()
        nats, tokens = loss.masked_fill(masked, 0.0).sum(), target.numel() - masked.sum()
        numbers = (nats.item(), float(tokens.item())) if target.is_cpu else (nats, tokens)
        self._recorder.pending.row(0, index, 0, numbers, kind=events.KEPT)

    def _ids(self, site: int, frame: FrameType | None) -> list[int]:
        named = self._named.get(site)
        if named is None:
            read = (part.padding_idx for part in self._recorder.state.embedded)
            named = self._named[site] = frozenset(
                pad for pad in (*padding_names(frame).values(), *read) if pad is not None
            )
        seen = (value for _, value in self._recorder.paddings)
        return sorted({pad for pad in (*named, *seen) if pad >= 0})


def padding_names(frame: FrameType | None) -> dict[str, int]:
    """The program's own word for its pad id: a tokenizer's, a configuration's, or a name such as PAD_ID."""
    found: dict[str, int] = {}
    walk, depth = frame, 0
    while walk is not None and depth < 12:
        for scope in (walk.f_locals, walk.f_globals):
            for name, value in list(scope.items()):
                if name.lower() in ("pad", "pad_id", "pad_idx", "pad_token_id", "padding_idx") and type(value) is int:
                    found.setdefault(name, value)
                elif "token" in name.lower() and type(pad := asked(value, "pad_token_id")) is int:
                    found.setdefault(f"{name}.pad_token_id", pad)
        walk, depth = walk.f_back, depth + 1
    return found


def asked(value: Any, name: str) -> Any:
    """An attribute of something of the program's; whatever a property of it raises, it says nothing."""
    try:
        return getattr(value, name, None)
    except Exception:
        return None
