"""Do all batches score the same number of tokens? Proofs that they do, proofs that they do not, and neither."""

from __future__ import annotations

import ast
import re

from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, LibObject, Quantity, options
from lintloss.findings import Evidence

SAMPLER = re.compile(r"\b(get_batch|next_batch|sample_batch|get_random_batch|random_batch|get_lm_batch|make_batch)\w*\(|\.next_batch\(|\brandint\(")


def note_sampler(machine: Machine, loop: Loop, body: list[ast.stmt]) -> None:
    """Remember that a loop over a number of steps draws its batches from a sampler of fixed (B, T) blocks."""
    if loop.unit in {"step", "batch"} and loop.source == () and not loop.equal:
        for statement in body:
            if SAMPLER.search(machine.text(statement)):
                loop.equal.append(machine.evidence(statement, "the batch is drawn from a sampler: all have the same shape"))
                return


def note_loader(machine: Machine, loop: Loop, node: ast.AST) -> None:
    """Remember what a DataLoader says about its last batch."""
    for option in options(loop.iterates):
        if isinstance(option, LibObject) and option.made is not None:
            dropped = option.arg(-1, "drop_last")
            if isinstance(dropped, Const) and dropped.value and not loop.equal:
                loop.equal.append(option.made)


def proven_unequal(total: Quantity) -> tuple[Evidence, ...]:
    """Return why the scored counts of batches differ on ordinary data, () when that is not proven."""
    scoring = total.scoring
    found: list[Evidence] = []
    for loop in total.loops:
        found += loop.unequal
    if scoring is not None and scoring.place is not None:
        ignored = scoring.ignore_index
        if ignored is not None and not (isinstance(ignored, Const) and ignored.value in (None,)):
            found.append(scoring.place)
        if scoring.masked:
            found.append(scoring.place)
    return tuple(found)


def proven_equal(total: Quantity) -> tuple[Evidence, ...]:
    """Return why all batches score the same count, () when that is not proven."""
    if proven_unequal(total):
        return ()
    return tuple(place for loop in total.loops for place in loop.equal)
