"""The project's own generators of batches: whether they mark labels to be ignored, or yield full blocks only."""

from __future__ import annotations

import ast
from functools import lru_cache

from lintloss.facts import bindings, blocks, drawers, ignored, leftovers, padding, strides
from lintloss.facts.bindings import Function
from lintloss.facts.expressions import evaluate
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Class, Func, Value
from lintloss.findings import Evidence
from lintloss.patterns import regex

BLOCKS = regex(r"\b(reshape|view|batchify|narrow|as_strided|unfold)\(")


def note(machine: Machine, loop: Loop, header: ast.expr) -> None:
    """Remember that the generator that a loop runs over marks labels to be ignored, more of them in some batches."""
    for node in _calls(machine.frame.node, header):
        made = _generator(machine, node)
        if made is not None:
            note_made(machine, loop, made)


def note_made(machine: Machine, loop: Loop, made: Func) -> None:
    """Remember it of the generator function itself: of the `__iter__` of a class of the project as well."""
    if not _yields(made.node):
        return
    differs = ignored.where(machine, made.module, made.node)
    if differs is not None:
        loop.differs(differs)
        loop.ignored += [differs.place] if differs.place not in loop.ignored else []
    full = _full_blocks(machine, made)
    if full is not None and full not in loop.full:
        loop.full.append(full)


def note_stepped(machine: Machine, loop: Loop, body: list[ast.stmt]) -> None:
    """Remember the same of a generator that a loop steps by itself: `next(batches)`, `batches.__next__()`."""
    for statement in body:
        for stepped in _all_stepped(statement):
            note(machine, loop, stepped)


@lru_cache(maxsize=4096)
def _all_stepped(statement: ast.stmt) -> tuple[ast.expr, ...]:
    """Return what a statement takes one batch more of; asked at every run of a loop."""
    found = (_stepped(node) for node in walk(statement) if isinstance(node, ast.Call))
    return tuple(each for each in found if each is not None)


def _stepped(node: ast.Call) -> ast.expr | None:
    if isinstance(node.func, ast.Name) and node.func.id == "next" and node.args:
        return node.args[0]
    return node.func.value if isinstance(node.func, ast.Attribute) and node.func.attr == "__next__" else None


def _full_blocks(machine: Machine, made: Func) -> Evidence | None:
    """Return where a generator yields blocks of one shape, never what is left at the end; None where it may not."""
    if padding.pads(made.module, made.node):
        return None
    place: ast.AST | None = blocks.of_one_shape(made.node) or _whole_windows(made.node)
    if place is None and BLOCKS.search(padding.code_of(made.module, made.node)):
        place = leftovers.keeps(made.node, made.owner.node if made.owner is not None else None)
    if place is None:
        place = _endless(machine, made) or _drawn(made)
    if place is None:
        return None
    return Evidence(made.module.path, machine.anchor(made.module).span(place), "full blocks only are given here")


def _endless(machine: Machine, made: Func) -> ast.AST | None:
    """Return the loader over a data set without an end, whose batches a generator hands on: there is no last one."""
    bound = bindings.of(made.node)
    for node in walk(made.node):
        if not isinstance(node, ast.Call) or called_name(node.func) != "DataLoader" or not node.args:
            continue
        rows = node.args[0]
        given = [each.value for each in bound.get(rows.id, ())] if isinstance(rows, ast.Name) else [rows]
        rows_made = [each for each in given if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)]
        for each in rows_made if len(given) == 1 else ():
            slot = machine.global_slot(made.module.path, called_name(each.func))
            cls = slot.value if slot is not None else None
            if isinstance(cls, Class) and not padding.pads(cls.module, cls.node) and _never_ends(cls.node):
                return node
    return None


def _drawn(made: Func) -> ast.AST | None:
    """Return what draws windows of one length for a generator without an end: itself, or a function of its file."""
    if isinstance(made.node, ast.Lambda) or not _yields_for_ever(made.node):
        return None
    called = {called_name(each.func) for each in walk(made.node) if isinstance(each, ast.Call)}
    near = [each for each in made.module.tree.body if isinstance(each, ast.FunctionDef) and each.name in called]
    drawing = [each for each in (made.node, *near) if drawers.draws_windows(each)]
    if len(drawing) != 1 or padding.pads(made.module, drawing[0]) or drawers.trims(made.module, drawing[0]):
        return None
    is_told = drawing[0] is not made.node and drawers.draws(made.node)  # how long, or how many, for each batch
    return drawing[0] if drawers.draws_one_length(drawing[0]) and not is_told else None


def _never_ends(cls: ast.ClassDef) -> bool:
    """Say whether the `__iter__` of an iterable data set starts over for ever."""
    own = (each for each in cls.body if isinstance(each, ast.FunctionDef) and each.name == "__iter__")
    return any(_yields_for_ever(each) for each in own)


def _yields_for_ever(function: Function) -> bool:
    yields = [node for node in bindings.own(function) if isinstance(node, ast.Yield)]
    return bool(yields) and leftovers.is_endless(function, yields)


def _whole_windows(function: ast.AST) -> ast.AST | None:
    """Return the loop in which a generator yields windows one by one, and stops before the one that is shorter."""
    yields = [each for each in walk(function) if isinstance(each, ast.Yield)]
    for loop in (each for each in walk(function) if isinstance(each, ast.For)):
        inside = {id(each) for statement in loop.body for each in walk(statement)}
        if all(id(each) in inside for each in yields) and strides.holds_whole_windows(loop, function):
            return loop
    return None


@lru_cache(maxsize=256)
def _calls(function: ast.AST, header: ast.expr) -> tuple[ast.Call, ...]:
    """Return the calls in a loop's header, and those whose results its names were given."""
    inside = walk(header)
    names = {each.id for each in inside if isinstance(each, ast.Name)}
    bound = bindings.of(function)
    given = [each.value for name in sorted(names) for each in bound.get(name, ())]
    return tuple(each for each in (*inside, *given) if isinstance(each, ast.Call))


def _generator(machine: Machine, node: ast.Call) -> Func | None:
    """Return the project's own generator function that a call means, by its name or as a method."""
    function = node.func
    found: Value | None = None
    if isinstance(function, ast.Name):
        found = drawers.own_function(machine, node)
    elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name | ast.Attribute):
        found = evaluate(machine, function)
    if not isinstance(found, Func) or isinstance(found.node, ast.Lambda):
        return None
    return found if _yields(found.node) else None


@lru_cache(maxsize=256)
def _yields(function: ast.AST) -> bool:
    return any(isinstance(each, ast.Yield) for each in walk(function))
