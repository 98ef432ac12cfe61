"""Stage: evaluations of several ranks -> groups: the n-th evaluation of every rank is one evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lintloss.verify.evaluations import Evaluation
from lintloss.verify.events import Call
from lintloss.verify.formulas import Candidate, candidates, total, truth
from lintloss.verify.reported import Reading, fit, read, without_padding

OVER_RANKS = ("over all ranks", "over ranks of token means", "over ranks of batch means")


@dataclass(frozen=True, slots=True)
class Group:
    """One evaluation as its ranks ran it; `first` is the rank that reports."""

    ranks: tuple[Evaluation, ...]

    @property
    def first(self) -> Evaluation:
        return self.ranks[0]

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(call for evaluation in self.ranks for call in evaluation.calls)

    @property
    def distributed(self) -> bool:
        return len(self.ranks) > 1

    @property
    def partial(self) -> bool:
        return any(not evaluation.tape.process.complete for evaluation in self.ranks)


def read_group(group: Group) -> Reading:
    """What rank 0 reported, matched against the formulas over one rank and over all; its calls are those of all ranks.

    Where losses were handed out one a target, the program may have left out padding by itself: what fits better counts.
    """
    return max((_read(one, unpadded=place > 0) for place, one in enumerate(_views(group))), key=fit)


def _views(group: Group) -> Iterator[Group]:
    yield group
    masked = [without_padding(evaluation.calls) for evaluation in group.ranks]
    if any(calls is not None for calls in masked):
        pairs = zip(group.ranks, masked, strict=True)
        yield Group(tuple(replace(one, calls=one.calls if calls is None else calls) for one, calls in pairs))


def _read(group: Group, *, unpadded: bool) -> Reading:
    reading = read(group.first, rank_candidates(tuple(evaluation.calls for evaluation in group.ranks)))
    return replace(reading, calls=group.calls if group.distributed else reading.calls, unpadded=unpadded)


def gather(by_tape: list[tuple[Evaluation, ...]]) -> tuple[Group, ...]:
    """Processes that are ranks of one job are put side by side; others stay on their own."""
    alone = [found for found in by_tape if found and found[0].tape.process.rank is None]
    groups = [Group((evaluation,)) for found in alone for evaluation in found]
    for ranked in _jobs([found for found in by_tape if found and found[0].tape.process.rank is not None]):
        for number in range(max(map(len, ranked))):
            groups.append(Group(tuple(found[number] for found in ranked if number < len(found))))
    return tuple(groups)


def _jobs(ranked: list[tuple[Evaluation, ...]]) -> list[list[tuple[Evaluation, ...]]]:
    """Ranks by job: a script may start several, one after the other, at the same address; each has one rank 0."""
    jobs: dict[tuple[str, int], list[tuple[Evaluation, ...]]] = {}
    turns: dict[tuple[str, int | None], int] = {}
    for found in sorted(ranked, key=lambda found: found[0].tape.process.started):
        process = found[0].tape.process
        turn = turns.get((process.job, process.rank), 0)
        turns[process.job, process.rank] = turn + 1
        jobs.setdefault((process.job, turn), []).append(found)
    return [sorted(found, key=lambda ranked: ranked[0].tape.process.rank or 0) for found in jobs.values()]


def rank_candidates(ranks: tuple[tuple[Call, ...], ...]) -> tuple[Candidate, ...]:
    """What averaging over ranks would report, and the right number over all of them."""
    if len(ranks) < 2:
        return ()
    everything = tuple(call for calls in ranks for call in calls)
    whole = candidates(everything)
    token_means = [truth_as_called(calls) for calls in ranks]
    batch_means = [_batch_mean(calls) for calls in ranks]
    averaged = [
        Candidate("mean over ranks of token means", math.fsum(token_means) / len(ranks)),
        Candidate("mean over ranks of batch means", math.fsum(batch_means) / len(ranks)),
        Candidate("sum over ranks of token means", math.fsum(token_means)),
    ]
    exponentials = [
        Candidate(f"exp of {found.formula}", math.exp(found.number), is_perplexity=True)
        for found in averaged
        if found.number < 700
    ]
    named = [replace(found, formula=f"{found.formula} over all ranks") for found in whole]
    return (*(found for found in named if found.exact), *averaged, *exponentials, *named)


def truth_as_called(calls: tuple[Call, ...]) -> float:
    totals = total(calls)
    return totals.nats / totals.scored if totals.scored else truth(calls)


def _batch_mean(calls: tuple[Call, ...]) -> float:
    totals = total(calls)
    return math.fsum(totals.means) / totals.batches if totals.batches else math.nan
