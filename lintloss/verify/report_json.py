"""Renders verdicts as JSON: the findings as `check` writes them, each with its verdict and numbers."""

from __future__ import annotations

import json

from lintloss.verify.verdicts import Batch, Judged, Pair, Verdict, finite


def render(verdicts: tuple[Verdict, ...], run: dict[str, object]) -> str:
    document = {"findings": [finding(verdict) for verdict in verdicts], "run": run}
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def finding(verdict: Verdict) -> dict[str, object]:
    shown = verdict.worst if verdict.worst is not None else None
    return {
        **verdict.finding.raw,
        "verdict": verdict.status,
        "found_at_run_time": verdict.found_at_run_time,
        "reported": _pair(shown.reported if shown else Pair()),
        "reference": {**_pair(shown.reference if shown else Pair()),
                      "scored_tokens": shown.reference.scored_tokens if shown else None},
        "explanation": verdict.explanation,
        "formula": shown.formula if shown else None,
        "last": None if verdict.last is None else judged(verdict.last),
        "worst": None if verdict.worst is None else judged(verdict.worst),
        "calls": [judged(call) for call in verdict.calls],
    }  # fmt: skip


def judged(call: Judged) -> dict[str, object]:
    return {
        "verdict": call.status,
        "reported": _pair(call.reported),
        "reference": {**_pair(call.reference), "scored_tokens": call.reference.scored_tokens},
        "explanation": call.explanation,
        "formula": call.formula,
        "partial": call.partial,
        "offsets": call.offsets,
        "batches": [_batch(batch) for batch in call.batches],
    }


def _pair(pair: Pair) -> dict[str, object]:
    return {"loss": finite(pair.loss), "perplexity": finite(pair.perplexity)}


def _batch(batch: Batch) -> dict[str, object]:
    plain: dict[str, object] = {"loss": finite(batch.loss), "scored_tokens": batch.scored}
    return plain if batch.rank is None else {**plain, "rank": batch.rank}
