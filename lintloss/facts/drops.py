"""Loaders that drop their last batch, noted while the interpreter runs: where they are stored, looped over, returned."""

from __future__ import annotations

import ast
import re

from lintloss.facts import left_out, regions, whole
from lintloss.facts.callers import text_of
from lintloss.facts.library import loaders
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.split_names import is_evaluation, is_training
from lintloss.facts.values import Const, LibObject, Value, options
from lintloss.patterns import regex

EVALUATES = regex(r"_*(val|test|dev|eval|held_?out)", re.IGNORECASE)


def note_stored(machine: Machine, name: str, value: Value, node: ast.AST) -> None:
    """Remember a loader that drops, stored under the name of an evaluation split (see `_dropped`)."""
    dropping = [each for each in options(value) if isinstance(each, LibObject) and drops(each)]
    if not dropping or left_out.PREDICTS.search(machine.frame.name):
        return
    others = (each for each in options(value) if isinstance(each, LibObject) and each not in dropping)
    at_times = any(map(loaders.is_loader, others))
    if left_out.is_for_evaluation(name) or _is_made_of_held_out(machine, name):
        for option in dropping:
            machine.stored[option.key, name] = (option, machine.evidence(node, f"stored as `{name}`"), at_times)


def _is_made_of_held_out(machine: Machine, name: str) -> bool:
    """Say whether a loader that is called much like it is made of what is called held-out data: `vals = DataLoader(val_set)`.

    Held-out rows are trained on, too: architectures are searched, models adapted and quantizers calibrated by them.
    """
    statement = machine.frame.statement
    made = statement.value if isinstance(statement, ast.Assign) else None
    if not isinstance(made, ast.Call) or not EVALUATES.match(name) or is_training(name):
        return False
    given = [each.value for each in made.keywords if each.arg == "dataset"] or made.args[:1]
    rows = text_of(given[0]) if given else ""
    return is_evaluation(rows)


def note_looped(machine: Machine, loop: Loop) -> None:
    """Remember a loader that drops, made in the header of a loop over the rows of an evaluation split."""
    header = loop.statement.iter if isinstance(loop.statement, ast.For) else None
    if not isinstance(header, ast.Call) or not isinstance(loop.iterates, LibObject) or not drops(loop.iterates):
        return
    loader = whole.unwrapped(header)
    rows = text_of(loader.args[0]) if isinstance(loader, ast.Call) and loader.args else ""
    if is_evaluation(rows) and regions.NAME.search(machine.frame.name):
        machine.stored[loop.iterates.key, rows] = (loop.iterates, loop.place, False)


def note_maker(machine: Machine, function: ast.AST, value: Value) -> None:
    """Remember a function that returns a loader which drops, whatever it is given."""
    made = [option for option in options(value) if isinstance(option, LibObject) and drops(option)]
    every = bool(made) and all(option in made or isinstance(option, Const) for option in options(value))
    if function in machine.makers and machine.makers[function] is None:  # another return gives something else
        return
    machine.makers[function] = made[0] if every else None


def drops(value: LibObject) -> bool:
    dropped = value.arg(-1, "drop_last")
    return isinstance(dropped, Const) and dropped.value is True and loaders.is_loader(value)
