"""Symbolic integers: sums of unknowns with whole coefficients, enough to compare where two slices begin and end."""

from __future__ import annotations

from dataclasses import dataclass

Atom = tuple[object, ...]  # the identity of an unknown: of an opaque value, a loop's index, a product


@dataclass(frozen=True, slots=True)
class Linear:
    """`const` plus each unknown times its coefficient; no coefficient is 0."""

    terms: frozenset[tuple[Atom, int]] = frozenset()
    const: int = 0

    @staticmethod
    def of(atom: Atom) -> Linear:
        return Linear(frozenset({(atom, 1)}))

    @property
    def is_const(self) -> bool:
        return not self.terms

    @property
    def atoms(self) -> frozenset[Atom]:
        return frozenset(atom for atom, _ in self.terms)

    def coefficient(self, atom: Atom) -> int:
        return next((factor for each, factor in self.terms if each == atom), 0)

    def __add__(self, other: Linear) -> Linear:
        if not other.terms:
            return Linear(self.terms, self.const + other.const)
        total = dict(self.terms)
        for atom, factor in other.terms:
            total[atom] = total.get(atom, 0) + factor
        return Linear(frozenset((atom, factor) for atom, factor in total.items() if factor), self.const + other.const)

    def __sub__(self, other: Linear) -> Linear:
        return self + other.times(-1)

    def plus(self, number: int) -> Linear:
        return Linear(self.terms, self.const + number)

    def times(self, factor: int) -> Linear:
        if factor == 0:
            return ZERO
        return Linear(frozenset((atom, each * factor) for atom, each in self.terms), self.const * factor)

    def product(self, other: Linear) -> Linear:
        """Return the product: exact with a number, an unknown of its own otherwise."""
        for one, two in ((self, other), (other, self)):
            if one.is_const:
                return two.times(one.const)
        one, two = Linear(self.terms), Linear(other.terms)
        made = Linear.of(("*", frozenset({one, two})) if one != two else ("*", one))
        return made + two.times(self.const) + one.times(other.const) + Linear(const=self.const * other.const)


ZERO = Linear()
END = Linear.of(("end",))  # the end of whatever is sliced
