"""Labels that are written to be ignored: by a data set, by what maps one, by what they call."""

from __future__ import annotations

import ast
import re

from lintloss.facts import padding
from lintloss.facts.loops import Differing
from lintloss.facts.machine import Machine
from lintloss.facts.mark_texts import MINUS_100
from lintloss.facts.optional import Known, of_call, of_object
from lintloss.facts.survey import walk
from lintloss.facts.values import Const, Func, Key, LibObject, Opaque, Ref, Value, options
from lintloss.parse import Module
from lintloss.patterns import regex

IGNORED = Const(-100)
SAID = "labels are marked here to be ignored"
ONE_WORD = regex(r"\bmax_length=[23]\b")  # labels of one word and its end: about as many tokens in each row
MARKS = regex(rf"{MINUS_100}|\b(IGNORE|LABEL_PAD)_?(INDEX|LABEL\w*|ID|TOKEN\w*)\b|\bignore_index\b")


def where(machine: Machine, module: Module, node: ast.AST, known: Known = ()) -> Differing | None:
    """Return where a function or class writes labels to be ignored: itself, or what it calls by name."""
    key = (node, known)
    if key not in machine.marked_code:
        machine.marked_code[key] = _where(machine, module, node, known)
    return machine.marked_code[key]


def _where(machine: Machine, module: Module, node: ast.AST, known: Known) -> Differing | None:
    if ONE_WORD.search(padding.code_of(module, node)):
        return None
    own = padding.told(module, node, _marks(machine, module, node), known)
    found = [Differing(padding.at(machine, module, node, SAID), own)] if own is not None else []
    for name, callee in called(machine, module, node) if not own else ():
        marks = padding.told(callee.module, callee.node, MARKS)
        is_called = padding.told(module, node, re.compile(rf"\b{name}\("), known) if marks is not None else None
        if marks is not None and is_called is not None:
            found.append(Differing(padding.at(machine, callee.module, callee.node, SAID), marks and is_called))
    return next((each for each in found if each.always), found[0] if found else None)


def _marks(machine: Machine, module: Module, node: ast.AST) -> re.Pattern[str]:
    """Return what marks labels in a piece of code: also the names by which the module has -100, whatever they are."""
    compared = {id(part) for each in walk(node) if isinstance(each, ast.Compare) for part in ast.walk(each)}
    read = (each for each in walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load))
    slots = {each.id: machine.global_slot(module.path, each.id) for each in read if id(each) not in compared}
    names = sorted(name for name, slot in slots.items() if slot is not None and slot.value == IGNORED)
    return re.compile(rf"{MARKS.pattern}|\b({'|'.join(names)})\b") if names else MARKS


def called(machine: Machine, module: Module, node: ast.AST) -> list[tuple[str, Func]]:
    """Return the functions of the project that a piece of code calls by their names, with these."""
    from lintloss.facts.expressions import looked_up

    names = {each.func.id for each in walk(node) if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)}
    slots = {name: machine.global_slot(module.path, name) for name in sorted(names)}
    found = ((name, looked_up(machine, name, slot)) for name, slot in slots.items() if slot is not None)
    return [(name, each) for name, each in found if isinstance(each, Func)]


def note_mapped(machine: Machine, dataset: Value, function: Value, made: Value | None) -> None:
    """Remember that `dataset.map(function)` marks labels to be ignored."""
    known: Known = ()
    if isinstance(function, LibObject) and function.name.endswith("partial") and function.args:
        known = of_call(function)
        function = function.args[0]
    found = where(machine, function.module, function.node, known) if isinstance(function, Func) else None
    if found is None:
        return
    for each in (dataset, made):
        key = _key(each)
        if key:
            machine.marked_rows[key] = found


def of_dataset(machine: Machine, dataset: Value) -> Differing | None:
    """Return where the labels of a data set's rows are marked to be ignored, None where nothing says so."""
    for option in options(dataset):
        if isinstance(option, Ref) and option.cls is not None:
            found = where(machine, option.cls.module, option.cls.node, of_object(machine, option))
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
