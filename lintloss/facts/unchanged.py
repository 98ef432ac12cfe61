"""Targets that a loop does not change: the heads of a model, or the members of an ensemble, all score the same tokens."""

from __future__ import annotations

import ast

from lintloss.facts.library.tables import FLATTENING, SAME
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Key, Quantity, Value


def loops_around(machine: Machine, node: ast.AST, target: Value, ignored: Value | None) -> tuple[Key, ...]:
    """Return the running loops in every pass of which a criterion is given the very target of the pass before."""
    if not isinstance(node, ast.Call) or not isinstance(ignored, Const | None) or target == Const(None):
        return ()
    given = [word.value for word in node.keywords if word.arg in {"target", "labels"}] or node.args[1:2]
    since = _bound_at(machine, given[0]) if given else None
    return tuple(loop.key for loop in machine.loops[since:]) if since is not None else ()


def loops_counting(machine: Machine, divisor: ast.expr | None) -> tuple[Key, ...]:
    """Return the running loops in every pass of which a count is that of the pass before: `mask.sum()` of a mask that was
    made before them.
    """
    if divisor is None:
        return ()
    called = {id(each.func) for each in ast.walk(divisor) if isinstance(each, ast.Call)}
    if any(isinstance(each, ast.Attribute) and id(each) not in called for each in ast.walk(divisor)):
        return ()  # of an object, which may change
    names = {each.id for each in ast.walk(divisor) if isinstance(each, ast.Name)}
    bound = [slot.depth for name, slot in machine.state.names.items() if name in names]
    return tuple(loop.key for loop in machine.loops[max(bound) :]) if bound else ()


def score_the_same(total: Quantity) -> bool:
    """Say whether every loop that a total was summed over scored one target again and again, or as many of them as one
    mask lets through.
    """
    scoring = total.scoring
    if scoring is None or (scoring.masked and scoring.counted is None) or not total.loops:
        return False
    return all(loop.key in scoring.unchanged for loop in total.loops)


def _bound_at(machine: Machine, node: ast.expr) -> int | None:
    """Return the depth of loops at which the names of an expression were bound; None where it computes anything else."""
    if isinstance(node, ast.Name):
        slot = machine.state.names.get(node.id)
        return slot.depth if slot is not None else None
    if isinstance(node, ast.Subscript):
        cuts = all(
            isinstance(each, ast.Slice | ast.Constant | ast.Tuple | ast.UnaryOp | ast.USub | ast.Load)
            for each in ast.walk(node.slice)
        )
        return _bound_at(machine, node.value) if cuts else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SAME | FLATTENING:
        return _bound_at(machine, node.func.value)
    return None
