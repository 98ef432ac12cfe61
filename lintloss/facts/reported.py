"""Reported caps: whether the number that ends an evaluation, or how far it came, is told beside its result."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from lintloss.facts import bindings
from lintloss.facts.callers import text_of
from lintloss.patterns import regex

REPORTS = regex(r"print|log|write|info|report|display|update_|set_postfix|add_scalar|warn|dump", re.IGNORECASE)


def is_reported(loop: ast.stmt, around: ast.AST, caps: set[str], counters: set[str]) -> bool:
    """Say whether the cap of a loop is told in a scope, or how far the loop came is told behind it.

    Args:
        around: the function that the loop stands in, or its module; then a counter must be told further down.
    """
    inside = {id(each) for each in ast.walk(loop)}
    first = loop.end_lineno or loop.lineno if isinstance(around, ast.Module) else 0
    for node, told in _reports(around):
        behind = id(node) not in inside and node.lineno > first
        if told & _words(caps) or (behind and told & counters):
            return True
    return False


def tells(scope: ast.AST, words: Iterable[str]) -> bool:
    """Say whether a scope reports, or returns, something that is written as one of some words."""
    wanted = _words(words)
    return any(told & wanted for _, told in _reports(scope))


def _words(texts: Iterable[str]) -> set[str]:
    return {each for each in texts if not each.isdigit()}


def _reports(scope: ast.AST) -> Iterator[tuple[ast.Call | ast.Return, set[str]]]:
    """Yield the reports of a scope, of a module those outside of its functions, with the texts of what they tell."""
    bound = bindings.of(scope)
    for node in bindings.own(scope) if isinstance(scope, ast.Module) else ast.walk(scope):
        told: list[ast.expr] = []
        if isinstance(node, ast.Call) and REPORTS.search(text_of(node.func)):
            told = [each for arg in (*node.args, *(one.value for one in node.keywords)) for each in _told(arg)]
        elif isinstance(node, ast.Return) and node.value is not None:
            told = list(_told(node.value))
        for each in [each for each in told if isinstance(each, ast.Name)]:  # `result = {…}`, which is told by its name
            made = bindings.only(bound.get(each.id, ()))
            told += _told(made) if isinstance(made, ast.Dict | ast.JoinedStr) else ()
        if told and isinstance(node, ast.Call | ast.Return):
            yield node, {text_of(each) for each in told}


def _told(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what a value shows as it is: itself, the parts of an f-string, of a tuple, of a dict."""
    yield node
    parts: list[ast.expr] = []
    if isinstance(node, ast.JoinedStr):
        parts = [each.value for each in node.values if isinstance(each, ast.FormattedValue)]
    elif isinstance(node, ast.Tuple | ast.List):
        parts = node.elts
    elif isinstance(node, ast.Dict):
        parts = node.values
    elif isinstance(node, ast.Call) and text_of(node.func).endswith(".format"):
        parts = node.args
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        parts = [node.right]
    for each in parts:
        yield from _told(each)
