"""Rows that are cut where they are too long: whichever way an `if` about their length goes, they are what the cut leaves."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts.callers import text_of
from lintloss.facts.library import shapes
from lintloss.facts.linear import END
from lintloss.facts.state import Slot, State
from lintloss.facts.values import Opaque, Tensor, Value, Window
from lintloss.patterns import regex

LENGTH = regex(r"\blen\(|\.size\(|\.shape\b|\bnumel\b|len(gth)?s?\b|\bsize\b")
ROWS = frozenset({"", "ids", "mask"})


def settle(test: ast.expr, states: list[State]) -> None:
    """Let both ends of `if len(ids) > size: ids = ids[:size]` hold the cut row: of a shorter one, that is all of it.

    Where the other branch fills up what is too short, the row is cut and filled up.
    """
    if len(states) != 2:
        return
    one, other = states
    for name, slot in list(one.names.items()):
        beside = other.names.get(name)
        row = either(test, slot.value, beside.value) if beside is not None and beside is not slot else None
        if row is not None and beside is not None:
            one.names[name] = Slot(row, slot.depth)
            other.names[name] = Slot(row, beside.depth)


def either(test: ast.expr, one: Value, other: Value) -> Tensor | None:
    """Return the row that is cut out of the other where a test asks how long it is; None where neither is."""
    rows = [shapes.tensor(each) if isinstance(each, Tensor | Opaque) else None for each in (one, other)]
    if rows[0] is None or rows[1] is None or LENGTH.search(text_of(test)) is None:
        return None
    if _is_cut_of(rows[0], rows[1]):
        return _filled_as(rows[0], rows[1])
    return _filled_as(rows[1], rows[0]) if _is_cut_of(rows[1], rows[0]) else None


def _is_cut_of(cut: Tensor, whole: Tensor) -> bool:
    """Say whether a row is a stretch of another that is as long as a limit says: its begin, its end, or one drawn from it."""
    inner, outer = cut.window, whole.window
    same_kind = cut.form in ROWS and whole.form in ROWS and (cut.form == "mask") == (whole.form == "mask")
    if not same_kind or inner is None or outer is None:
        return False
    beside = inner.source == outer.source and inner.flat == outer.flat and inner.marks == outer.marks
    return beside and _reaches_end(outer) and not _reaches_end(inner)


def _reaches_end(window: Window) -> bool:
    """Say whether a window is as long as what it is cut from, but for a number of positions."""
    return any(atom in END.atoms for atom in window.length.atoms)


def _filled_as(cut: Tensor, whole: Tensor) -> Tensor:
    trace = tuple(dict.fromkeys((*whole.trace, *cut.trace)))[-12:]
    pad = cut.pad if cut.pad is not None else whole.pad
    return replace(cut, pad=pad, clean=cut.clean or whole.clean, trace=trace)
