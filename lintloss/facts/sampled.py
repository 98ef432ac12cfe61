"""Sampled windows: a loop that ends after some batches of a loader that shuffles scores a random sample of its rows.

Of windows that begin at every position a small random sample hardly holds two that share text, and its mean is that of
the positions it was drawn from. All of them score each position over and over; so do the first ones.
"""

from __future__ import annotations

import ast

from lintloss.facts import aliases, batch_rows, cuts, optional_caps
from lintloss.facts.library import loaders
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.values import LibObject, options
from lintloss.findings import Evidence

CUTTING = {"islice", "zip"}


def are_drawn(machine: Machine, place: Evidence) -> bool:
    """Say whether the windows around are a random sample, unless they are cut of a row of the sample.

    Args:
        place: where the windows get their stride.
    """
    inner = next((loop for loop in reversed(machine.loops) if _runs_over_loader(loop)), None)
    return inner is not None and _shuffles(inner) and _is_cut(machine, inner) and not _is_inside(place, inner)


def _runs_over_loader(loop: Loop) -> bool:
    found = (each for each in options(loop.iterates) if isinstance(each, LibObject))
    return isinstance(loop.statement, ast.For) and any(loaders.is_loader(each) for each in found)


def _shuffles(loop: Loop) -> bool:
    """Say whether all that a loop may run over are loaders that give their rows in a random order."""
    found = options(loop.iterates)
    return bool(found) and all(
        isinstance(each, LibObject) and loaders.is_loader(each) and batch_rows.shuffles(each) for each in found
    )


def _is_cut(machine: Machine, loop: Loop) -> bool:
    """Say whether a loop ends after a number of batches that is given, by a break or an islice."""
    if not isinstance(loop.statement, ast.For):
        return False
    caps = [each.limit for each in cuts.limits(loop.statement)]
    called = aliases.of(machine.frame.module)
    for node in ast.walk(loop.statement.iter):
        if isinstance(node, ast.Call) and aliases.last_name(node.func, called) in CUTTING:
            caps += _given(node)
    return any(not optional_caps.is_open(machine, each) for each in caps)


def _given(call: ast.Call) -> list[ast.expr]:
    """Return what `islice(loader, n)`, `islice(loader, 0, n)` and `zip(range(n), loader)` end at."""
    ranges = [each for each in call.args if isinstance(each, ast.Call) and ast.unparse(each.func) == "range"]
    if ranges:
        return ranges[0].args[:1]
    return call.args[1:2] if len(call.args) == 2 else call.args[2:3]


def _is_inside(place: Evidence, loop: Loop) -> bool:
    """Say whether the windows are cut in the body of a loop, of what it is given: those of a long row overlap all the same."""
    statement = loop.statement
    if statement is None or place.path != loop.place.path:
        return False
    return statement.body[0].lineno <= place.span.row <= (statement.end_lineno or 0)
