"""Plain reads: what a number is read from, `int(lengths.max())`, `float(rows)`, `mask.sum().item()`."""

from __future__ import annotations

import ast

from lintloss.facts.survey import called_name

READS = frozenset({"int", "float", "item"})


def of_number(node: ast.AST) -> ast.expr | None:
    """Return what is read as a plain number, None where nothing is read."""
    if not isinstance(node, ast.Call) or called_name(node.func) not in READS:
        return None
    return node.func.value if isinstance(node.func, ast.Attribute) else next(iter(node.args), None)
