"""Rewound: a reader that starts over where less than a whole batch is left, and an evaluation that counts its batches.

`next_batch()` of many a data set shuffles and begins anew when the next batch would pass the end. As many calls as there
are batches in the data, rounded down or up, never score what was left: the last call repeats rows of the beginning.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from lintloss.facts import bindings, classes, starting_over, whole
from lintloss.facts.callers import text_of
from lintloss.facts.caps import Function, is_length, parameters
from lintloss.facts.machine import Machine
from lintloss.facts.provenance import Spot, Tracer, spot_at
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Class, Func
from lintloss.parse import Module
from lintloss.patterns import regex

COUNT = regex(
    r"(^|[._])(n|num|len|size|sizes|length|count|total|end)($|[_\[])|len\(|_(len|size|sizes|num|count)\b|num_?"
)
ROUNDED = {"ceil", "int", "floor", "round", "max"}


@dataclass(frozen=True, slots=True)
class Rewound:
    """Where a reader starts over, the call that draws from it, and the file of the reader."""

    place: ast.If
    call: ast.Call
    module: Module


def of_loop(machine: Machine, module: Module, loop: ast.stmt) -> Rewound | None:
    """Return where what a loop draws its batches from starts over, if the loop counts the batches of the data."""
    header = whole.unwrapped(loop.iter) if isinstance(loop, ast.For) else None
    if not isinstance(header, ast.Call) or called_name(header.func) not in whole.RANGES or len(header.args) > 2:
        return None
    if not header.args or not _counts_batches(Tracer(machine), spot_at(module, header.args[-1])):
        return None
    for call in (each for part in getattr(loop, "body", ()) for each in walk(part) if isinstance(each, ast.Call)):
        reader = _method(Tracer(machine), spot_at(module, call), call)
        place = (
            restarts(reader.module, reader.node) if reader is not None and isinstance(reader.node, Function) else None
        )
        if reader is not None and place is not None:
            return Rewound(place, call, reader.module)
    return None


def _counts_batches(tracer: Tracer, number: Spot) -> bool:
    """Say whether a number is that of the rows of some data, divided by the size of a batch."""
    node = number.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        sides = [each for each in (node.left, node.right) if not isinstance(each, ast.Constant)]
        return len(sides) == 1 and _counts_batches(tracer, number.at(sides[0]))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.FloorDiv):
        return whole.BATCH.search(text_of(node.right)) is not None and COUNT.search(text_of(node.left)) is not None
    if isinstance(node, ast.Call):
        rounded = called_name(node.func) in ROUNDED and bool(node.args)
        return rounded and _counts_batches(tracer, number.at(node.args[0]))
    if not isinstance(node, ast.Name | ast.Attribute):
        return False
    made = [each for world in tracer.worlds(number) for each in world]
    known = [each for each in made if each is not None and not isinstance(each.spot.node, ast.Name | ast.Attribute)]
    return bool(known) and len(known) == len(made) and all(_counts_batches(tracer, each.spot) for each in known)


def _method(tracer: Tracer, spot: Spot, call: ast.Call) -> Func | None:
    """Return the method of the project that a call on another object runs."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr in {"item", "append", "to", "update"}:
        return None
    for cls in _classes(tracer, spot.at(call.func.value)):
        for base in classes.bases(tracer.machine, cls):
            for each in base.node.body if isinstance(base, Class) else ():
                if isinstance(base, Class) and isinstance(each, ast.FunctionDef) and each.name == call.func.attr:
                    return Func(each, base.module, None, base)
    return tracer.target(spot, call.func) if "batch" in call.func.attr else None  # type: ignore[return-value]


def _classes(tracer: Tracer, receiver: Spot) -> Iterator[Class]:
    for world in tracer.worlds(receiver):
        for each in world:
            if each is not None and isinstance(each.target, Class):
                yield each.target


def restarts(module: Module, function: Function) -> ast.If | None:
    """Return `if at + batch_size > len(rows): at = 0` of what gives the next batch, unless it also gives what is left."""
    for node in bindings.own(function):
        length = _passed(node.test, function) if isinstance(node, ast.If) else None
        if isinstance(node, ast.If) and length is not None:
            if starting_over.gives_first_rows(module, function, node, length):
                return node
    return None


def _passed(test: ast.expr, function: Function) -> ast.expr | None:
    """Return the number of rows with which a test compares the end of a whole batch."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    left, right = test.left, test.comparators[0]
    if isinstance(test.ops[0], ast.Lt | ast.LtE):
        left, right = right, left
    elif not isinstance(test.ops[0], ast.Gt | ast.GtE):
        return None
    known = is_length(right) or COUNT.search(text_of(right)) is not None
    return right if known and not whole.BATCH.search(text_of(right)) and _is_end(left, test, function) else None


def _is_end(node: ast.expr, test: ast.expr, function: Function) -> bool:
    """Say whether a number is where the next batch ends: `at + size`, or what the size was added to."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add) and _has_size(node, function)
    for each in bindings.own(function):
        if getattr(each, "lineno", test.lineno) >= test.lineno:
            continue
        if isinstance(each, ast.AugAssign) and isinstance(each.op, ast.Add) and text_of(each.target) == text_of(node):
            return _has_size(each.value, function) and not _is_taken_from(node, each.lineno, function)
        if isinstance(each, ast.Assign) and text_of(each.targets[0]) == text_of(node):
            return isinstance(each.value, ast.BinOp) and _is_end(each.value, test, function)
    return False


def _is_taken_from(begin: ast.expr, row: int, function: Function) -> bool:
    """Say whether rows from there on were taken above a row: what is added then is where the next batch begins."""
    slices = (each for each in bindings.own(function) if isinstance(each, ast.Slice) and each.lower is not None)
    return any(
        text_of(each.lower) == text_of(begin) and each.lower.lineno < row for each in slices if each.lower is not None
    )


def _has_size(node: ast.expr, function: Function) -> bool:
    given = set(parameters(function)[1:])
    sized = (each for each in walk(node) if isinstance(each, ast.Name | ast.Attribute))
    return any(
        (isinstance(each, ast.Name) and each.id in given) or whole.BATCH.search(text_of(each)) is not None
        for each in sized
    )
