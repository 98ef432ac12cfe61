"""The length of what a criterion is handed: `input.size(0)` of a parameter that is scored as it came counts its items."""

from __future__ import annotations

import ast

from lintloss.facts import bindings, quotients
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Quantity


def is_of_scored(machine: Machine, node: ast.AST, total: Quantity) -> bool:
    """Say whether a divisor is the first length of a parameter that the running function scores as it came.

    Whoever calls may have flattened it: it is as long as what is scored, whatever the length is called.
    """
    function, divisor = machine.frame.node, quotients.divisor_of(node)
    scored = total.scoring.place if total.scoring is not None else None
    if not isinstance(function, ast.FunctionDef) or divisor is None or scored is None:
        return False
    if isinstance(divisor, ast.Name):
        divisor = bindings.only(bindings.of(function).get(divisor.id, ()))
    measured = _root(_measured(divisor))
    if not measured or measured not in {each.arg for each in function.args.args}:
        return False
    if bindings.of(function).get(measured):
        return False
    if scored.path != machine.frame.module.path:
        return False
    calls = (each for each in walk(function) if isinstance(each, ast.Call) and each.args)
    return any(each.lineno == scored.span.row and _root(each.args[0]) == measured for each in calls)


def _measured(node: ast.expr | None) -> ast.expr | None:
    """Return x of `len(x)`, `x.size(0)` and `x.shape[0]`."""
    if isinstance(node, ast.Call) and called_name(node.func) == "len" and len(node.args) == 1:
        return node.args[0]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "size":
        return node.func.value if [ast.unparse(each) for each in node.args] == ["0"] else None
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
        return node.value.value if ast.unparse(node.slice) == "0" else None
    return None


def _root(node: ast.expr | None) -> str:
    """Return the name of what is scored or measured, of which single items may have been taken: `input[i]`."""
    while isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice | ast.Tuple):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
