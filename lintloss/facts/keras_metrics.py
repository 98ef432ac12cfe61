"""Metric functions of Keras: what `metric(y_true, y_pred)` returns is averaged over batches, whatever it is."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts.library import meters
from lintloss.facts.machine import Machine
from lintloss.facts.units import count
from lintloss.facts.values import Quantity, Value, options
from lintloss.patterns import regex

KERAS = regex(r"(?<![a-z])(keras|tensorflow)(?![a-z])", re.IGNORECASE)


def note_returned(machine: Machine, node: ast.Return, value: Value) -> None:
    """Note the mean of perplexities that Keras makes of a metric function which exponentiates."""
    function = machine.frame.node
    if not isinstance(function, ast.FunctionDef) or not _is_metric(function) or len(machine.frames) > 2:
        return
    if KERAS.search(machine.frame.module.code) is None:
        return  # what JAX or NumPy computes of the same arguments is the number of one batch, for whoever asks
    for option in options(value):
        if isinstance(option, Quantity) and option.is_perplexity and not option.weights:
            loop = meters.framework_loop(machine, node)
            number = Quantity(count("batch"), of=loop.key)
            meters.over(machine, node, replace(option, axes=()), (loop,), number, "framework")


def _is_metric(function: ast.FunctionDef) -> bool:
    """Say whether a function compares y_true with y_pred: one that never reads y_true measures no perplexity at all."""
    names = [each.arg for each in function.args.args if each.arg != "self"]
    reads = (each for each in ast.walk(function) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load))
    return names[:2] == ["y_true", "y_pred"] and any(each.id == "y_true" for each in reads)
