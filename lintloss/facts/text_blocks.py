"""Blocks of text: rows that were cut, each as long as the others, out of joined texts, so that a collator pads nothing."""

from __future__ import annotations

import ast
from functools import lru_cache

from lintloss.facts import lone_rows
from lintloss.facts.machine import Machine
from lintloss.facts.moved import Comprehension
from lintloss.facts.survey import DEFINITIONS, walk
from lintloss.facts.values import LibObject
from lintloss.facts.whole import BATCH
from lintloss.parse import Module


def are_collated(machine: Machine, collator: LibObject) -> bool:
    """Say whether texts are cut into blocks in the file that makes a collator, or in the one that is checked."""
    home = machine.frames[0].module
    beside = machine.project.module(collator.made.path) if collator.made is not None else None
    return any(_cuts_blocks(each) for each in (home, beside) if each is not None)


@lru_cache(maxsize=16)
def _cuts_blocks(module: Module) -> bool:
    """Say whether a function lists `ids[i : i + size]`, and `size` is not that of a batch."""
    for function in (each for each in walk(module.tree) if isinstance(each, DEFINITIONS)):
        for made in (each for each in walk(function) if isinstance(each, Comprehension)):
            for cut in (each for each in walk(made) if isinstance(each, ast.Slice)):
                if lone_rows.is_window(cut, function) and not BATCH.search(ast.unparse(cut)):
                    return True
    return False
