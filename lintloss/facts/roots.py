"""Roots: a file's body run as a script, and its functions run as if nobody had called them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from contextlib import nullcontext

from lintloss.facts import asked, calls, factories, gradients
from lintloss.facts.library import fairseq, lightning, metrics, trainer_losses, trainer_models
from lintloss.facts.machine import Machine, OutOfBudget
from lintloss.facts.state import Slot, State
from lintloss.facts.statements import execute
from lintloss.facts.values import Const, Func, Opaque, Ref, Value
from lintloss.parse import Module


def run_body(machine: Machine, body: list[ast.stmt]) -> None:
    for statement in body:
        machine.steps = 0
        try:
            execute(machine, [statement])
        except (OutOfBudget, RecursionError):
            del machine.frames[1:]
            machine.loops.clear()
            machine.guards.clear()


def run_root(machine: Machine, function: Func, kwargs: dict[str, Value]) -> None:
    """Run a function as if nobody had called it, on arguments of which nothing is known but `kwargs`."""
    frame = machine.frames[0]
    frame.state = State(dict(machine.module_names(frame.module.path)), frame.state.heap.copy())
    machine.loops.clear()
    machine.guards.clear()
    del machine.frames[1:]
    machine.steps = 0
    machine.rooted = 1
    loop = lightning.loop_around(machine, function)
    around = loop or metrics.loop_around(machine, function)
    try:
        if _is_evaluated(machine, function):
            return
        with machine.in_loop(around) if around is not None else nullcontext():
            args = lightning.given(machine, function) or fairseq.given(machine, function)
            returned = calls.run(machine, _site(machine, function), function, args, kwargs)
        if loop is not None:
            lightning.note_returned(machine, function, loop, returned)
        factories.run_returned(machine, function, returned)
        asked.ask_returned(machine, function, returned)
    except (OutOfBudget, RecursionError):
        return


def _is_evaluated(machine: Machine, function: Func) -> bool:
    """Run a method as Hugging Face's Trainer does to evaluate, and say whether it is one of those."""
    hook = next((each for each in (trainer_losses, trainer_models) if each.is_one(machine, function)), None)
    if hook is None:
        return False
    with gradients.inside(machine, [gradients.OFF]):
        returned = calls.run(machine, _site(machine, function), function, [], hook.given(machine, function))
        hook.note_returned(machine, function, returned)
    return True


def _site(machine: Machine, function: Func) -> ast.AST:
    """Return what stands for the call of a root: the function, or the class of this file that takes it over from another."""
    home, owner = machine.frames[0].module, function.self_value
    if function.module is not home and isinstance(owner, Ref) and owner.cls is not None and owner.cls.module is home:
        return owner.cls.node
    return function.node


def forget_rebound(machine: Machine, module: Module, rebound: Iterable[str]) -> None:
    """A constant that some function rebinds with `global` is not what it was when the module ended."""
    names = machine.globals[module.path]
    for name in rebound:
        slot = names.get(name)
        if slot is not None and isinstance(slot.value, Const):
            names[name] = Slot(Opaque((module.path, name), name), 0)
