"""Prefixes: a number of batches, drawn one by one from data that was put back to its begin: the same first rows each time.

`loader.reset()`, then `for _ in range(20): x, y = loader.next_batch()`; or `rows = iter(loader)` and `next(rows)`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from lintloss.facts import left_out
from lintloss.facts.callers import text_of
from lintloss.facts.caps import Origin
from lintloss.facts.cuts import Cut, is_reported, unwrapped
from lintloss.facts.provenance import Tracer, spot_at
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Class
from lintloss.patterns import regex

DRAWS = regex(r"rand|shuffl|choice|perm(?!ute)|sampl|cycle|infinit|endless|stream")
LOOPS = (ast.For, ast.AsyncFor, ast.While)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The cut of a loop, and what it draws its batches from."""

    cut: Cut
    data: str


def of_loop(origin: Origin, loop: ast.AST) -> Prefix | None:
    """Return how many batches a loop over a range takes from the begin of its data, if nobody chose or reports that."""
    header = unwrapped(loop.iter) if isinstance(loop, ast.For) else None
    if not isinstance(loop, ast.For) or not isinstance(header, ast.Call) or called_name(header.func) != "range":
        return None
    found = origin.cap(header.args[0]) if len(header.args) == 1 else None
    around = origin.function or origin.module.tree
    if found is None or is_reported(loop, around, {text_of(header.args[0])}, set()):
        return None
    before = list(_before(around, loop))
    for source in _drawn(loop):
        if any(_begins(origin, each, source) for each in before):
            return Prefix(Cut(header, "range", found.text, "warning"), text_of(source.owner))
    return None


@dataclass(frozen=True, slots=True)
class _Source:
    """What a loop draws a batch from: `owner.method()`, or `next(owner)` where there is no method."""

    owner: ast.expr
    method: str


def _drawn(loop: ast.For) -> Iterator[_Source]:
    for node in (each for part in loop.body for each in walk(part)):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        call = node.value
        if (
            isinstance(call.func, ast.Attribute)
            and not call.args
            and isinstance(call.func.value, ast.Name | ast.Attribute)
        ):
            yield _Source(call.func.value, call.func.attr)
        elif called_name(call.func) == "next" and len(call.args) == 1 and isinstance(call.args[0], ast.Name):
            yield _Source(call.args[0], "")


def _before(scope: ast.AST, loop: ast.For) -> Iterator[ast.stmt]:
    """Yield the statements that run before each run of a loop: in its blocks, up to a loop or function around it."""
    for block in _blocks(scope):
        for index, statement in enumerate(block):
            if statement is loop:
                yield from block[:index]
            elif any(each is loop for each in walk(statement)) and not isinstance(statement, SCOPES):
                if not isinstance(statement, LOOPS):
                    yield from block[:index]
                yield from _before(statement, loop)


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block


def _begins(origin: Origin, statement: ast.stmt, source: _Source) -> bool:
    """Say whether a statement puts what is drawn from back to its begin."""
    value = statement.value if isinstance(statement, ast.Assign | ast.Expr) else None
    if not isinstance(value, ast.Call):
        return False
    if not source.method:
        bound = isinstance(statement, ast.Assign) and text_of(statement.targets[0]) == text_of(source.owner)
        return (
            bound and called_name(value.func) == "iter" and len(value.args) == 1 and is_in_order(origin, value.args[0])
        )
    if not isinstance(value.func, ast.Attribute) or text_of(value.func.value) != text_of(source.owner) or value.args:
        return False
    made = [each for world in Tracer(origin.machine).worlds(spot_at(origin.module, source.owner)) for each in world]
    classes = [each.target if each is not None else None for each in made]
    return bool(classes) and all(
        isinstance(each, Class) and _rewinds(each.node, value.func.attr, source.method) for each in classes
    )


def _rewinds(cls: ast.ClassDef, rewind: str, draw: str) -> bool:
    """Say whether one method sets a cursor that another slices by and moves, in a class that draws nothing at random."""
    methods = {each.name: each for each in cls.body if isinstance(each, ast.FunctionDef)}
    if rewind not in methods or draw not in methods or DRAWS.search(text_of(cls)):
        return False
    moved = _stored(methods[draw]) & _stored(methods[rewind])
    cut = " ".join(text_of(each.slice) for each in walk(methods[draw]) if isinstance(each, ast.Subscript))
    return any(f"self.{name}" in cut for name in moved)


def _stored(method: ast.FunctionDef) -> set[str]:
    return {
        each.attr
        for each in walk(method)
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store) and text_of(each.value) == "self"
    }


def is_in_order(origin: Origin, loader: ast.expr) -> bool:
    """Say whether a loader of a library gives all rows of a data set in their order, wherever it is made."""
    tracer = Tracer(origin.machine)
    made = [each for world in tracer.worlds(spot_at(origin.module, loader)) for each in world]
    return bool(made) and all(each is not None and left_out.is_in_order(tracer, each) for each in made)
