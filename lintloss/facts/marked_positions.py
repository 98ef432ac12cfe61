"""Labels that are told apart position by position: an evaluation that leaves out the ignored ones has labels of tokens.

What a model of labels scores out of sight, rows or their tokens, its loss does not say. The code around it does, where
it compares single entries of these labels with the id that is ignored: of tokens there are more in some batches.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from lintloss.facts import bindings, label_ids
from lintloss.facts.callers import text_of
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk

KEY = "labels"  # the argument by which a library's model is given them
GROWS = frozenset({"append", "extend"})
STEPS = 8  # names between the labels of a batch and what is compared
Edges = dict[str, tuple[tuple[ast.expr, int], ...]]  # what a name is made from, and how many axes were looped over


def note(machine: Machine, loop: Loop, node: ast.For | ast.AsyncFor) -> None:
    """Remember where a function tells the labels that its loop hands to a model from those that are ignored."""
    function = machine.frame.node
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
        return
    compared = _comparisons(function)
    sources = _handed(node) if compared else frozenset()
    for each in compared if sources else ():
        if _is_position(function, each.left, sources):
            place = machine.evidence(each, "single labels are told apart here from those that are ignored")
            if place not in loop.marked:
                loop.marked.append(place)
            return


def _handed(loop: ast.For | ast.AsyncFor) -> frozenset[str]:
    """Return the texts of what the body of a loop gives to a model as its labels."""
    found = set()
    for each in walk(loop):
        if isinstance(each, ast.keyword) and each.arg == KEY:
            found.add(text_of(each.value))
        elif isinstance(each, ast.Dict):
            found |= {text_of(value) for key, value in zip(each.keys, each.values, strict=True) if _is_key(key)}
        elif isinstance(each, ast.Subscript) and _is_key(each.slice):
            found.add(text_of(each))
    return frozenset(found)


def _is_key(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value == KEY


@lru_cache(maxsize=128)
def _comparisons(function: ast.AST) -> tuple[ast.Compare, ...]:
    """Return the comparisons of a function with an id to be ignored: `ids[i, j] != pad_token_label_id`."""
    found = (each for each in bindings.own(function) if isinstance(each, ast.Compare) and len(each.ops) == 1)
    return tuple(
        each for each in found if isinstance(each.ops[0], ast.Eq | ast.NotEq) and _is_ignored(each.comparators[0])
    )


def _is_ignored(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return isinstance(node.operand.value, int) and -node.operand.value in label_ids.IGNORED
    return isinstance(node, ast.Name | ast.Attribute) and label_ids.NAME.search(called_name(node)) is not None


def _is_position(function: ast.AST, compared: ast.expr, sources: frozenset[str]) -> bool:
    """Say whether what is compared is one entry of the labels, or all of them entry by entry."""
    name, axes = _root(compared)
    if text_of(compared) in sources:
        return True
    waiting, seen = [(name, axes)], {name}
    for _ in range(STEPS):
        reached: list[tuple[str, int]] = []
        for each, deep in waiting:
            if each in sources:
                return deep != 1  # one entry of the labels of a batch: the label of a row
            for value, more in _edges(function).get(each, ()):
                if any(text_of(part) in sources for part in walk(value) if isinstance(part, ast.Subscript)):
                    return deep + more != 1
                names = {part.id for part in walk(value) if isinstance(part, ast.Name)} - seen
                seen |= names
                reached += [(one, deep + more) for one in names]
        waiting = reached
    return False


def _root(node: ast.expr) -> tuple[str, int]:
    """Return the name that an expression begins with, and along how many axes one entry of it is taken."""
    axes = 0
    while True:
        if isinstance(node, ast.Subscript):
            if not _is_key(node.slice):
                axes += len(node.slice.elts) if isinstance(node.slice, ast.Tuple) else 1
            node = node.value
        elif isinstance(node, ast.Attribute):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return (node.id if isinstance(node, ast.Name) else ""), axes


@lru_cache(maxsize=128)
def _edges(function: ast.AST) -> Edges:
    """Return what each name of a function is made from: given, looped over, or grown by."""
    found: dict[str, list[tuple[ast.expr, int]]] = {}
    for node in bindings.own(function):
        for target, value, axes in _made(node):
            for each in walk(target):
                if isinstance(each, ast.Name):
                    found.setdefault(each.id, []).append((value, axes))
    return {name: tuple(each) for name, each in found.items()}


def _made(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, int]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name | ast.Tuple):
                yield target, node.value, 0
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        yield node.target, node.iter, 1
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in GROWS and node.args:
        yield node.func.value, node.args[0], 0
