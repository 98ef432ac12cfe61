"""Exhaustion: `next(rows)` raises StopIteration where there are no more rows, and some `try` around it ends the pass."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache

from lintloss.facts import bindings
from lintloss.facts.survey import called_name, walk

Loop = ast.For | ast.AsyncFor | ast.While


def is_next(node: ast.AST) -> bool:
    """Say whether a call raises at the end: `next(rows)`, without a default."""
    return isinstance(node, ast.Call) and called_name(node.func) == "next" and len(node.args) == 1


def is_stop(node: ast.expr) -> bool:
    """Say whether StopIteration is named, or made."""
    return called_name(node.func if isinstance(node, ast.Call) else node) == "StopIteration"


def catches(handler: ast.ExceptHandler) -> bool:
    """Say whether a handler catches StopIteration, by its name or because it catches all."""
    return handler.type is None or any(
        is_stop(each) or called_name(each) in {"Exception", "BaseException"} for each in _caught(handler)
    )


def tries(function: ast.AST, inner: ast.AST) -> Iterator[ast.Try]:
    """Yield the `try` statements of a function whose body holds a node."""
    for each in _all(function):
        if holds(each.body, inner):
            yield each


@lru_cache(maxsize=512)
def _all(function: ast.AST) -> tuple[ast.Try, ...]:
    return tuple(each for each in bindings.own(function) if isinstance(each, ast.Try))


def ends_pass(function: ast.AST, inner: ast.AST) -> bool:
    """Say whether a node stands in a `try` whose handler of StopIteration ends the loop, or the function.

    What only says `pass` ends it, too, where the loop around the node stands in the `try` itself.
    """
    return any(
        _names_stop(handler) and (isinstance(handler.body[-1], ast.Break | ast.Return) or _holds_loop(each, inner))
        for each in tries(function, inner)
        for handler in each.handlers
    )


def ends(function: ast.AST, loop: ast.While) -> bool:
    """Say whether a loop reads by next(), and stands in a `try` that is left where there are no more rows."""
    tried = any(any(map(_names_stop, each.handlers)) for each in tries(function, loop))
    return tried and any(map(is_next, walk(loop)))


def holds(body: Sequence[ast.stmt], inner: ast.AST) -> bool:
    return any(each is inner for statement in body for each in walk(statement))


def _names_stop(handler: ast.ExceptHandler) -> bool:
    return any(map(is_stop, _caught(handler)))


def _caught(handler: ast.ExceptHandler) -> list[ast.expr]:
    """Return the exceptions that a handler names, none where it catches all."""
    if isinstance(handler.type, ast.Tuple):
        return handler.type.elts
    return [handler.type] if handler.type is not None else []


def _holds_loop(tried: ast.Try, inner: ast.AST) -> bool:
    """Say whether a `try` holds a loop around a node."""
    parts = (each for statement in tried.body for each in walk(statement))
    return any(isinstance(each, Loop) and each is not inner and holds(each.body, inner) for each in parts)
