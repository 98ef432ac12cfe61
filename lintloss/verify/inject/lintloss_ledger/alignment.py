"""Close look: which token each scored target is, counted from the row that predicts it; padding; the shifted truth."""

from __future__ import annotations

from typing import Any

from .rows import Places

OFFSETS = (-1, 0, 1, 2, 3)


def facts(
    places: Places, rows: Any, labels: Any, ignored: int, ids: Any, pads: dict[str, int], recorder: Any
) -> dict[str, Any]:
    """Compare targets with the embedded ids; `labels` and `ids` are on the CPU, shapes [N] and [batch, time]."""
    torch = recorder.torch
    scored = labels != ignored
    found: dict[str, Any] = {"certain": places.certain, "start": int(places.position.min())}
    shares = {offset: _share(places, labels, scored, ids, offset) for offset in OFFSETS}
    found["offsets"] = {str(offset): share for offset, share in shares.items() if share is not None}
    offset = best(found["offsets"])
    found["pads"] = pads
    if offset is not None:
        found["offset"] = offset
        found.update(_edges(places, labels, scored, ids))
        found.update(_truth(places, labels, ignored, ids, offset, recorder))
    found.update(_padding(places, rows, labels, scored, pads, ids, recorder, torch))
    return found


def best(shares: dict[str, float]) -> int | None:
    """The offset that nearly all targets agree with, clearly ahead of the next."""
    if not shares:
        return None
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    ahead = ranked[0][1] - (ranked[1][1] if len(ranked) > 1 else 0.0)
    return int(ranked[0][0]) if ranked[0][1] >= 0.98 and ahead >= 0.05 else None


def _share(places: Places, labels: Any, scored: Any, ids: Any, offset: int) -> float | None:
    moved = places.position + offset
    inside = scored & (moved >= 0) & (moved < ids.shape[1])
    if not bool(inside.any()):
        return None
    return float((ids[places.sequence[inside], moved[inside]] == labels[inside]).double().mean())


def _edges(places: Places, labels: Any, scored: Any, ids: Any) -> dict[str, float]:
    """Targets of a sequence's last row: the next sequence's first token (flattened first), or its own (rolled)."""
    last = scored & (places.position == ids.shape[1] - 1)
    found: dict[str, float] = {"last_rows": int(last.sum())}
    if not found["last_rows"]:
        return found
    sequence = places.sequence[last]
    found["rolls"] = float((ids[sequence, 0] == labels[last]).double().mean())
    follows = sequence + 1 < ids.shape[0]
    if bool(follows.any()):
        found["wraps"] = float((ids[sequence[follows] + 1, 0] == labels[last][follows]).double().mean())
    return found


def _truth(places: Places, labels: Any, ignored: int, ids: Any, offset: int, recorder: Any) -> dict[str, float]:
    """Nats of predicting token t + 1 from row t, wherever that token is known and not ignored, each once."""
    torch = recorder.torch
    if places.full is None:
        return {}
    batch, time = ids.shape
    # Tokens by position; targets know some that the model did not read (offset 1 and 2 reach beyond its window).
    tokens = torch.full((batch, time + 3), -1, dtype=torch.long, device="cpu")
    tokens[:, :time] = ids
    beyond = places.position + offset
    known = (beyond >= time) & (beyond < time + 3) & (labels != ignored) & (offset > 0)
    if offset == 1:
        known &= False if _wrapped(places, labels, ids, ignored) else known
    tokens[places.sequence[known], beyond[known]] = labels[known]
    hidden = (labels == ignored) & (beyond >= 0) & (beyond < time + 3)
    tokens[places.sequence[hidden], beyond[hidden]] = -1
    wanted = tokens[:, 1 : time + 1].reshape(-1)
    full = places.full.reshape(batch * time, -1)
    wide = full if full.dtype.itemsize >= 8 else full.float()
    nats = recorder.original["cross_entropy"](wide, wanted.to(full.device), ignore_index=-1, reduction="sum")
    return {"shifted_nats": float(nats), "shifted_scored": int((wanted != -1).sum())}


def _wrapped(places: Places, labels: Any, ids: Any, ignored: int) -> bool:
    edges = _edges(places, labels, labels != ignored, ids)
    return max(edges.get("wraps", 0.0), edges.get("rolls", 0.0)) > 0.98


def _padding(
    places: Places, rows: Any, labels: Any, scored: Any, pads: dict[str, int], ids: Any, recorder: Any, torch: Any
) -> dict[str, Any]:
    """Scored targets that are padding: a known pad id in an unbroken run to the end (or from the start) of a row."""
    found: dict[str, Any] = {}
    for source, pad in pads.items():
        run = _run(places, labels, pad, ids)
        hit = run & scored
        count = int(hit.sum())
        if not bool(run.any()) or count <= found.get("pad_scored", -1):
            continue  # labels are padded with one value and ids with another: the one that is scored matters
        found = {"pad": pad, "pad_source": source, "pad_positions": int(run.sum()), "pad_scored": count}
        found["pad_nats"] = _nats_of(rows, labels, hit, recorder) if count else 0.0
    return found


def _nats_of(rows: Any, labels: Any, hit: Any, recorder: Any) -> float:
    """Cross-entropy summed over some of the scored rows."""
    picked = rows[hit.nonzero().squeeze(1).to(rows.device)]
    wide = picked if picked.dtype.itemsize >= 8 else picked.float()
    return float(recorder.original["cross_entropy"](wide, labels[hit].to(rows.device), reduction="sum"))


def _run(places: Places, labels: Any, pad: int, ids: Any) -> Any:
    """Which scored rows are in a sequence's trailing or leading run of the pad id."""
    torch_like = labels == pad
    result = torch_like & False
    for sequence in range(ids.shape[0]):
        mine = (places.sequence == sequence).nonzero().squeeze(1)
        if mine.numel() == 0:
            continue
        marks = torch_like[mine].long()
        trailing = marks.flip(0).cumprod(0).flip(0)
        leading = marks.cumprod(0)
        result[mine] = (trailing + leading) > 0
    return result
