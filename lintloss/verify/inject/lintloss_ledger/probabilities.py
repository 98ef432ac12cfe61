"""Close look: are the criterion's inputs logits, log-probabilities or probabilities, and what is the true loss then?"""

from __future__ import annotations

from typing import Any

SAMPLE = 32
TINY = 1e-45


def facts(name: str, rows: Any, labels: Any, ignored: int, recorder: Any) -> dict[str, Any]:
    """For cross_entropy: probabilities given as logits. For nll_loss: anything but log-probabilities."""
    sample = rows[:: max(1, rows.shape[0] // SAMPLE)][:SAMPLE].float()
    found: dict[str, Any] = {"rows": rows.shape[0]}
    kept = labels != ignored
    if _are_probabilities(sample):
        found["probabilities"] = True
        found["true_nats"] = _nats_of_probabilities(rows[kept], labels[kept])
    elif name == "nll_loss":
        normal = float(sample.logsumexp(-1).abs().max())
        found["log_probabilities"] = normal < 1e-2
        if normal >= 1e-2:
            wide = rows if rows.dtype.itemsize >= 8 else rows.float()
            found["true_nats"] = float(
                recorder.original["cross_entropy"](wide, labels, ignore_index=ignored, reduction="sum")
            )
    return found


def other_criterion(name: str, logits: Any, target: Any, recorder: Any) -> dict[str, Any]:
    """MSE, BCE, KL … against one-hot targets (or class probabilities): the cross-entropy of the same rows."""
    found: dict[str, Any] = {"criterion": name}
    if not logits.is_floating_point() or logits.shape != target.shape or logits.dim() < 2:
        return found
    rows, marks = logits.reshape(-1, logits.shape[-1]), target.reshape(-1, logits.shape[-1])
    ones = marks.amax(-1)
    if rows.shape[1] < 2 or not bool(((marks.sum(-1) - ones).abs() < 1e-6).all() and ((ones - 1).abs() < 1e-6).all()):
        return found
    labels = marks.argmax(-1)
    sample = rows[:: max(1, rows.shape[0] // SAMPLE)][:SAMPLE].float()
    found.update(one_hot=True, true_scored=rows.shape[0])
    if _are_probabilities(sample):
        found.update(probabilities=True, true_nats=_nats_of_probabilities(rows, labels))
    else:
        # Log-probabilities are logits too: their logsumexp is 0.
        wide = rows if rows.dtype.itemsize >= 8 else rows.float()
        found["true_nats"] = float(recorder.original["cross_entropy"](wide, labels, reduction="sum"))
    return found


def _are_probabilities(sample: Any) -> bool:
    if sample.shape[0] == 0 or sample.shape[1] < 2:
        return False
    return bool((sample >= 0).all()) and bool(((sample.sum(-1) - 1).abs() < 1e-3).all())


def _nats_of_probabilities(rows: Any, labels: Any) -> float:
    picked = rows.double().gather(1, labels.long().unsqueeze(1)).squeeze(1)
    return float(-picked.clamp_min(TINY).log().sum())
