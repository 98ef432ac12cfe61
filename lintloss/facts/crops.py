"""Crops: rows that are cut to one length out of longer texts, and filled up only where a text is shorter than that."""

from __future__ import annotations

import ast

from lintloss.facts import ignored, padding
from lintloss.facts.bindings import Function
from lintloss.facts.lone_rows import is_window, summands
from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk
from lintloss.facts.values import Ref, Value, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

SIZE = regex(r"\blen\(|\.shape\[|\.size\(|len(gth)?\b")
FILLS = regex(r"\b(pad|full|full_like|zeros|ones|zeros_like)\(|\bpad\w*\b|\bPAD\w*\b|\] \* ")


def of_dataset(machine: Machine, dataset: Value) -> Evidence | None:
    """Return where each class that a data set may be of cuts its rows so; None where one does not."""
    found: list[Evidence] = []
    for option in options(dataset):
        cls = option.cls if isinstance(option, Ref) else None
        if cls is None:
            return None
        called = [each for _, each in ignored.called(machine, cls.module, cls.node)]
        homes = [(cls.module, cls.node), *((each.module, each.node) for each in called)]
        cuts = [(module, each) for module, node in homes for each in walk(node) if isinstance(each, Function)]
        place = next(((module, each) for module, each in cuts if _crops(each)), None)
        if place is None:
            return None
        found.append(padding.at(machine, *place, "only what is shorter than a row is filled up here"))
    return found[0] if found else None


def _crops(function: Function) -> bool:
    """Say whether a function cuts windows of one length, and fills one up where there is less of it."""
    sizes: set[str] = set()
    for node in walk(function):
        cut = node.slice if isinstance(node, ast.Subscript) else None
        if isinstance(cut, ast.Slice) and cut.lower is not None and not isinstance(cut.lower, ast.Constant):
            if is_window(cut, function) and cut.upper is not None:
                sizes |= {*summands(cut.upper, function)} - {*summands(cut.lower, function)}
    return any(_fills_short(node, sizes, function) for node in walk(function) if isinstance(node, ast.If))


def _fills_short(node: ast.If, sizes: set[str], function: Function) -> bool:
    """Say whether a branch is for what is shorter than a window: `if len(ids) < self.block:`."""
    test = node.test
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Lt | ast.LtE):
        return False
    said = {ast.unparse(test.comparators[0]), *summands(test.comparators[0], function)}
    if not said & sizes or not any(map(SIZE.search, summands(test.left, function))):
        return False
    return FILLS.search(ast.unparse(function)) is not None
