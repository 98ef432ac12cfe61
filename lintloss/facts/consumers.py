"""Consumers: whether the loops over a loader that another file makes end at a number of batches that somebody chose."""

from __future__ import annotations

import ast
import re

from lintloss.facts import callers
from lintloss.facts.callers import text_of
from lintloss.facts.measuring import is_unit_test
from lintloss.facts.project import Project
from lintloss.facts.survey import walk
from lintloss.parse import Module
from lintloss.patterns import regex

CAP = regex(r"max|limit|iters|steps|batches", re.IGNORECASE)


def are_capped(project: Project, module: Module, name: str) -> bool:
    """Say whether most loops over what other files know by this name break at a cap: the last batch is seldom reached.

    One that does not may be over other data: an error needs to be sure.
    """
    over = re.compile(rf"\b{re.escape(name)}\b")
    others = (other for other in callers.mentioning(project, module, name, "") if other.path != module.path)
    capped = [
        has_cap(loop)
        for other in others
        if not is_unit_test(other)
        for loop in walk(other.tree)
        if isinstance(loop, ast.For) and over.search(text_of(loop.iter))
    ]
    return sum(capped) > len(capped) / 2


def has_cap(loop: ast.AST) -> bool:
    """Say whether a loop holds `if k >= max_iters: break`; a cap that may be None is none by default."""
    for node in walk(loop):
        if isinstance(node, ast.If) and any(isinstance(each, ast.Break) for each in node.body):
            test = node.test
            if isinstance(test, ast.Compare) and CAP.search(text_of(test.comparators[0])):
                return True
    return False
