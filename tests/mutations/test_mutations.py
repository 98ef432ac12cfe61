"""Right loops are left alone; what breaks them is caught. Run with -s to see the table by mutation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from checker import Checked, check
from mutations.mutate import LOOPS, Mutant, all_mutants
from mutations.plan import PLAN

LEAST_CAUGHT = 0.95


def test_every_loop_is_planned() -> None:
    assert {path.stem for path in LOOPS.glob("*.py")} == set(PLAN)
    assert len(PLAN) >= 40


def test_mutants_differ_from_one_another() -> None:
    mutants = all_mutants()
    assert len({mutant.name for mutant in mutants}) == len(mutants)
    assert len({mutant.text for mutant in mutants}) == len(mutants)


@pytest.fixture(scope="module")
def checked_loops() -> Checked:
    return check(LOOPS)


@pytest.mark.parametrize("loop", sorted(PLAN))
def test_right_loop_is_left_alone(loop: str, checked_loops: Checked) -> None:
    said = [
        f"{finding['location']['row']}: {finding['code']} {finding['message']}"
        for finding in checked_loops.by_file.get((LOOPS / f"{loop}.py").resolve(), [])
        if finding["severity"] != "note"
    ]
    assert said == []


def table(mutants: Sequence[Mutant], missed: Sequence[Mutant]) -> str:
    """Caught and made, by mutation, and which mutants got away."""
    made = Counter(mutant.mutation for mutant in mutants)
    lost = Counter(mutant.mutation for mutant in missed)
    rows = [f"{name:24} {count - lost[name]:3} of {count:3}" for name, count in sorted(made.items())]
    total = f"{'all':24} {len(mutants) - len(missed):3} of {len(mutants):3}"
    return "\n".join(
        [*rows, total, *(f"missed: {mutant.name} ({', '.join(sorted(mutant.expected))})" for mutant in missed)]
    )


def test_mutants_are_caught(tmp_path: Path) -> None:
    mutants = all_mutants()
    paths = {mutant.name: tmp_path / mutant.name / f"{mutant.loop}.py" for mutant in mutants}
    for mutant in mutants:
        paths[mutant.name].parent.mkdir()
        paths[mutant.name].write_text(mutant.text, encoding="ascii")
    checked = check(tmp_path)
    missed = [mutant for mutant in mutants if not mutant.expected & checked.codes(paths[mutant.name])]
    report = table(mutants, missed)
    print(f"\n{report}")
    assert 1 - len(missed) / len(mutants) >= LEAST_CAUGHT, report
