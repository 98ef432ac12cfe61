"""What Hugging Face's Trainer calls by itself: the evaluation that a subclass puts in its place, and callbacks."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import forwards
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Func, Ref, Tuple, Value, options

EVALUATIONS = frozenset({"evaluate", "evaluation_loop", "prediction_loop"})
EVENT = "on_"


def run(machine: Machine, node: ast.Call, trainer: Value, made: dict[str, Value]) -> None:
    """Run what a trainer calls while it trains or evaluates, on what it was made with; modes and gradients are its own."""
    from lintloss.facts import calls

    for method in (*_overridden(machine, trainer), *_events(machine, made)):
        model = {"model": made["model"]} if "model" in made and _takes(method, "model") else {}
        with forwards.by_framework(machine):
            calls.run(machine, node, method, [], model)


def _overridden(machine: Machine, trainer: Value) -> Iterator[Func]:
    """Yield how a class of the project evaluates, where it is a library's trainer with something added."""
    from lintloss.facts import classes

    if not isinstance(trainer, Ref) or trainer.cls is None or not classes.is_trainer(machine, trainer.cls):
        return
    for name in sorted(EVALUATIONS):
        method = classes.method(machine, trainer, name)
        if method is not None:
            yield method


def _events(machine: Machine, made: dict[str, Value]) -> Iterator[Func]:
    """Yield the methods of the callbacks that speak of losses."""
    from lintloss.facts import classes

    given = made.get("callbacks", Const(None))
    held = machine.elem(given) if isinstance(given, Ref) and given.kind == "list" else given
    for callback in held.items if isinstance(held, Tuple) else options(held):
        if not isinstance(callback, Ref) or callback.cls is None:
            continue
        for name in classes.method_names(machine, callback.cls):
            method = classes.method(machine, callback, name) if name.startswith(EVENT) else None
            if method is not None and machine.relevance.scores(method.module, method.node):
                yield method


def _takes(method: Func, name: str) -> bool:
    spec = method.node.args
    return any(each.arg == name for each in (*spec.args, *spec.kwonlyargs))
