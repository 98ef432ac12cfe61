"""Dropped batches: loaders of an evaluation that leave out their last, smaller batch, wherever they are made.

A loader is told of where it is made, where it is stored under the name of an evaluation's, or in the loop that reads it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterable, Iterator

from lintloss.facts import (
    classes,
    consumers,
    drops,
    first_batches,
    handed,
    left_out,
    scored,
    unconsumed,
)
from lintloss.facts.callers import text_of
from lintloss.facts.caps import Function
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.scored_passes import Pass
from lintloss.facts.survey import at_row, walk
from lintloss.facts.truncated import Truncation, at, expression
from lintloss.facts.values import Class, Const, Lib, LibObject, Ref, Value, options
from lintloss.findings import Evidence
from lintloss.parse import Module
from lintloss.patterns import regex

RANDOM = regex(r"rand|choice|sample")


def observe(machine: Machine, module: Module, passes: list[Pass], loops: list[scored.Looped]) -> Iterator[Truncation]:
    """Yield the loaders of a module's evaluations that drop, each of them once."""
    told: set[Evidence | None] = set()
    for (_, name), (loader, place, at_times) in machine.stored.items():
        told.add(loader.made)
        found = list(_of_loader(machine, module, loader, place, name, at_times=at_times))
        yield from _where_it_is_read(machine, module, loader, loops, found)
    for each in passes:
        loop = each.region.loop
        if loop is not None and not handed.is_training_data(machine, each):
            short = list(of_loop(machine, module, loop, told))
            told.update(place for one in short for place in one.reasons)
            yield from short
    yield from _made_by_functions(machine, module, told)


def _where_it_is_read(
    machine: Machine, module: Module, loader: LibObject, loops: list[scored.Looped], found: list[Truncation]
) -> Iterator[Truncation]:
    """Tell of a loader in the loops that evaluate with it, where another function makes it: there a number is short."""
    homes = {loop.statement: node for node, loop in loops}
    readers = [each for each in machine.loop_of.values() if each.statement in homes and _reads(each, loader)]
    places = [
        (loop, expression(machine, module, loop.place))
        for loop in (readers if found else ())
        if not _holds(homes[loop.statement], loader)
    ]
    shown = [(loop, node) for loop, node in places if node is not None]
    if not shown:
        yield from found
    for each in found:
        for loop, node in shown:
            reasons = tuple(dict.fromkeys((*each.reasons, loop.place)))
            yield at(machine, module, node, each.how, severity=each.severity, data=each.data, reasons=reasons)


def _reads(loop: Loop, loader: LibObject) -> bool:
    return any(isinstance(each, LibObject) and each.made == loader.made for each in options(loop.iterates))


def _holds(function: ast.AST | None, loader: LibObject) -> bool:
    """Say whether a loader is made in the function itself; a module's body holds what it makes."""
    if not isinstance(function, Function) or loader.made is None:
        return True
    return function.lineno <= loader.made.span.row <= (function.end_lineno or function.lineno)


def _shuffles(value: Value) -> bool:
    return isinstance(value, LibObject) and value.arg(2, "shuffle") == Const(True)


def _is_held_out(machine: Machine, loader: LibObject) -> bool:
    """Say whether a loader is stored under the name of an evaluation's where it is made: it is shuffled all the same."""
    made = loader.made
    module = machine.project.module(made.path) if made is not None else None
    if made is None or module is None:
        return False
    stored = (
        each.targets[0]
        for each in walk(module.tree)
        if isinstance(each, ast.Assign) and each.lineno <= made.span.row <= (each.end_lineno or 0)
    )
    return any(isinstance(each, ast.Name | ast.Attribute) and _is_for_evaluation(each) for each in stored)


def _is_for_evaluation(target: ast.expr) -> bool:
    return left_out.is_for_evaluation(text_of(target).rsplit(".", 1)[-1])


def of_loop(machine: Machine, module: Module, loop: Loop, told: Iterable[Evidence | None]) -> Iterator[Truncation]:
    for option in options(loop.iterates):
        if not isinstance(option, LibObject):
            continue
        if _shuffles(option) and not _is_held_out(machine, option):  # the training's, whose loss is measured beside it
            continue
        if drops.drops(option) and option.made not in told:
            away = not _holds(loop.function, option)
            yield from _of_loader(machine, module, option, loop.place, "the evaluation loader", elsewhere=away)


def _made_by_functions(machine: Machine, module: Module, told: Container[Evidence | None]) -> Iterator[Truncation]:
    """Find the evaluation loaders among the results of a function that serves training and evaluation alike."""
    makers = {getattr(node, "name", ""): made for node, made in machine.makers.items() if made is not None}
    for node in walk(module.tree) if makers else ():
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        made = makers.get(text_of(node.value.func).rsplit(".", 1)[-1])
        name = text_of(node.targets[0]).rsplit(".", 1)[-1]
        if made is None or made.made is None or made.made.path != module.path or made.made in told:
            continue
        if not left_out.is_for_evaluation(name):
            continue
        written = _keyword(machine, module, made.made, "drop_last")
        if isinstance(written, ast.Constant) and written.value is True:
            used = Evidence(module.path, machine.anchor(module).span(node.value), f"stored as `{name}`")
            yield from _of_loader(machine, module, made, used, name)


def _of_loader(
    machine: Machine,
    module: Module,
    loader: LibObject,
    used: Evidence,
    name: str,
    *,
    at_times: bool = False,
    elsewhere: bool = False,
) -> Iterator[Truncation]:
    """Tell of a loader that drops.

    Args:
        at_times: what made it makes others, too, which do not: of one kind of data set, say.
        elsewhere: it is told of where it is used, and not where it is made.
    """
    if (
        loader.made is None
        or (used.path == module.path and unconsumed.is_one(machine.project, module, used.span.row, name))
        or _loses_nothing(machine, loader)
        or left_out.is_for_samples(module, name)
        or first_batches.are_all(machine, module, name)
        or re.search(rf"(?i)(infinit|cycle|endless|repeat)\w*\(\s*(self\.)?{re.escape(name)}\b", module.code)
    ):
        return
    if loader.made.path == module.path and not elsewhere:
        node = _keyword(machine, module, loader.made, "drop_last")
    else:
        node = expression(machine, module, used) if used.path == module.path else None
    made = _call(machine, module, loader.made)
    if node is not None and not (made is not None and left_out.is_as_long_as_asked(module, made)):
        severity = "warning" if at_times or consumers.are_capped(machine.project, module, name) else "error"
        yield at(machine, module, node, "drop_last", severity=severity, data=name, reasons=(loader.made, used))


def _loses_nothing(machine: Machine, loader: LibObject) -> bool:
    """Say whether a loader loses nothing: batches of one, or a data set that draws at random for ever."""
    if loader.arg(1, "batch_size") in {Const(1), Const(None)}:
        return True
    return any(is_random(machine, option) for option in options(loader.arg(0, "dataset") or Const(None)))


def is_random(machine: Machine, dataset: Value) -> bool:
    if not isinstance(dataset, Ref) or dataset.cls is None:
        return isinstance(dataset, LibObject) and "Iterable" in dataset.name
    for base in classes.bases(machine, dataset.cls):
        if isinstance(base, Lib) and "Iterable" in base.name:
            return True
        if isinstance(base, Class):
            for each in base.node.body:
                if isinstance(each, ast.FunctionDef) and each.name == "__getitem__" and RANDOM.search(text_of(each)):
                    return True
    return False


def _keyword(machine: Machine, module: Module, place: Evidence, name: str) -> ast.AST | None:
    call = _call(machine, module, place)
    return next((each.value for each in call.keywords if each.arg == name), call) if call is not None else None


def _call(machine: Machine, module: Module, place: Evidence) -> ast.Call | None:
    anchor = machine.anchor(module)
    calls = (each for each in at_row(module.tree, place.span.row) if isinstance(each, ast.Call))
    return next((each for each in calls if place.path == module.path and anchor.span(each) == place.span), None)
