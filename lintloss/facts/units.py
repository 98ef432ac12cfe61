"""Units of the numbers in evaluation code, and the one law that makes averaging bugs visible.

A unit is a product of powers: nats/token is nat^1 token^-1. Products and quotients follow dimensional analysis.
Summing over a loop leaves an extensive value's unit alone and multiplies an intensive value's unit by the loop's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CONTENTS = ("nat", "bit", "loss", "ppl")  # what is measured; "loss": one that is no cross-entropy, or not known to be
COUNTS = (
    "token",
    "position",
    "item",
    "example",
    "batch",
    "step",
    "segment",
    "rank",
    "unknown",
)  # what it is counted over
PLURALS = {"nat": "nats", "bit": "bits", "ppl": "perplexity"}


@dataclass(frozen=True, slots=True)
class Unit:
    """A product of powers of base units, sorted by name, no zero powers."""

    powers: tuple[tuple[str, int], ...] = ()

    @staticmethod
    def of(**powers: int) -> Unit:
        return Unit(tuple(sorted((name, power) for name, power in powers.items() if power)))

    def power(self, name: str) -> int:
        return dict(self.powers).get(name, 0)

    def __mul__(self, other: Unit) -> Unit:
        total = dict(self.powers)
        for name, power in other.powers:
            total[name] = total.get(name, 0) + power
        return Unit.of(**total)

    def inverse(self) -> Unit:
        return Unit(tuple((name, -power) for name, power in self.powers))

    def __truediv__(self, other: Unit) -> Unit:
        return self * other.inverse()

    @property
    def content(self) -> str | None:
        """Return "nat", "bit", "loss" or "ppl" where the value measures one of them, else None."""
        for name, power in self.powers:
            if name in CONTENTS and power == 1:
                return name
        return None

    @property
    def degree(self) -> int:
        """Return the sum of the powers of all counts: 0 for a total, -1 for a mean."""
        return sum(power for name, power in self.powers if name in COUNTS)

    @property
    def is_intensive(self) -> bool:
        """Say whether the value is an average, so that a sum of it counts its summands.

        Perplexity is an average by nature, positions per row are one, and everything else is where more counts divide
        than multiply. Ranks do not matter: a total divided by their number adds up over batches like the total.
        """
        if self.content is None:
            return any(power < 0 for name, power in self.powers if name != "rank")
        return self.degree - self.power("rank") < (1 if self.content == "ppl" else 0)

    def summed_over(self, count: str) -> Unit:
        """Return the unit of the sum over a loop whose iterations are counted in `count`."""
        return self * Unit.of(**{count: 1}) if self.is_intensive else self

    def swap(self, old: str, new: str) -> Unit:
        """Return the same unit with the base `old` called `new`."""
        return Unit.of(**_merged((new if name == old else name, power) for name, power in self.powers))

    def __str__(self) -> str:
        above = [PLURALS.get(n, n) + _raised(p) for n, p in _by_kind(self.powers) if p > 0]
        below = [n + _raised(-p) for n, p in _by_kind(self.powers) if p < 0]
        top = "·".join(above) or "1"
        return f"{top}/{'/'.join(below)}" if below else top


def _merged(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for name, power in pairs:
        total[name] = total.get(name, 0) + power
    return total


def _raised(power: int) -> str:
    return {1: "", 2: "²", 3: "³"}.get(power, f"^{power}")


def _by_kind(powers: tuple[tuple[str, int], ...]) -> list[tuple[str, int]]:
    order = CONTENTS + COUNTS
    return sorted(powers, key=lambda pair: order.index(pair[0]) if pair[0] in order else 99)


ONE = Unit()
NATS = Unit.of(nat=1)
BITS = Unit.of(bit=1)
PERPLEXITY = Unit.of(ppl=1)
NATS_PER_TOKEN = Unit.of(nat=1, token=-1)
LOSS_PER_TOKEN = Unit.of(loss=1, token=-1)


def count(name: str) -> Unit:
    """Return the unit of a count of `name`: token, example, batch, …"""
    return Unit.of(**{name: 1})
