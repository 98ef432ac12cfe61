"""Right evaluation loops -> mutants: each a whole text, the mutation's name, and the codes that must be reported."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mutations.edits import Source, apply
from mutations.operators import MUTATIONS, rewrite
from mutations.plan import PLAN

LOOPS = Path(__file__).parents[2] / "fixtures" / "mutations"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken loop; finding any of `expected` in it counts as caught."""

    loop: str
    mutation: str
    text: str
    expected: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.loop}__{self.mutation}"


def mutants_of(loop: str) -> Iterator[Mutant]:
    """All mutants of a fixture. A planned mutation that changes nothing, or breaks the syntax, is an error here."""
    source = Source((LOOPS / f"{loop}.py").read_text(encoding="ascii"))
    plan = PLAN[loop]
    for name in plan.mutations:
        mutation = MUTATIONS[name]
        text = apply(source.text, mutation.operator(source, plan.roles))
        yield _checked(Mutant(loop, name, text, mutation.expected), source)
    for name, expected, replaced in plan.rewrites:
        text = apply(source.text, rewrite(source, replaced))
        yield _checked(Mutant(loop, name, text, expected), source)


def _checked(mutant: Mutant, source: Source) -> Mutant:
    ast.parse(mutant.text, mutant.name)
    assert ast.dump(ast.parse(mutant.text)) != ast.dump(source.tree), f"{mutant.name}: nothing was changed"
    return mutant


@functools.cache
def all_mutants() -> tuple[Mutant, ...]:
    return tuple(mutant for loop in PLAN for mutant in mutants_of(loop))
