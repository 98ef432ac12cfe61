"""Batches of one shape: a generator that views all it yields as so many rows of so many ids has no shorter one."""

from __future__ import annotations

import ast

from lintloss.facts import bindings
from lintloss.facts.bindings import Function
from lintloss.facts.library.tables import TENSOR_MOVES

VIEWS = frozenset({"view", "reshape"})


def of_one_shape(function: ast.AST) -> ast.AST | None:
    """Return the first `x.view(rows, length)` of a generator that yields nothing else, None where sizes may change.

    A view of another number of ids than rows times length is an error, so that no batch is shorter.
    """
    if not isinstance(function, Function):
        return None
    yields = [each for each in bindings.own(function) if isinstance(each, ast.Yield | ast.YieldFrom)]
    views: list[ast.Call] = []
    for each in yields:
        given = each.value
        parts = given.elts if isinstance(given, ast.Tuple) else [given] if given is not None else []
        found = [_view(function, part) for part in parts] if isinstance(each, ast.Yield) else []
        views += [one for one in found if one is not None]
        if not found or None in found:
            return None
    shapes = {tuple(map(ast.unparse, each.args)) for each in views}
    return views[0] if len(shapes) == 1 and all(_is_fixed(function, each) for each in views[0].args) else None


def _view(function: Function, node: ast.expr, depth: int = 0) -> ast.Call | None:
    """Return the call that gave what is yielded its shape: by a name that is bound once, and moves between devices."""
    if isinstance(node, ast.Name) and depth < 4:
        value = bindings.only(bindings.of(function).get(node.id, ()))
        return _view(function, value, depth + 1) if value is not None else None
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    if node.func.attr in TENSOR_MOVES:
        return _view(function, node.func.value, depth + 1)
    return node if node.func.attr in VIEWS and len(node.args) == 2 and not node.keywords else None


def _is_fixed(function: Function, size: ast.expr) -> bool:
    """Say whether a size is the same in every pass: a number, an attribute nobody sets here, a name bound to these."""
    if isinstance(size, ast.Constant):
        return isinstance(size.value, int) and size.value > 0
    name = ast.unparse(size)
    bound = bindings.of(function).get(name, ())
    if isinstance(size, ast.Attribute):
        return isinstance(size.value, ast.Name) and size.value.id == "self" and not bound
    if not isinstance(size, ast.Name):
        return False
    if not bound:  # a parameter
        return True
    return len(bound) == 1 and bound[0].value is not None and _is_given_once(function, name)


def _is_given_once(function: Function, name: str) -> bool:
    """Say whether a name is bound before the loops: `rows, length = self.rows, self.length`."""
    inside = {
        id(each)
        for loop in bindings.own(function)
        if isinstance(loop, ast.For | ast.AsyncFor | ast.While)
        for each in ast.walk(loop)
    }
    stored = (each for each in bindings.own(function) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))
    return all(id(each) not in inside for each in stored if each.id == name)
