"""Stage: the close looks at an evaluation's calls -> sums that the logits rules judge by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lintloss.verify.events import Call
from lintloss.verify.ranks import Group

Facts = dict[str, object]


@dataclass(frozen=True, slots=True)
class Looked:
    """A criterion call and what the close look at it found."""

    call: Call
    facts: Facts

    def number(self, name: str) -> float | None:
        value = self.facts.get(name)
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def looked(calls: tuple[Call, ...], group: Group) -> tuple[Looked, ...]:
    looks = {evaluation.tape.process.number: evaluation.tape.looks for evaluation in group.ranks}
    return tuple(
        Looked(call, look.facts) for call in calls if (look := looks.get(call.process, {}).get(call.order)) is not None
    )


def share(items: tuple[Looked, ...], claim: Callable[[Looked], bool]) -> float:
    return sum(1 for item in items if claim(item)) / len(items) if items else 0.0


def token_mean(items: tuple[Looked, ...], parts: Callable[[Looked], tuple[float, float] | None]) -> tuple[float, float]:
    """Sum nats and tokens over the looked-at calls; (nan, 0) when one of them does not tell."""
    pairs = [parts(item) for item in items]
    told = [pair for pair in pairs if pair is not None]
    if not told or len(told) != len(pairs):
        return math.nan, 0.0
    tokens = math.fsum(count for _, count in told)
    return (math.fsum(nats for nats, _ in told) / tokens if tokens else math.nan), tokens


def offsets(items: tuple[Looked, ...]) -> dict[str, float]:
    """The shift histogram: share of scored targets that equal the id embedded at each offset."""
    sums: dict[str, list[float]] = {}
    for item in items:
        for name, value in _shares(item):
            sums.setdefault(name, []).append(value)
    return {name: math.fsum(values) / len(values) for name, values in sums.items()}


def _shares(item: Looked) -> Iterator[tuple[str, float]]:
    shares = item.facts.get("offsets")
    if isinstance(shares, dict):
        for name, value in shares.items():
            yield str(name), float(value)


def offset(items: tuple[Looked, ...]) -> int | None:
    """The one offset on which all calls that tell agree."""
    told = {item.facts["offset"] for item in items if isinstance(item.facts.get("offset"), int)}
    return int(str(told.pop())) if len(told) == 1 else None
