"""Whether a batch holds several rows: as its loader was told, as it was drawn or stacked, or by what its loader is called."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts.callers import text_of
from lintloss.facts.library import loaders
from lintloss.facts.linear import ZERO, Atom, Linear
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, LibObject, Tensor, Window, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

LOADER = regex(r"loader(?!s)")
ONE_ROW = regex(
    r"\b(batch_?size|bsz?|BATCH_?SIZE)\w*(\s*:\s*int)?[\"']?\s*[,=:]+\s*1\b(?!\s*[-+*/.\d])|batch(es)? of (one|size 1)|"
    r"--(\w+[-_])?(batch_?-?size|bsz?)[\w-]*[\"'][^\n)]*default=1\b(?![.\d])"
)


def known(machine: Machine, ids: Tensor) -> Evidence | None:
    """Return the loader that puts several rows into a batch, or where the places at which its rows begin were drawn."""
    for loop in reversed(machine.loops):
        for option in options(loop.iterates):
            if isinstance(option, LibObject) and loaders.is_loader(option):
                size = option.arg(1, "batch_size")
                if size is not None and not (isinstance(size, Const) and size.value in (1, None)):
                    return None if _follow(machine, ids.window) and not shuffles(option) else loop.place
    return _drawn(machine, ids)


def shuffles(loader: LibObject) -> bool:
    """Say whether a loader may give the rows in another order than that of its data set."""
    given = (loader.arg(2, "shuffle"), loader.arg(3, "sampler"), loader.arg(4, "batch_sampler"))
    return any(each not in (None, Const(None), Const(False)) for each in given)


def _follow(machine: Machine, window: Window | None) -> bool:
    """Say whether rows follow one another in their text, as it was cut: each is read on in the next."""
    if window is None:
        return False
    if window.source[-1:] == ("blocks",) and window.lower.is_const:
        return True
    return any(_is_index(machine, atom) for atom in window.lower.atoms)


def _is_index(machine: Machine, atom: Atom) -> bool:
    """Say whether a number is the index of rows that are cut by a stride, or a product of one: `index * size`."""
    factors = atom[1] if atom[:1] == ("*",) and isinstance(atom[1], frozenset) else ()
    return atom in machine.strides or any(each in machine.strides for factor in factors for each in factor.atoms)


def _drawn(machine: Machine, ids: Tensor) -> Evidence | None:
    """Return where several numbers were drawn, at each of which a row of these ids begins."""
    places = [] if _speaks_of_one_row(machine) else _draws(machine, ids)
    return next((place for place in places if place is not None), None)


def _draws(machine: Machine, ids: Tensor) -> list[Evidence | None]:
    """Return where the numbers were drawn at which rows of these ids begin, or stand; None for a number by itself."""
    if ids.window is None:
        return []
    begins = [atom[:-1] for atom in ids.window.lower.atoms if atom[-1:] == ("[]",)]
    begins += [part[1] for part in ids.window.source if isinstance(part, tuple) and part[:1] == ("rows",) and part[1:]]
    return [machine.vectors[begin] for begin in begins if begin in machine.vectors]


def _speaks_of_one_row(machine: Machine) -> bool:
    return ONE_ROW.search(machine.frame.module.code) is not None


def presumed(machine: Machine, ids: Tensor) -> Evidence | None:
    """Return the loop over what is called a loader and may be any, where it gives these ids as a whole, or stacked rows.

    None where rows are taken one by one, or where the file speaks of batches of one.
    """
    loop = machine.loops[-1] if machine.loops else None
    window = ids.window
    if loop is None or window is None or _speaks_of_one_row(machine):
        return None
    if any(isinstance(option, LibObject) and loaders.is_loader(option) for option in options(loop.iterates)):
        return None  # a loader that is known says itself
    window = _taken_from(window)
    one_row = any(isinstance(part, tuple) for part in window.source) or window.marks & {"lone", "single", "at"}
    if one_row or None in _draws(machine, ids):
        return None
    if _are_apart(machine, window):
        return loop.place
    header = loop.statement.iter if isinstance(loop.statement, ast.For | ast.AsyncFor) else None
    called = text_of(header).rpartition("(")[2] if header is not None else ""
    return loop.place if LOADER.search(called.lower()) is not None else None


def _taken_from(window: Window) -> Window:
    """Return all rows of which several were taken: by `rows.split(8)`, or by `rows[i : i + 8]`."""
    part = window.source[-1] if window.source else None
    if not isinstance(part, tuple) or part[:1] != ("rows",):
        return window
    by_number = len(part) == 2 and isinstance(part[1], str) and part[1] != str(Const(1))
    by_bounds = len(part) == 3 and _bound(part[2]) - _bound(part[1]) != Linear(const=1)
    return replace(window, source=window.source[:-1]) if by_number or by_bounds else window


def _bound(of: object) -> Linear:
    """Return where a slice begins or ends, as `windows.sliced` keeps it; an end that is not given is at no number."""
    return of[0] if isinstance(of, tuple) and isinstance(of[0], Linear) else ZERO


def _are_apart(machine: Machine, window: Window) -> bool:
    """Say whether several rows lie apart: stacked, or stretches of the long rows that a text was viewed as.

    Rows that follow one another in the text, as it was cut by a stride, may be read on from each to the next.
    """
    if "batched" in window.marks:  # nobody stacks one row
        return not any(_is_index(machine, atom) for atom in window.lower.atoms)
    return window.source[-1:] == ("blocks",) and window.axis == 1 and not window.lower.is_const
