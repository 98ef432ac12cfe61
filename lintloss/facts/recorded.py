"""Losses that are recorded under a name: `self.record_metric("loss", Mean.many(loss))`, whatever they are wrapped in."""

from __future__ import annotations

import ast
import re

from lintloss.facts import regularizers
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Value
from lintloss.patterns import regex

METERS = frozenset({"update", "add", "log", "add_scalar"})  # what reports a loss, or adds it up, by its method's name
RECORDERS = regex(r"^(record|log|track|report)_(\w+_)?(metric|scalar|loss|value)s?$")
NAMES = regex(r"(?<![a-z])(loss|nll|ppl|perplexity|cross_?entropy)(?![a-z])", re.IGNORECASE)
TRAINING = regex(r"train", re.IGNORECASE)


def note(machine: Machine, node: ast.Call, args: list[Value]) -> None:
    """Note the losses that a method reports, or adds up, by its name."""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if method in METERS:
        for value in args[:2]:
            regularizers.note(machine, node, value)
    elif RECORDERS.match(method) and len(node.args) > 1 and _names_loss(args[0]):
        _note_wrapped(machine, node, node.args[1])


def _names_loss(name: Value) -> bool:
    """Say whether what is recorded is called a loss, and not the training's."""
    said = name.value if isinstance(name, Const) and isinstance(name.value, str) else ""
    return NAMES.search(said) is not None and TRAINING.search(said) is None


def _note_wrapped(machine: Machine, node: ast.Call, given: ast.expr) -> None:
    """Note the losses that a value is made of: a metric's class may be wrapped around them."""
    for each in ast.walk(given):
        slot = machine.read(each.id) if isinstance(each, ast.Name) else None
        if slot is not None:
            regularizers.note(machine, node, slot.value)
