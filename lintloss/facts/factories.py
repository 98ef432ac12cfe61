"""Factories: functions that return an evaluation which nobody in sight calls, `make_evaluate(model)`; it is run by itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import forwards
from lintloss.facts.callers import text_of
from lintloss.facts.differentiating import TRAINS
from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk
from lintloss.facts.values import Func, Tuple, Value, options

LOOPS = (ast.For, ast.AsyncFor, ast.While)


def run_returned(machine: Machine, function: Func, returned: Value) -> None:
    """Run what a function has returned, where that is a function defined in it which loops and trains nothing.

    Under which mode it is called, and whether gradients are recorded then, its callers know.
    """
    from lintloss.facts import calls

    for made in _made(returned):
        is_reached = (made.module.path, made.node.lineno) in machine.reached
        if is_reached or made.module is not function.module or not _evaluates(function, made):
            continue
        with forwards.by_framework(machine):
            calls.run(machine, made.node, made, [], {})


def _made(returned: Value) -> Iterator[Func]:
    for option in options(returned):
        for each in option.items if isinstance(option, Tuple) else (option,):
            if isinstance(each, Func) and each.closure:
                yield each


def _evaluates(function: Func, made: Func) -> bool:
    """Say whether one function is defined in the other, has a loop, and trains nothing."""
    if not any(each is made.node for each in walk(function.node)) or TRAINS.search(text_of(made.node)) is not None:
        return False
    return any(isinstance(each, LOOPS) for each in walk(made.node))
