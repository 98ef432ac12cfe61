"""Flags: a function as one of its calls runs it, with the branches taken that its own flags decide."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from functools import lru_cache

from lintloss.facts import bindings
from lintloss.facts.callers import text_of

Function = ast.FunctionDef | ast.AsyncFunctionDef
Settled = tuple[tuple[str, bool], ...]  # flags by their code, `drop_last` or `self.drop_last`


@lru_cache(maxsize=512)
def asked(function: Function) -> tuple[ast.expr, ...]:
    """Return the names and attributes that a function's tests ask for as they are: `if not drop_last and rows:`."""
    found: dict[str, ast.expr] = {}
    for node in bindings.own(function):
        for flag in _flags(node.test) if isinstance(node, ast.If) else ():
            found.setdefault(text_of(flag), flag)
    return tuple(found.values())


def _flags(test: ast.expr) -> Iterator[ast.expr]:
    if isinstance(test, ast.BoolOp):
        for each in test.values:
            yield from _flags(each)
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _flags(test.operand)
    elif isinstance(test, ast.Name) or (isinstance(test, ast.Attribute) and text_of(test.value) == "self"):
        yield test


@lru_cache(maxsize=128)
def settled(function: ast.FunctionDef, flags: Settled) -> ast.FunctionDef:
    """Return a copy of a function in which the tests of known flags are decided; its rows stay what they are."""
    made = _Decided(dict(flags)).visit(copy.deepcopy(function))
    assert isinstance(made, ast.FunctionDef)
    return made


class _Decided(ast.NodeTransformer):
    def __init__(self, known: dict[str, bool]) -> None:
        self._known = known

    def visit_If(self, node: ast.If) -> ast.stmt | list[ast.stmt]:
        self.generic_visit(node)
        test = self._decide(node.test)
        if isinstance(test, bool):
            return (node.body if test else node.orelse) or ast.copy_location(ast.Pass(), node)
        node.test = test
        return node

    def _decide(self, test: ast.expr) -> bool | ast.expr:
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self._decide(test.operand)
            return not inner if isinstance(inner, bool) else test
        if isinstance(test, ast.BoolOp):
            return self._join(test, isinstance(test.op, ast.Or))
        return self._known.get(text_of(test), test)

    def _join(self, test: ast.BoolOp, ending: bool) -> bool | ast.expr:
        """Decide `a and b` (ending on False) or `a or b` (ending on True) as far as its parts are known."""
        rest: list[ast.expr] = []
        for each in test.values:
            value = self._decide(each)
            if value is ending:
                return ending
            if not isinstance(value, bool):
                rest.append(value)
        if len(rest) > 1:
            return ast.copy_location(ast.BoolOp(test.op, rest), test)
        return rest[0] if rest else not ending
