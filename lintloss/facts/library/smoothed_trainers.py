"""Hugging Face's Trainer smooths by its arguments' label_smoothing_factor: in compute_loss(), which evaluates as well."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from lintloss.facts import classes
from lintloss.facts import options as settings
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Reported
from lintloss.facts.settings import seen_at
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Const, Func, LibObject, Opaque, Ref, Value, options

FACTOR = "label_smoothing_factor"
SWITCHED = "label smoothing (where it is switched on)"
SCORERS = ("compute_loss", "prediction_step")


def note(machine: Machine, node: ast.Call, trainer: Value, arguments: Value) -> None:
    """Note that a trainer's arguments smooth the labels, or may: the loss of an evaluation is smoothed as well."""
    if _scores_by_itself(machine, trainer):
        return
    for each in options(arguments):
        amount = _set_to(machine, arguments) or _given(machine, each)
        default = settings.default_of(machine, amount) if amount is not None else None
        amount = Const(default) if default else amount
        if amount is None or (isinstance(amount, Const) and not amount.value):
            continue
        said = f"{FACTOR}={amount.value}" if isinstance(amount, Const) else SWITCHED
        made = each.made if isinstance(each, LibObject) else None
        place = (made,) if made is not None else ()
        machine.observe(
            Reported(extras=((said, isinstance(amount, Const)),), evidence=place, **seen_at(machine, node, ()))
        )


def _set_to(machine: Machine, arguments: Value) -> Value | None:
    """Return what the factor was set to afterwards, of whichever the arguments may be: all of them go by one name."""
    slots = (machine.get(each.key, FACTOR) for each in options(arguments) if isinstance(each, Opaque) and each.key)
    return next((slot.value for slot in slots if slot is not None), None)


def _given(machine: Machine, arguments: Value) -> Value | None:
    """Return by how much arguments smooth as they were made; where a parser made them, as far as the code asks them."""
    if isinstance(arguments, LibObject):
        return dict(arguments.kwargs).get(FACTOR)
    if isinstance(arguments, Opaque) and arguments.key and _is_asked(machine, arguments):
        return Opaque((*arguments.key, FACTOR), FACTOR)
    return None


def _is_asked(machine: Machine, arguments: Value) -> bool:
    """Say whether the running function reads the factor of what its parser made: it reckons with one that is given."""
    for each in _askers(machine.frame.node):
        slot = machine.read(each)
        if slot is not None and arguments in options(slot.value):
            return True
    return False


@lru_cache(maxsize=64)
def _askers(function: ast.AST) -> frozenset[str]:
    """Return the names whose factor a function reads, except to refuse one."""
    refused = {id(part) for each in walk(function) if _refuses(each) for part in ast.walk(each)}
    return frozenset(
        each.value.id
        for each in walk(function)
        if isinstance(each, ast.Attribute) and each.attr == FACTOR and isinstance(each.ctx, ast.Load)
        if isinstance(each.value, ast.Name) and id(each) not in refused
    )


def _refuses(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert) or (isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise))


def _scores_by_itself(machine: Machine, trainer: Value) -> bool:
    """Say whether a class of the project has a loss of its own, which does not go back to the library's."""
    return any(not _goes_back(each) for each in _own_scorers(machine, trainer))


def _own_scorers(machine: Machine, trainer: Value) -> Iterator[Func]:
    if isinstance(trainer, Ref) and trainer.kind == "instance":
        found = (classes.method(machine, trainer, each) for each in SCORERS)
        yield from (each for each in found if each is not None)


def _goes_back(scorer: Func) -> bool:
    """Say whether a scorer asks the library's, or its smoother."""
    return any(
        (isinstance(each, ast.Call) and called_name(each.func) == "super")
        or (isinstance(each, ast.Attribute) and each.attr == "label_smoother")
        for each in walk(scorer.node)
    )
