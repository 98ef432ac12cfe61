"""Remainders asked of the wrong number: `len(rows) % batches` in place of `len(rows) % batch_size`.

Whether rows are left behind the full batches is what the size of a batch says. Their number divides other counts: of 10
rows in batches of 4 it is 2, and the two rows that are left are never given.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings, whole
from lintloss.facts.callers import text_of
from lintloss.facts.whole import Counts, Function


def of_class(owner: ast.ClassDef) -> ast.AST | None:
    """Return where an iterator asks so whether it gives what is left."""
    methods = [each for each in owner.body if isinstance(each, Function)]
    return next((found for each in methods if (found := of_function(each, owner)) is not None), None)


def of_function(function: ast.AST, owner: ast.ClassDef | None = None) -> ast.AST | None:
    counts = Counts(function, owner)
    return next((each for each in _asked(function) if _divides_by_batches(each, counts)), None)


def _asked(function: ast.AST) -> Iterator[ast.BinOp]:
    """Yield the remainders that a function tests, or keeps as a flag."""
    for node in bindings.own(function):
        tested = node.test if isinstance(node, ast.If | ast.IfExp) else _flag(node)
        for each in ast.walk(tested) if tested is not None else ():
            if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Mod):
                yield each


def _flag(node: ast.AST) -> ast.Compare | None:
    return node.value if isinstance(node, ast.Assign) and isinstance(node.value, ast.Compare) else None


def _divides_by_batches(remainder: ast.BinOp, counts: Counts) -> bool:
    """Say whether what is divided by is how often the size of a batch goes into what is divided."""
    number = _so_far(remainder, counts)
    if whole.floored(number, counts) is None:
        return False
    if isinstance(number, ast.Call):  # int(len(rows) / size)
        number = number.args[0]
    return isinstance(number, ast.BinOp) and text_of(counts.of(number.left)) == text_of(counts.of(remainder.left))


def _so_far(remainder: ast.BinOp, counts: Counts) -> ast.expr:
    """Return what divides, as it was given before: `batches += 1` follows from what is asked."""
    divisor = remainder.right
    bound = bindings.of(counts.function).get(divisor.id, ()) if isinstance(divisor, ast.Name) else ()
    before = [each.value for each in bound if each.value is not None and each.value.lineno < remainder.lineno]
    return before[0] if len(before) == 1 else counts.of(divisor)
