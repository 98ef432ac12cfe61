"""Labels that are written to be ignored: by a data set, by what maps one, by what they call."""

from __future__ import annotations

import ast

from lintloss.facts import padding
from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk
from lintloss.facts.values import Func, Key, LibObject, Opaque, Ref, Value, options
from lintloss.findings import Evidence
from lintloss.parse import Module
from lintloss.patterns import regex

SAID = "labels are marked here to be ignored"
ONE_WORD = regex(r"\bmax_length=[23]\b")  # labels of one word and its end: about as many tokens in each row
MARKS = regex(r"-100\b|\b(IGNORE|LABEL_PAD)_?(INDEX|LABEL\w*|ID|TOKEN\w*)\b|\bignore_index\b")


def where(machine: Machine, module: Module, node: ast.AST) -> Evidence | None:
    """Return where a function or class writes labels to be ignored: itself, or what it calls by name."""
    if node not in machine.marked_code:
        machine.marked_code[node] = _where(machine, module, node)
    return machine.marked_code[node]


def _where(machine: Machine, module: Module, node: ast.AST) -> Evidence | None:
    if ONE_WORD.search(padding.code_of(module, node)):
        return None
    if _marks(module, node):
        return padding.at(machine, module, node, SAID)
    for called in _called(machine, module, node):
        if _marks(called.module, called.node):
            return padding.at(machine, called.module, called.node, SAID)
    return None


def _marks(module: Module, node: ast.AST) -> bool:
    return MARKS.search(padding.code_of(module, node)) is not None


def _called(machine: Machine, module: Module, node: ast.AST) -> list[Func]:
    """Return the functions of the project that a piece of code calls by their names."""
    from lintloss.facts.expressions import looked_up

    names = {each.func.id for each in walk(node) if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)}
    slots = {name: machine.global_slot(module.path, name) for name in sorted(names)}
    found = (looked_up(machine, name, slot) for name, slot in slots.items() if slot is not None)
    return [each for each in found if isinstance(each, Func)]


def note_mapped(machine: Machine, dataset: Value, function: Value, made: Value | None) -> None:
    """Remember that `dataset.map(function)` marks labels to be ignored."""
    if isinstance(function, LibObject) and function.name.endswith("partial") and function.args:
        function = function.args[0]
    place = where(machine, function.module, function.node) if isinstance(function, Func) else None
    if place is None:
        return
    for each in (dataset, made):
        key = _key(each)
        if key:
            machine.marked_rows[key] = place


def of_dataset(machine: Machine, dataset: Value) -> Evidence | None:
    """Return where the labels of a data set's rows are marked to be ignored, None where nothing says so."""
    for option in options(dataset):
        if isinstance(option, Ref) and option.cls is not None:
            found = where(machine, option.cls.module, option.cls.node)
        else:
            key = _key(option)
            found = next(
                (machine.marked_rows[key[:n]] for n in range(len(key), 0, -1) if key[:n] in machine.marked_rows), None
            )
        if found is not None:
            return found
    return None


def _key(value: Value | None) -> Key:
    if isinstance(value, Ref):
        return value.id
    return value.key if isinstance(value, Opaque | LibObject) else ()
