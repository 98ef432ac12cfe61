"""Starting over: a branch that sets back where the next batch begins, so that rows are taken from the first on.

By values: what is set to 0 there, by itself or by a method of the class, is where the rows begin that are taken behind
it. Rows that were taken before that, from where the batch began, are what is left: then nothing is lost.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings
from lintloss.facts.callers import text_of
from lintloss.facts.caps import Function
from lintloss.facts.survey import called_name, walk
from lintloss.parse import Module

DEPTH = 2  # methods that call methods
RANGES = frozenset({"range", "arange"})
NUMBERS = frozenset({"min", "max", "int", "print", "len"})
FILLS = frozenset({"pad", "roll"})


def gives_first_rows(module: Module, function: Function, branch: ast.If, length: ast.expr) -> bool:
    """Say whether rows that are taken behind a branch begin at the first one, and none of what is left are taken.

    length: the number of rows, which the branch asks for.
    """
    zeroed, row = _set_to_zero(module, function, branch.body)
    inside = [each for statement in branch.body for each in walk(statement)]
    if not zeroed or any(isinstance(each, ast.Raise) for each in inside):
        return False
    if any(_takes_rest(each, text_of(length)) for each in bindings.own(function)):
        return False
    if any(_takes(each) for each in inside if getattr(each, "lineno", row) < row):
        return False
    behind = [*(each for each in inside if getattr(each, "lineno", row) >= row), *_behind(function, branch)]
    return any(_begins(each, _named(behind, zeroed)) or _calls_itself(each, function, inside) for each in behind)


def _behind(function: Function, branch: ast.If) -> Iterator[ast.AST]:
    """Yield what stands in a function below a branch."""
    end = branch.end_lineno or branch.lineno
    return (each for each in bindings.own(function) if getattr(each, "lineno", 0) > end)


def _base(node: ast.AST | None) -> str:
    """Return the name of a number, or of the table that holds it: `self.at` of `self.at[part]`."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return text_of(node) if isinstance(node, ast.Name | ast.Attribute) else ""


# -- what is set back -------------------------------------------------------------------------------------------------


def _set_to_zero(module: Module, function: Function, body: list[ast.stmt]) -> tuple[set[str], int]:
    """Return what statements set to 0, and the row of the first of them that does."""
    found: set[str] = set()
    first = 0
    for statement in body:
        made = {each for node in walk(statement) for each in _zeros(module, function, node, DEPTH)}
        found |= made
        first = first or (statement.lineno if made else 0)
    return found, first


def _zeros(module: Module, function: Function, node: ast.AST, depth: int) -> Iterator[str]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _zeroed(target, node.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and depth:
        owner = bindings.owner(module.tree, function)
        is_own = owner is not None and isinstance(node.func.value, ast.Name) and node.func.value.id == "self"
        for method in owner.body if owner is not None and is_own else ():
            if isinstance(method, Function) and method.name == node.func.attr and method is not function:
                for each in bindings.own(method):
                    yield from (one for one in _zeros(module, method, each, depth - 1) if one.startswith("self."))


def _zeroed(target: ast.expr, value: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, other in zip(target.elts, value.elts, strict=True):
            yield from _zeroed(one, other)
    elif isinstance(value, ast.Constant) and value.value == 0 and not isinstance(value.value, bool):
        yield _base(target)


# -- what is taken ----------------------------------------------------------------------------------------------------


def _takes_rest(node: ast.AST, length: str) -> bool:
    """Say whether rows are taken up to the last: `rows[at:]`, `rows[at:n]`, or around the end: `(at + k) % n`."""
    if isinstance(node, ast.Slice) and node.lower is not None:
        return node.upper is None or text_of(node.upper) == length
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return not isinstance(node.left, ast.Constant)
    if isinstance(node, ast.Call):
        to_last = called_name(node.func) in RANGES and len(node.args) > 1 and text_of(node.args[1]) == length
        return to_last or called_name(node.func) in FILLS
    return isinstance(node, ast.Constant) and node.value == "wrap"


def _takes(node: ast.AST) -> bool:
    """Say whether rows are taken from a number on, or by a method that may take them."""
    if isinstance(node, ast.Slice):
        return node.lower is not None
    if not isinstance(node, ast.Assign | ast.Return):
        return False
    called = node.value.func if isinstance(node.value, ast.Call) else None
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "self"


def _named(nodes: list[ast.AST], zeroed: set[str]) -> set[str]:
    """Return what is set to 0, with the names that are given it from there on: `begin = self.at`."""
    found = set(zeroed)
    for each in nodes:
        if isinstance(each, ast.Assign) and _base(each.value) in found:
            found |= {_base(target) for target in each.targets}
    return found - {""}


def _begins(node: ast.AST, zeroed: set[str]) -> bool:
    """Say whether rows are taken from there on: `rows[at:at + size]`, `range(at, at + size)`, `rows.narrow(0, at, size)`."""
    if isinstance(node, ast.Slice):
        return _base(node.lower) in zeroed
    if not isinstance(node, ast.Call) or called_name(node.func) in NUMBERS:
        return False
    return any(_base(each) in zeroed for each in node.args)


def _calls_itself(node: ast.AST, function: Function, inside: list[ast.AST]) -> bool:
    return isinstance(node, ast.Call) and called_name(node.func) == function.name and node in inside
