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

GETS = "__getitem__"
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
    classes = (node for node in module.tree.body if isinstance(node, ast.ClassDef))
    made = [(cls, place) for cls in classes if (place := _labelling(cls)) is not None]
    used = [
        place for cls, place in made if any(ref.cls is not None and ref.cls.node is cls for ref in machine.handed_over)
    ]
    return used[-1] if used else None


def _labelling(cls: ast.ClassDef) -> ast.stmt | None:
    """Return the statement by which rows of a data set get their labels: `item["labels"] = ...`, `return {"labels": ...}`."""
    getter = _getter(cls)
    for node in walk(getter) if getter is not None else ():
        if isinstance(node, ast.Constant) and node.value == LABELS:
            return max(_statements(getter, node.lineno), key=lambda each: each.lineno, default=None)
    return None


def _getter(cls: ast.ClassDef) -> Definition | None:
    return next((each for each in cls.body if isinstance(each, Definition) and each.name == GETS), None)


def _statements(tree: ast.AST | None, row: int) -> Iterator[ast.stmt]:
    nodes = walk(tree) if tree is not None else ()
    return (each for each in nodes if isinstance(each, ast.stmt) and each.lineno <= row <= (each.end_lineno or 0))


def _scored_at(machine: Machine, node: ast.AST) -> Evidence:
    """Return where the file that runs scores: the call that leads to the criterion, or the criterion itself."""
    own = [i for i, frame in enumerate(machine.frames) if frame.module is machine.frames[0].module]
    below = machine.frames[own[-1] + 1].call_place if own[-1] + 1 < len(machine.frames) else None
    return below or machine.evidence(node, "and shifted again for what is scored here")
