"""Scores taken for losses: the mean of what a model predicts, exponentiated as if it were one."""

from __future__ import annotations

import ast

from lintloss.facts.library.tables import MEANS, NUMBER_READS
from lintloss.facts.machine import Machine
from lintloss.facts.units import Unit
from lintloss.facts.values import Const, ModelOutput, Opaque, Quantity, Scoring, Tensor, options
from lintloss.patterns import regex

FORM = "mean of scores"
NAMES = regex(r"^(all_)?(logits|predictions|preds)$")


def mean_below(machine: Machine, node: ast.AST) -> Quantity | None:
    """Return the mean of logits that an exponential is taken of, by how it is written; None where it is another thing."""
    given = node.args[0] if isinstance(node, ast.Call) and node.args else None
    averaged = _averaged(given) if given is not None else None
    if averaged is None or not _are_scores(machine, averaged):
        return None
    place = machine.evidence(node, "scores are averaged here, and no label is read")
    scoring = Scoring(FORM, "mean", place=place, site=place)
    return Quantity(Unit.of(loss=1, item=-1), scoring=scoring, trace=(place,))


def _averaged(node: ast.expr) -> ast.expr | None:
    """Return x of `np.mean(x)` or `-x.mean()`."""
    if isinstance(node, ast.UnaryOp):
        return _averaged(node.operand)
    if not isinstance(node, ast.Call):
        return None
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    receiver = function.value if isinstance(function, ast.Attribute) else None
    if name in NUMBER_READS:
        inner = receiver if receiver is not None and not node.args else node.args[0] if node.args else None
        return _averaged(inner) if inner is not None else None
    if name not in MEANS:
        return None
    return node.args[0] if node.args else receiver


def _are_scores(machine: Machine, node: ast.expr) -> bool:
    from lintloss.facts.expressions import evaluate

    found = [each.logits if isinstance(each, ModelOutput) else each for each in options(evaluate(machine, node))]
    return all(
        each.form == "logits" if isinstance(each, Tensor) and each.form else _is_named(each)
        for each in found
        if not isinstance(each, Const)
    )


def _is_named(value: object) -> bool:
    return isinstance(value, Opaque | Tensor) and NAMES.match(value.name) is not None
