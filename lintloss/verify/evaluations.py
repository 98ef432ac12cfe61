"""Stage: a tape and the recorded expressions of a finding -> evaluations: which criterion calls made which number."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from lintloss.verify.events import Call, Mark, Tape, Value


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One call of an evaluation function: its criterion calls and the numbers computed from them, in order."""

    tape: Tape
    calls: tuple[Call, ...]
    flagged: tuple[Value, ...] = ()  # values of the flagged expression
    values: tuple[Value, ...] = ()  # all recorded values from its start to the next evaluation's


def by_scope(tape: Tape, scope: int, value_sites: frozenset[int]) -> tuple[Evaluation, ...]:
    """Cut the tape at each entry of the flagged function; a loop of epochs inside it is cut at its turns."""
    entries = [mark.order for mark in tape.enters if mark.site == scope] or [0]
    bounds = [*entries, 1 << 60]
    found: list[Evaluation] = []
    for start, end in itertools.pairwise(bounds):
        found.extend(_cut(tape, scope, start, end, value_sites))
    return tuple(_with_values(tape, found))


def _within(tape: Tape, scope: int, calls: list[Call]) -> list[Call]:
    """Calls made below the flagged function; all of them when it hands its work to threads."""
    place = tape.scopes.get(scope)
    below = [call for call in calls if place is not None and any(place.holds(frame) for frame in call.site.frames)]
    return below or calls


def _cut(tape: Tape, scope: int, start: int, end: int, value_sites: frozenset[int]) -> list[Evaluation]:
    """One activation: the innermost loop whose turns hold several criterion calls each is the loop of evaluations."""
    flagged = [value for value in tape.values if start <= value.order < end and value.site in value_sites]
    # A flagged expression is computed from what came before it; criterion calls after it belong to something else.
    last = max((value.order for value in flagged), default=end)
    calls = _within(tape, scope, [call for call in tape.calls if start <= call.order <= last])
    if not calls:
        return []
    end = min(end, last + 1)
    for loop in _loops(tape, value_sites):
        turns = [mark.order for mark in tape.loops if mark.site == loop and start <= mark.order < end]
        windows = list(zip(turns, [*turns[1:], end], strict=True))
        counts = [_count(calls, low, high) for low, high in windows]
        busy = [count for count in counts if count]
        if len(turns) > 1 and busy and median(busy) >= 2:
            return [
                evaluation
                for low, high in windows
                if (evaluation := _evaluation(tape, calls, flagged, low, high)) is not None
            ]
    whole = _evaluation(tape, calls, flagged, start, end)
    return [whole] if whole is not None else []


def _loops(tape: Tape, value_sites: frozenset[int]) -> tuple[int, ...]:
    sites = [tape.value_sites[site] for site in value_sites if site in tape.value_sites]
    return max((site.loops for site in sites), key=len, default=())


def _count(calls: list[Call], low: int, high: int) -> int:
    return sum(1 for call in calls if low <= call.order < high)


def _evaluation(tape: Tape, calls: list[Call], flagged: list[Value], low: int, high: int) -> Evaluation | None:
    inside = tuple(value for value in flagged if low <= value.order < high)
    last = max((value.order for value in inside), default=high)
    mine = [call for call in calls if low <= call.order <= last]
    if not mine and inside:
        mine = [call for call in calls if low <= call.order < high]
    kept = evaluated(mine)
    return Evaluation(tape, kept, inside) if kept else None


def evaluated(calls: Iterable[Call]) -> tuple[Call, ...]:
    """Leave out training: calls that a gradient was taken of, and those at the sites of such calls."""
    listed = list(calls)
    trained = {call.site for call in listed if call.trained}
    kept = tuple(call for call in listed if call.site not in trained)
    return kept or tuple(listed)


def _with_values(tape: Tape, found: list[Evaluation]) -> list[Evaluation]:
    """Give each evaluation the values up to the next one's first criterion call."""
    starts = [evaluation.calls[0].order for evaluation in found]
    orders = [value.order for value in tape.values]
    result = []
    for number, evaluation in enumerate(found):
        after = starts[number + 1] if number + 1 < len(found) else 1 << 60
        low, high = bisect.bisect_left(orders, evaluation.calls[0].order), bisect.bisect_left(orders, after)
        values = tape.values[low:high]
        result.append(Evaluation(tape, evaluation.calls, evaluation.flagged, values))
    return result


def by_runs(tape: Tape) -> tuple[Evaluation, ...]:
    """Without a flagged function: consecutive calls of one site, not trained on, are an evaluation."""
    runs: list[list[Call]] = []
    for call in tape.calls:
        if call.trained:
            runs.append([])
        elif runs and runs[-1] and runs[-1][-1].site == call.site and runs[-1][-1].form == call.form:
            runs[-1].append(call)
        else:
            runs.append([call])
    found = [Evaluation(tape, tuple(run)) for run in runs if run]
    return tuple(_with_values(tape, found))


def split_by_site(calls: tuple[Call, ...]) -> tuple[tuple[Call, ...], ...]:
    """All calls, then the calls of each site alone: several splits may be scored in one function."""
    sites = list(dict.fromkeys(call.site for call in calls))
    if len(sites) < 2:
        return (calls,)
    return (calls, *(tuple(call for call in calls if call.site == site) for site in sites))


def entered(tape: Tape, scope: int) -> tuple[Mark, ...]:
    return tuple(mark for mark in tape.enters if mark.site == scope)
