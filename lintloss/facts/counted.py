"""Counted batches: loops over a number of whole batches that was computed elsewhere, `range(data.num_batches)`."""

from __future__ import annotations

import ast
import re

from lintloss.facts import whole
from lintloss.facts.callers import text_of
from lintloss.facts.leftovers import SAMPLES
from lintloss.facts.machine import Machine
from lintloss.facts.provenance import Made, Spot, Tracer, constant, spot_at
from lintloss.facts.survey import called_name
from lintloss.facts.values import Class, Func
from lintloss.parse import Module
from lintloss.patterns import regex

ENDLESS = regex(r"cycle|infinit|endless|stream|forever|rand|sampl", re.IGNORECASE)
TAKES = regex(r"batch|get|load|fetch|data", re.IGNORECASE)


def of_loop(machine: Machine, module: Module, loop: ast.For) -> Made | None:
    """Return the quotient that counts a loop's batches, rounded down, where the loop takes each of them once."""
    header = whole.unwrapped(loop.iter)
    if not isinstance(header, ast.Call) or called_name(header.func) not in whole.RANGES or len(header.args) != 1:
        return None
    number = header.args[0]
    if not isinstance(number, ast.Name | ast.Attribute) or not _takes_all(machine, module, loop):
        return None
    return quotient(machine, spot_at(module, number))


def quotient(machine: Machine, number: Spot) -> Made | None:
    """Return `len(rows) // batch_size` where some caller makes a number that alone, but for the 0 that it may begin with."""
    tracer = Tracer(machine)
    for world in tracer.worlds(number):
        known = [each for each in world if each is not None and not _is_none_yet(each.spot.node)]
        if known and None not in world and all(_is_floored(tracer, each.spot) for each in known):
            return known[0]
    return None


def _is_none_yet(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in {0, None}


def _is_floored(tracer: Tracer, spot: Spot) -> bool:
    scope = spot.around[-1] if spot.around else spot.module.tree
    size = whole.floored(spot.node, whole.Counts(scope, spot.owner))
    return size is not None and not isinstance(size, ast.BinOp) and constant(tracer, spot.at(size)) != 1


def _takes_all(machine: Machine, module: Module, loop: ast.For) -> bool:
    """Say whether a loop takes the batches one after the other: by its index, or with next() from what is not random."""
    index = loop.target.id if isinstance(loop.target, ast.Name) else ""
    for node in (each for statement in loop.body for each in ast.walk(statement)):
        if (
            isinstance(node, ast.Subscript)
            and index
            and text_of(node.slice) == index
            and isinstance(node.ctx, ast.Load)
        ):
            return True
        if index and _begins(node, index):
            return True
        if not isinstance(node, ast.Call):
            continue
        if index and TAKES.search(called_name(node.func)) and index in map(text_of, node.args):
            return True
        drawn = node.args[0] if called_name(node.func) == "next" and len(node.args) == 1 else None
        if drawn is not None:
            return _is_in_order(machine, spot_at(module, drawn))
    return False


def _begins(node: ast.AST, index: str) -> bool:
    """Say whether a number is that of a batch's first row: `step * batch_size`."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return False
    sides = (text_of(node.left), text_of(node.right))
    return index in sides and any(whole.BATCH.search(each) is not None for each in sides)


def _is_in_order(machine: Machine, source: Spot) -> bool:
    """Say whether what is stepped through gives the rows of some data, each once before it starts over."""
    if ENDLESS.search(text_of(source.node)):
        return False
    made = [each for world in Tracer(machine).worlds(source) for each in world]
    return bool(made) and all(each is not None and _is_known(each) for each in made)


def _is_known(made: Made) -> bool:
    if isinstance(made.target, Func):
        return not SAMPLES.search(text_of(made.target.node)) and not ENDLESS.search(
            getattr(made.target.node, "name", "")
        )
    if isinstance(made.target, Class):
        return not SAMPLES.search(text_of(made.target.node)) and not ENDLESS.search(made.target.node.name)
    return isinstance(made.spot.node, ast.Call) and called_name(made.spot.node.func).endswith("Loader")
