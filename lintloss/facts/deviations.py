"""Deviations: quotients that a root is taken of, `sqrt(variance / len(loader))`, a mean's standard error."""

from __future__ import annotations

import ast

from lintloss.facts.survey import called_name, walk


def is_under_root(function: ast.AST | None, statement: ast.stmt | None, node: ast.AST) -> bool:
    """Say whether what a statement computes is under a root, there or wherever its function reads the name it has."""
    if statement is None or hasattr(statement, "body"):
        return False
    if any(_is_root(each) and any(part is node for part in ast.walk(each)) for each in ast.walk(statement)):
        return True
    if not isinstance(statement, ast.Assign) or statement.value is not node or function is None:
        return False
    names = [each.id for each in statement.targets if isinstance(each, ast.Name)]
    return bool(names) and all(_is_rooted(function, statement, name) for name in names)


def _is_rooted(function: ast.AST, statement: ast.Assign, name: str) -> bool:
    under = {id(part) for each in walk(function) if _is_root(each) for part in ast.walk(each)}
    reads = [
        each
        for each in walk(function)
        if isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Load)
    ]
    behind = [each for each in reads if each.lineno > (statement.end_lineno or 0)]
    return bool(behind) and all(id(each) in under for each in behind)


def _is_root(node: ast.AST) -> bool:
    """Say whether a node is `x ** 0.5`, `pow(x, 0.5)`, `sqrt(x)` or `x.sqrt()`."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Pow) and _is_half(node.right)
    if not isinstance(node, ast.Call):
        return False
    name = called_name(node.func)
    return name == "sqrt" or (name in {"pow", "power"} and bool(node.args) and _is_half(node.args[-1]))


def _is_half(node: ast.expr) -> bool:
    return ast.unparse(node) in {"0.5", "1 / 2", ".5"}
