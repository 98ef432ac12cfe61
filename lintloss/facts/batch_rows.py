"""Whether a batch holds several rows: as its loader was told, as it was drawn or stacked, or by what its loader is called."""

from __future__ import annotations

import ast

from lintloss.facts.callers import text_of
from lintloss.facts.library import loaders
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
                    return loop.place
    return _drawn(machine, ids)


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
    one_row = any(isinstance(part, tuple) for part in window.source) or window.marks & {"lone", "single", "at"}
    if one_row or None in _draws(machine, ids):
        return None
    if _are_apart(machine, window):
        return loop.place
    header = loop.statement.iter if isinstance(loop.statement, ast.For | ast.AsyncFor) else None
    called = text_of(header).rpartition("(")[2] if header is not None else ""
    return loop.place if LOADER.search(called.lower()) is not None else None


def _are_apart(machine: Machine, window: Window) -> bool:
    """Say whether several rows lie apart: stacked, or stretches of the long rows that a text was viewed as.

    Rows that follow one another in the text, as it was cut by a stride, may be read on from each to the next.
    """
    if "batched" in window.marks:  # nobody stacks one row
        return not any(atom in machine.strides for atom in window.lower.atoms)
    return window.source[-1:] == ("blocks",) and window.axis == 1 and not window.lower.is_const
