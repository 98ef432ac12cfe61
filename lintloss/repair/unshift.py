"""Stage: two slices that shift the arguments of a model which shifts by itself -> the tensors as they were."""

from __future__ import annotations

import libcst as cst

from lintloss.facts.observations import Compared
from lintloss.findings import Edit, Fix
from lintloss.repair.code import Code, has_comment, inner
from lintloss.repair.pieces import CRITERIA
from lintloss.repair.shift import counts_of, cut_at, side_of
from lintloss.rule_scope import RuleScope


def unshifted(node: cst.CSTNode, seen: Compared, scope: RuleScope) -> Fix | None:
    """Give `model(ids[:, :-1], labels=ids[:, 1:])` the whole of both.

    Not where the model returns a sum: what it is divided by would have to change, too.
    """
    code, call = Code(scope), inner(node)
    if not isinstance(call, cst.Call) or has_comment(call):
        return None
    if seen.scoring.called in CRITERIA:
        return _uncut(code, call, seen)
    if seen.scoring.reduction != "mean":
        return None
    cut = [(arg, found) for arg in call.args if (found := _cut(code, arg.value)) is not None]
    labels = [arg for arg, (_, how) in cut if how == "1:"]
    inputs = [arg for arg, (_, how) in cut if how == ":-1"]
    wholes = {id(arg): whole for arg, (whole, _) in cut}
    if len(labels) != 1 or wholes[id(labels[0])] not in {wholes[id(arg)] for arg in inputs}:
        return None
    edits = tuple(Edit(scope.span_of(arg.value), whole) for arg, (whole, _) in cut)
    return Fix("Leave the shift to the model: the number changes", edits)


def _uncut(code: Code, call: cst.Call, seen: Compared) -> Fix | None:
    """Take `[:, :-1]` and `[:, 1:]` off the variables that a criterion compares, where they are counted by the same."""
    sides = [side_of(arg.value) for arg in call.args[:2]]
    loop = code.loop(call) or code.scope.tree
    if len(sides) != 2 or None in sides:
        return None
    guess, label = (cut_at(code, side, loop) for side in sides if side is not None)
    if guess is None or label is None or (code.text(guess[1]), code.text(label[1])) != (":-1", "1:"):
        return None
    if seen.scoring.reduction != "mean" and sides[1] is not None and counts_of(code, call, sides[1]) is None:
        return None
    edits = tuple(Edit(code.scope.span_of(whole), code.text(whole.value)) for whole, _ in (guess, label))
    return Fix("Leave out the second shift: the number changes", edits)


def _cut(code: Code, node: cst.BaseExpression) -> tuple[str, str] | None:
    """Read `ids[:, :-1]` and `ids[..., 1:]`: the tensor and the cut."""
    if not isinstance(node, cst.Subscript) or len(node.slice) != 2:
        return None
    first, last = (code.text(each.slice) for each in node.slice)
    return (code.text(node.value), last) if first in {":", "..."} and last in {":-1", "1:"} else None
