"""Stage: a criterion that scores padding, beside a count that leaves it out -> `ignore_index=` of the same id."""

from __future__ import annotations

import ast
from dataclasses import replace

import libcst as cst

from lintloss.facts.observations import Compared
from lintloss.facts.values import Const, Tensor, options
from lintloss.findings import Edit, Fix
from lintloss.repair.code import Code, called, has_comment, inner, only_argument
from lintloss.repair.labels import scored_at, unmoved
from lintloss.rule_scope import RuleScope


def ignoring(node: cst.CSTNode, seen: Compared, scope: RuleScope) -> Fix | None:
    """Have the criterion ignore the id that the count of the same labels leaves out."""
    code, node = Code(scope), inner(node)
    scored = scored_at(code, replace(seen.scoring, site=seen.scoring.place), seen.path)
    if scored is None or scored.loop is None or scored.call is not node or seen.scoring.reduction != "sum":
        return None
    found = [_left_out(code, each, scored.labels) for each in code.all(cst.AugAssign, scored.loop)]
    pads = {code.text(each): each for each in found if each is not None}
    pad = next(iter(pads.values())) if len(pads) == 1 else None
    made = _where_made(code, scored.call)
    if pad is None or made is None or has_comment(made) or not _is_pad(code, seen, pad):
        return None
    return Fix(f"Ignore `{code.text(pad)}`: the number changes", (_with_keyword(code, made, code.text(pad)),))


def _left_out(code: Code, step: cst.AugAssign, labels: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return p of `n += (labels != p).sum().item()` and `n += labels.ne(p).sum()`."""
    node = step.value
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and called(node) in {"item", "sum"}:
        node = node.func.value
    left: cst.BaseExpression | None = None
    pad: cst.BaseExpression | None = None
    if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
        compared = node.comparisons[0]
        left, pad = node.left, compared.comparator if isinstance(compared.operator, cst.NotEqual) else None
    elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and called(node) == "ne":
        left, pad = node.func.value, only_argument(node)
    return pad if left is not None and code.text(left) == code.text(labels) else None


def _where_made(code: Code, call: cst.Call) -> cst.Call | None:
    """Return the call that takes `ignore_index`: the function's own, or the one that makes the criterion."""
    if called(call) in {"cross_entropy", "nll_loss"}:
        return call
    func = call.func
    made = unmoved(code.value_of(func.value, code.scope.tree)) if isinstance(func, cst.Name) else func
    return made if isinstance(made, cst.Call) and called(made) in {"CrossEntropyLoss", "NLLLoss"} else None


def _is_pad(code: Code, seen: Compared, pad: cst.BaseExpression) -> bool:
    """Say whether an expression has the value that the labels are padded with, and may be written at the criterion."""
    known = {each.pad for each in options(seen.scoring.target) if isinstance(each, Tensor)}
    values = [each.value for each in known if isinstance(each, Const)]
    value = values[0] if len(values) == 1 else None
    if isinstance(pad, cst.Integer):
        return value is None or str(value) == pad.value
    if not isinstance(pad, cst.Name) or code.bindings(pad.value):
        return False
    assigned = _constant(code.scope.module, pad.value)
    return assigned is None or value is None or assigned == value


def _constant(module: ast.Module | None, name: str) -> object | None:
    for statement in module.body if module is not None else ():
        if isinstance(statement, ast.Assign):
            if any(isinstance(each, ast.Name) and each.id == name for each in statement.targets):
                return statement.value.value if isinstance(statement.value, ast.Constant) else None
    return None


def _with_keyword(code: Code, made: cst.Call, pad: str) -> Edit:
    """Return the edit that adds `ignore_index=`, in front of a reduction, or replaces the one that is there."""
    scope = code.scope
    for arg in made.args:
        name = arg.keyword.value if arg.keyword is not None else ""
        if name == "ignore_index":
            return Edit(scope.span_of(arg.value), pad)
    for arg in made.args:
        if arg.keyword is not None and arg.keyword.value == "reduction":
            span = scope.span_of(arg)
            start = type(span)(span.row, span.column, span.row, span.column)
            return Edit(start, f"ignore_index={pad}, ")
    if not made.args:
        span = scope.span_of(made)
        return Edit(span, f"{code.text(made.func)}(ignore_index={pad})")
    last = scope.span_of(made.args[-1].value)
    return Edit(type(last)(last.end_row, last.end_column, last.end_row, last.end_column), f", ignore_index={pad}")
