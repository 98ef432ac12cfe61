"""Probes that put other rows where the model's were: an untrained copy's, a copier's, a seer's (opt-in experiments).

The criterion is called again with everything else as the program gave it. What lies between the model and the criterion
(a softmax, a slice) is not run again: these see shifts, padding and scale, not what was done to the logits.
"""

from __future__ import annotations

import copy
import math
from typing import Any

from .probes import Seen, _same_rows, undisturbed

CERTAIN = 30.0  # logit of the token that an oracle is sure of: 1e-13 is left for the others


def value_with(rows: Any, seen: Seen, recorder: Any) -> float:
    """The program's own criterion on other rows, in the layout that it was given."""
    bound = dict(seen.bound)
    given = bound["input"]
    shaped = rows.to(given.dtype)
    if given.dim() > 2:
        shaped = shaped.reshape(given.shape[0], *given.shape[2:], given.shape[1]).movedim(-1, 1)
    bound["input"] = shaped.reshape(given.shape)
    result = recorder.original[seen.name](**{key: part for key, part in bound.items() if part is not None})
    return float(result.double().sum())


class Untrained:
    """A copy of the model with fresh weights: its cross-entropy is about ln V. Costs a second model and a forward."""

    def __init__(self) -> None:
        self._copies: dict[int, Any] = {}

    def facts(self, seen: Seen, recorder: Any) -> dict[str, Any]:
        forward, torch = seen.forward, recorder.torch
        if forward is None or seen.is_training:
            return {}
        fresh = self._copies.get(id(forward.module))
        with undisturbed(forward.module, torch, training=False):
            if fresh is None:
                fresh = self._copies[id(forward.module)] = _reset(copy.deepcopy(forward.module), torch)
            rows = _same_rows(fresh(*forward.args, **forward.kwargs), seen, torch)
        return {} if rows is None else {"untrained_value": value_with(rows, seen, recorder)}


def _reset(module: Any, torch: Any) -> Any:
    """Fresh weights: each part's own reset, a small normal for bare parameters."""
    touched: set[int] = set()
    for part in module.modules():
        if callable(getattr(part, "reset_parameters", None)):
            part.reset_parameters()
            touched.update(id(parameter) for parameter in part.parameters(recurse=False))
    for parameter in module.parameters():
        if id(parameter) not in touched and parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.02)
    for part in module.modules():  # an embedding's default N(0, 1) is no start of a language model
        if isinstance(part, torch.nn.Embedding):
            torch.nn.init.normal_(part.weight, std=0.02)
    return module.eval()


class Oracle:
    """Rows that are sure of one token: the one the model has just read (copy), or the one after it (next)."""

    def __init__(self, name: str, ahead: int) -> None:
        self._name = name
        self._ahead = ahead

    def facts(self, seen: Seen, recorder: Any) -> dict[str, Any]:
        torch, places, ids = recorder.torch, seen.places, seen.ids
        if places is None or ids is None or seen.is_training:
            return {}
        known = ids.ids.cpu()
        place = places.position + self._ahead
        inside = place < known.shape[1]
        tokens = torch.where(inside, known[places.sequence, place.clamp_max(known.shape[1] - 1)], torch.tensor(-1))
        if self._ahead:
            # The token behind the window was never read; the seer takes the program's word for it.
            labels = seen.labels.cpu()
            tokens = torch.where(inside | (labels == seen.ignored), tokens, labels)
        rows = torch.zeros(seen.rows.shape, dtype=torch.float32)
        sure = tokens >= 0
        rows[sure.nonzero().squeeze(1), tokens[sure]] = CERTAIN
        value = value_with(rows.to(seen.rows.device), seen, recorder)
        return {f"{self._name}_value": value} if math.isfinite(value) else {}
