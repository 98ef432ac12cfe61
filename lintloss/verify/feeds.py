"""Stage: batches that loaders handed out, criterion calls -> evaluations with the loader that fed each."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass

from lintloss.verify.evaluations import Evaluation, by_runs
from lintloss.verify.events import Call, Load, Loader, Tape


@dataclass(frozen=True, slots=True)
class Feed:
    """One pass over a loader that fed the calls of an evaluation."""

    evaluation: Evaluation
    loader: Loader
    loads: tuple[Load, ...]  # of this pass, in order

    @property
    def ended(self) -> bool:
        return any(load.ended for load in self.loads)

    @property
    def batches(self) -> tuple[Load, ...]:
        return tuple(load for load in self.loads if not load.ended)

    @property
    def scored(self) -> tuple[Load, ...]:
        """The batches that were scored: as many of the first ones as there are stretches with calls in them.

        Counted, not matched one by one: accelerate takes a batch ahead of the one that it hands out.
        """
        orders = [load.order for load in self.batches]
        stretches = {bisect.bisect_right(orders, call.order) for call in self.evaluation.calls}
        return self.batches if self.ended and len(stretches) >= len(orders) - 1 else self.batches[: len(stretches)]

    @property
    def expected_rows(self) -> int | None:
        """Rows that a whole pass would hand out: the sampler's, with those that it leaves out itself."""
        if self.loader.sampler_rows is None:
            return self.loader.rows
        return self.loader.sampler_rows + self.loader.left_by_sampler


def feeds(tape: Tape) -> tuple[Feed, ...]:
    """Cut the evaluations of a process where another pass over a loader begins."""
    batches = [load for load in tape.loads if not load.ended]
    orders = [load.order for load in batches]
    passes: dict[int, list[Load]] = {}
    for load in tape.loads:
        passes.setdefault(load.iteration, []).append(load)
    found = []
    for evaluation in by_runs(tape):
        if any(call.trained for call in evaluation.calls):
            continue
        for iteration, calls in _by_pass(evaluation.calls, batches, orders):
            part = Evaluation(tape, calls, evaluation.flagged, evaluation.values)
            loads = passes[iteration]
            found.append(Feed(part, tape.loaders[loads[0].loader], tuple(loads)))
    return tuple(found)


def _by_pass(calls: tuple[Call, ...], batches: list[Load], orders: list[int]) -> Iterator[tuple[int, tuple[Call, ...]]]:
    mine: dict[int, list[Call]] = {}
    for call in calls:
        place = bisect.bisect_right(orders, call.order) - 1
        if place >= 0:
            mine.setdefault(batches[place].iteration, []).append(call)
    for iteration, part in mine.items():
        yield iteration, tuple(part)


def trained_loaders(tape: Tape) -> tuple[Loader, ...]:
    """The loaders that fed calls which a gradient was taken of."""
    batches = [load for load in tape.loads if not load.ended]
    orders = [load.order for load in batches]
    numbers = {
        batches[place].loader
        for call in tape.calls
        if call.trained and (place := bisect.bisect_right(orders, call.order) - 1) >= 0
    }
    return tuple(tape.loaders[number] for number in sorted(numbers))
