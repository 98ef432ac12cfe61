"""Observations -> what each evaluation loop computes, in units: what `locate` lists and editors show above the loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lintloss.facts.loops import Loop
from lintloss.facts.observations import Averaging, Observation, Scored
from lintloss.facts.units import COUNTS
from lintloss.facts.values import Quantity
from lintloss.findings import Evidence, Span

_PLURALS = {"batch": "batches", "item": "items"}


@dataclass(frozen=True, slots=True)
class Computed:
    """One loop that does not train, and what it computes.

    loop: its place, and what it runs over. results: each number that comes of it, as a phrase, in the order of rows.
    at: where those numbers are computed.
    """

    loop: Evidence
    results: tuple[str, ...]
    at: tuple[Span, ...]

    @property
    def text(self) -> str:
        return "; ".join(dict.fromkeys(self.results))


def computed(observations: Iterable[Observation], path: str) -> tuple[Computed, ...]:
    """Collect, for the loops of one file, what is averaged over them; of one without an average, what it scores."""
    averages: dict[Span, list[tuple[Span, str]]] = {}
    scores: dict[Span, list[tuple[Span, str]]] = {}
    places: dict[Span, Evidence] = {}
    for seen in observations:
        for loop, phrase in _phrases(seen):
            if loop.place.path != path or loop.trains:
                continue
            places[loop.place.span] = loop.place
            found = averages if isinstance(seen, Averaging) else scores
            found.setdefault(loop.place.span, []).append((seen.span, phrase))
    return tuple(_made(places[span], averages.get(span) or scores[span]) for span in sorted(places))


def _made(place: Evidence, found: list[tuple[Span, str]]) -> Computed:
    ordered = sorted(dict.fromkeys(found))
    return Computed(place, tuple(phrase for _, phrase in ordered), tuple(span for span, _ in ordered))


def _phrases(seen: Observation) -> Iterator[tuple[Loop, str]]:
    if isinstance(seen, Averaging) and isinstance(seen.after, Quantity):
        for loop in seen.before.loops or seen.loops[-1:]:
            yield loop, averaged(seen.after)
    elif isinstance(seen, Scored) and isinstance(seen.loss, Quantity) and seen.loops:
        loop = seen.loops[-1]
        yield loop, f"{seen.loss.unit} of each {loop.unit}, not averaged here"


def averaged(after: Quantity) -> str:
    """Name the unit, and what weighs the same in the average."""
    weighed = (name for name in dict.fromkeys(after.weights) if name in COUNTS)  # the others say how it was reduced
    equal = [_PLURALS.get(name, name + "s") for name in weighed]
    unit = str(after.unit)
    if equal:
        return f"{unit}, all {' and '.join(equal)} weighing the same"
    if after.unit.degree == -1 and after.unit.power("token") == -1:
        return f"{unit}, all tokens weighing the same"
    return unit
