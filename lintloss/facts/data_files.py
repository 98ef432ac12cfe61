"""Files that make data: what is wrong with the labels of their rows shows where other files score them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from lintloss.facts import alignment
from lintloss.facts.alignment import Alignment
from lintloss.facts.library import shapes
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Compared
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Scoring, options
from lintloss.findings import Evidence
from lintloss.parse import Module
from lintloss.patterns import regex
from lintloss.screen import screen

GETS, COUNTS = "__getitem__", "__len__"  # by these a data set is read
LABELS = "labels"  # what a Hugging Face model is given to score
SHIFTS = regex(r"\[(:, |\.\.\., )?:-1\][\s\S]*\[(:, |\.\.\., )?1:\]")
Definition = ast.FunctionDef | ast.AsyncFunctionDef


def asking(module: Module) -> list[str]:
    """Return the classes whose rows only callers can judge, labels that are shifted, or kept of filled-up rows; with what
    makes such data sets for others.
    """
    from lintloss.facts.callers import text_of

    found = [node for node in module.tree.body if isinstance(node, ast.ClassDef) and _getter(node) is not None]
    pads = "padding" in module.code
    shifting = [each.name for each in found if SHIFTS.search(text_of(each)) is not None]
    keeping = {each.name for each in found if pads and _labelling(each) is not None}
    makers = (node for node in module.tree.body if keeping and isinstance(node, Definition))
    return [*shifting, *sorted(keeping), *(each.name for each in makers if _calls(each, keeping))]


def _calls(node: Definition, names: set[str]) -> bool:
    return any(isinstance(each, ast.Call) and called_name(each.func) in names for each in walk(node))


def note(machine: Machine, node: ast.AST, scoring: Scoring, found: Alignment | None) -> None:
    """Record, where the checked file makes the data, that what it does to the labels is wrong for who scores them."""
    module = machine.project.module(machine.home)
    target = shapes.tensor(scoring.target)
    steps = [step for step in target.trace if step.path == machine.home] if target is not None else []
    if module is None or not steps:
        return
    if found is not None and found.kind == alignment.DOUBLE:
        inner = _statements(module.tree, steps[-1].span.row)
        evidence = (*found.evidence, _scored_at(machine, node))
        _observe(machine, module, max(inner, key=lambda each: each.lineno), scoring, replace(found, evidence=evidence))
        return
    place = _kept_labels(machine, module, scoring)
    if place is not None:
        _observe(machine, module, place, scoring, None)


def _observe(machine: Machine, module: Module, place: ast.stmt, scoring: Scoring, found: Alignment | None) -> None:
    anchor = machine.anchor(module)
    span = anchor.span(place)
    seen = Compared(
        path=module.path,
        span=span,
        statement_rows=(span.row, span.end_row),
        scope_rows=anchor.scope(span.row),
        scoring=scoring,
        alignment=found,
    )
    machine.log["Compared", seen.path, seen.span, (), ""] = seen


def _kept_labels(machine: Machine, module: Module, scoring: Scoring) -> ast.stmt | None:
    """Return where a data set puts the labels of a row that was filled up, for a script that has no word of a loss itself.

    Of others, the finding stands where they evaluate.
    """
    script = machine.frames[0].module
    pads = [shapes.tensor(each) for each in options(scoring.target)]
    if screen(script.text.encode(), script.path) is None or not all(each is not None and each.pad for each in pads):
        return None
    handed = {ref.cls.node for ref in machine.handed_over if ref.cls is not None}
    classes = [each for each in module.tree.body if isinstance(each, ast.ClassDef) and each in handed]
    used = [(each, place) for each in classes if (place := _labelling(each)) is not None]
    rows = [step.span.row for pad in pads if pad is not None for step in pad.trace if step.path == module.path]
    filling = [place for each, place in used if any(each.lineno <= row <= (each.end_lineno or 0) for row in rows)]
    found = filling or [place for _, place in used]
    return found[0] if len(found) == 1 else None  # of several, nobody can tell whose rows are scored


def _labelling(cls: ast.ClassDef) -> ast.stmt | None:
    """Return the statement by which rows of a data set get their labels: `item["labels"] = ...`, `return {"labels": ...}`."""
    getter = _getter(cls)
    for node in walk(getter) if getter is not None else ():
        for each in _puts(node):
            return max(_statements(getter, each.lineno), key=lambda found: found.lineno, default=None)
    return None


def _puts(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the labels that a node puts into a row; a row whose labels are read has got them elsewhere."""
    if isinstance(node, ast.Assign):
        keys = [(each.slice, node.value) for each in node.targets if isinstance(each, ast.Subscript)]
    elif isinstance(node, ast.Dict):
        keys = [(key, value) for key, value in zip(node.keys, node.values, strict=True) if key is not None]
    elif isinstance(node, ast.Call) and called_name(node.func) in {"dict", "update"}:
        yield from (each.value for each in node.keywords if each.arg == LABELS)
        return
    else:
        return
    yield from (value for key, value in keys if isinstance(key, ast.Constant) and key.value == LABELS)


def _getter(cls: ast.ClassDef) -> Definition | None:
    """Return what gives the rows of a data set: a class that gives items alone, and counts none, may be anything."""
    methods = {each.name: each for each in cls.body if isinstance(each, Definition)}
    return methods.get(GETS) if cls.bases or COUNTS in methods else None


def _statements(tree: ast.AST | None, row: int) -> Iterator[ast.stmt]:
    nodes = walk(tree) if tree is not None else ()
    return (each for each in nodes if isinstance(each, ast.stmt) and each.lineno <= row <= (each.end_lineno or 0))


def _scored_at(machine: Machine, node: ast.AST) -> Evidence:
    """Return where the file that runs scores: the call that leads to the criterion, or the criterion itself."""
    own = [i for i, frame in enumerate(machine.frames) if frame.module is machine.frames[0].module]
    below = machine.frames[own[-1] + 1].call_place if own[-1] + 1 < len(machine.frames) else None
    return below or machine.evidence(node, "and shifted again for what is scored here")
