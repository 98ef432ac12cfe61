"""Stage: the first calls of a site, and all calls that a finding needs -> facts about logits, targets and ids."""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import Any

from . import alignment, probabilities, windows
from .capture import Embedded, logits_in_frames, outermost, watch_linear
from .criteria import INDEXED
from .pads import padding_names
from .probes import Causality, EvalMode, Seen
from .record import Recorder
from .rows import Places, flatten, place
from .stand_ins import Oracle, Untrained

KEPT = 8  # lookups before a criterion call, the last ones
# Findings whose truth needs every call's logits, not the first few.
HUNGRY = ("LL2", "LL3", "LL401", "LL502")


class Close:
    """Decides which calls are looked at, and looks. Facts go into the ledger as one note a call."""

    def __init__(self, recorder: Recorder, functional: Any) -> None:
        self._recorder = recorder
        self._functional = functional
        self._torch = recorder.torch
        self._counts: dict[int, int] = {}
        self._limits: dict[int, int] = {}
        self._plain_linear: Any = None
        self._places: Places | None = None
        self._windows = windows.Windows(recorder.torch)
        self.probes = _probes(recorder)
        self.wants = True
        plan = recorder.plan
        self._hungry = {path for path, targets in plan.files.items() if any(t.code.startswith(HUNGRY) for t in targets)}

    def embedded(self, ids: Any, weight: Any, padding_idx: int | None, frame: FrameType | None) -> None:
        """An embedding is read while some site still wants looks: keep its ids, find the module, watch the head."""
        state = self._recorder.state
        try:
            if self._plain_linear is None:
                self._plain_linear = self._functional.linear
                self._functional.linear = watch_linear(self._recorder, self._functional)
            if ids.numel() <= 1 << 22:
                del state.embedded[: -KEPT + 1]
                state.embedded.append(Embedded(weight.shape[0], ids.detach().clone(), padding_idx))
            if state.capture is None:
                state.capture = outermost(frame, self._torch)
        except Exception as error:  # the user's forward comes first
            self._recorder.failed(error)

    def maybe_look(
        self, index: int, site: int, name: str, bound: dict[str, Any], result: Any, frame: FrameType | None
    ) -> None:
        """The cheap path of every call: is this site's budget spent?"""
        if self._counts.get(site, 0) < self._limits.get(site, 1):
            with self._torch.no_grad():
                self.look(index, site, name, bound, result, frame)

    def look(
        self, index: int, site: int, name: str, bound: dict[str, Any], result: Any, frame: FrameType | None
    ) -> None:
        count = self._counts.get(site, 0)
        limit = self._limit(site)
        state = self._recorder.state
        if count < limit:
            self._counts[site] = count + 1
            try:
                facts = self._facts(site, name, bound, result, frame)
                self._recorder.ledger.note("look", order=index, **facts)
            finally:
                state.linear = state.capture = None
            self.wants = self._recorder.data is not None or any(
                self._counts[known] < self._limit(known) for known in self._counts
            )
            if not self.wants:
                self._stop()

    def _limit(self, site: int) -> int:
        limit = self._limits.get(site)
        if limit is None:
            plan = self._recorder.plan
            frames = self._recorder.sites.frames[site]
            hungry = any(path in self._hungry for path, _, _ in frames) or bool(self.probes)
            limit = self._limits[site] = plan.flagged_calls if hungry else plan.close_calls
        return limit

    def _stop(self) -> None:
        if self._plain_linear is not None:
            self._functional.linear = self._plain_linear
            self._plain_linear = None

    def _facts(
        self, site: int, name: str, bound: dict[str, Any], result: Any, frame: FrameType | None
    ) -> dict[str, Any]:
        """Everything that one close look tells; each part stands alone and says nothing where it cannot know."""
        facts: dict[str, Any] = {}
        if "linear_weight" in bound or "." in name:
            return facts
        logits, target = bound["input"].detach(), bound["target"].detach()
        if name not in INDEXED or target.is_floating_point():
            return probabilities.other_criterion(name, logits, target, self._recorder)
        rows, labels = flatten(logits, target)
        ignored = bound.get("ignore_index", -100)
        facts.update(probabilities.facts(name, rows, labels, ignored, self._recorder))
        ids, self._places = self._ids(rows.shape[1]), None
        if ids is not None and ids.ids.dim() == 2 and rows.shape[0] > 1:
            facts.update(self._aligned(rows, labels, ignored, ids, frame, bound))
        facts.update(self._windows.facts(site, rows, labels, ignored, self._recorder))
        seen = Seen(name, bound, rows, labels, ignored, result, ids, self._places, self._recorder.state.capture)
        for probe in self.probes:
            facts.update(probe.facts(seen, self._recorder))
        return facts

    def _aligned(
        self, rows: Any, labels: Any, ignored: int, ids: Embedded, frame: FrameType | None, bound: dict[str, Any]
    ) -> dict[str, Any]:
        torch = self._torch
        state = self._recorder.state
        candidates = [] if state.linear is None else [state.linear]
        candidates += logits_in_frames(frame, rows.shape[1], torch)
        places = place(rows, (ids.ids.shape[0], ids.ids.shape[1]), candidates, torch)
        self._places = places
        if places is None:
            return {"unplaced": True}
        pads = {f"padding_idx={ids.padding_idx}": ids.padding_idx} if ids.padding_idx is not None else {}
        pads.update({f"{source}(…, {value})": value for source, value in self._recorder.paddings})
        pads.update(padding_names(frame))
        return alignment.facts(places, rows, labels.cpu(), ignored, ids.ids.cpu(), pads, self._recorder)

    def token_ids(self, classes: int) -> Embedded | None:
        """The ids that the model read as tokens: of the table as wide as the logits, else the first rows of ids."""
        two_dimensional = [part for part in self._recorder.state.embedded if part.ids.dim() == 2]
        return self._ids(classes) or next(iter(two_dimensional), None)

    def _ids(self, classes: int) -> Embedded | None:
        """The token table among the embeddings that were read has as many rows as the logits have classes."""
        state = self._recorder.state
        found = [part for part in state.embedded if part.ids.dim() == 2]
        exact = [part for part in found if part.table_rows == classes and not _counts_up(part.ids)]
        return (
            exact[-1] if exact else None
        )  # an encoder reads before the decoder, whose ids the targets are compared with


def _probes(recorder: Recorder) -> list[Any]:
    """Second looks are taken where a finding or the command line asks for them; each has `facts(seen, recorder)`."""
    plan = recorder.plan
    codes = {target.code for targets in plan.files.values() for target in targets}
    known: dict[str, Callable[[], Any]] = {
        "causality": Causality, "untrained": Untrained, "copy-oracle": lambda: Oracle("copy", 0),
        "next-oracle": lambda: Oracle("next", 1),
    }  # fmt: skip
    found: list[Any] = [EvalMode()] if "LL401" in codes else []
    return found + [known[name]() for name in plan.experiments if name in known]


def _counts_up(ids: Any) -> bool:
    """Positions 0, 1, 2 … read from a position table that happens to be as long as the vocabulary."""
    return ids.shape[1] > 1 and bool((ids[:, 1:] - ids[:, :-1] == 1).all())
