"""Branches for a batch that scores nothing: what they give is 0, or nothing that anybody divides."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache

from lintloss.facts.survey import walk


def is_else(node: ast.If) -> bool:
    """Say whether `else` is for such a batch: `if n > 0: loss = total / n`, `else: loss = total`."""
    number = _some(node.test)
    done, other = (each[0] if len(each) == 1 else None for each in (node.body, node.orelse))
    if number is None or not isinstance(done, ast.Assign) or not isinstance(other, ast.Assign):
        return False
    value = done.value
    divides = isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div) and number in ast.unparse(value.right)
    return divides and ast.unparse(done.targets[0]) == ast.unparse(other.targets[0])


@lru_cache(maxsize=512)
def returns(function: ast.AST) -> frozenset[ast.Return]:
    """Return those that are for such a batch: `if n == 0: return total` before `return total / n`, and the other way round."""
    found = set()
    for block in _blocks(function):
        for index, each in enumerate(block):
            inner = each.body[0] if isinstance(each, ast.If) and len(each.body) == 1 and not each.orelse else None
            if not isinstance(each, ast.If) or not isinstance(inner, ast.Return):
                continue
            rest = block[index + 1 :]
            none, some = _none(each.test), _some(each.test)
            if none is not None and _divide(rest, none) and not _divide([inner], none):
                found.add(inner)
            last = rest[0] if rest else None
            if some is not None and isinstance(last, ast.Return) and _divide([inner], some):
                found.add(last)
    return frozenset(found)


def _blocks(function: ast.AST) -> Iterator[list[ast.stmt]]:
    for each in (function, *walk(function)):
        for name in ("body", "orelse"):
            block = getattr(each, name, None)
            if isinstance(block, list) and any(isinstance(one, ast.Return) for one in block):
                yield block


def _some(test: ast.expr) -> str | None:
    """Return the number that `n > 0` and `n != 0` ask for."""
    is_count = isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Gt | ast.NotEq)
    return _of_zero(test) if is_count else None


def _none(test: ast.expr) -> str | None:
    """Return the number that `n == 0`, `n <= 0` and `not n` ask for."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return ast.unparse(test.operand)
    is_none = isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq | ast.LtE)
    return _of_zero(test) if is_none else None


def _of_zero(test: ast.expr) -> str | None:
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or ast.unparse(test.comparators[0]) != "0":
        return None
    return ast.unparse(test.left)


def _divide(statements: Iterable[ast.stmt], number: str) -> bool:
    """Say whether something is divided by a number."""
    return any(
        isinstance(each, ast.BinOp) and isinstance(each.op, ast.Div) and number in ast.unparse(each.right)
        for statement in statements
        for each in walk(statement)
    )
