"""Whether a batch holds several rows: as its loader was told, or by what an unknown loader is called."""

from __future__ import annotations

import ast

from lintloss.facts.callers import text_of
from lintloss.facts.library import loaders
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, LibObject, Tensor, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

LOADER = regex(r"loader(?!s)")
ONE_ROW = regex(
    r"\b(batch_?size|bsz?|BATCH_?SIZE)\w*(\s*:\s*int)?[\"']?\s*[,=:]+\s*1\b(?!\s*[-+*/.\d])|batch(es)? of (one|size 1)|"
    r"--(\w+[-_])?(batch_?-?size|bsz?)[\w-]*[\"'][^\n)]*default=1\b(?![.\d])"
)


def known(machine: Machine) -> Evidence | None:
    """Return the loader that puts several rows into a batch."""
    for loop in reversed(machine.loops):
        for option in options(loop.iterates):
            if isinstance(option, LibObject) and loaders.is_loader(option):
                size = option.arg(1, "batch_size")
                if size is not None and not (isinstance(size, Const) and size.value in (1, None)):
                    return loop.place
    return None


def presumed(machine: Machine, ids: Tensor) -> Evidence | None:
    """Return the loop over what is called a loader and may be any, where it gives these ids as a whole.

    None where rows are taken one by one, or where the file speaks of batches of one.
    """
    loop = machine.loops[-1] if machine.loops else None
    window = ids.window
    if loop is None or window is None or not isinstance(loop.statement, ast.For | ast.AsyncFor):
        return None
    if any(isinstance(option, LibObject) for option in options(loop.iterates)):  # a loader that is known says itself
        return None
    one_row = any(isinstance(part, tuple) for part in window.source) or window.marks & {"lone", "single", "at"}
    called = text_of(loop.statement.iter).rpartition("(")[2]
    if one_row or LOADER.search(called.lower()) is None or ONE_ROW.search(machine.frame.module.code):
        return None
    return loop.place
