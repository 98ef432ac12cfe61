"""Stage: a sum over a count that holds more than was scored -> the count of what was scored."""

from __future__ import annotations

import libcst as cst

from lintloss.facts.extent import Excess
from lintloss.facts.observations import Averaging
from lintloss.facts.values import Quantity
from lintloss.findings import Edit, Fix
from lintloss.repair.averages import MEANS, divisor_of, is_read_elsewhere, numerator_of
from lintloss.repair.code import Code, called, has_comment, inner, number_read, only_argument
from lintloss.repair.labels import Scored, scored_at
from lintloss.repair.totals import Total, total_named
from lintloss.rule_scope import RuleScope

SAID = "Count what was scored: the number changes"


def recount(node: cst.CSTNode, seen: Averaging, excess: Excess, scope: RuleScope) -> Fix | None:
    """Take the count from the labels, or the mask, that the criterion's sum has."""
    code, node = Code(scope), inner(node)
    if has_comment(node):
        return None
    if excess.kind == "length":
        return _shorter(code, node, seen)
    scored = scored_at(code, seen.before.scoring, seen.path)
    if scored is None:
        return None
    if scored.scoring.masked:
        if excess.kind not in {"shift", "masked"} or scored.scoring.ignore_index is not None:
            return None
        return _field(code, node, scored) if seen.how == "field" else _masked(code, node, scored)
    if excess.kind not in {"shift", "ignored"} or scored.scoring.reduction == "mean":
        return None
    number = _number(code, node)
    count = scored.count(marked=number is not None and "100" in code.text(number.term))
    if number is None or count is None or not scored.reach(number.step) or has_comment(number.term):
        return None
    return Fix(SAID, (Edit(scope.span_of(number.term), count),))


def _number(code: Code, node: cst.CSTNode) -> Total | None:
    """Return the counter that is divided by, where that is its only use."""
    divisor = divisor_of(node)
    number = total_named(code, divisor.value) if isinstance(divisor, cst.Name) else None
    if number is None or number.collects or is_read_elsewhere(code, number, node):
        return None
    return number


def _shorter(code: Code, node: cst.CSTNode, seen: Averaging) -> Fix | None:
    """Take off a length what `range(0, len(x) - 1, bptt)` leaves out."""
    divisor, number = divisor_of(node), seen.count
    if divisor is None or not isinstance(number, Quantity) or not isinstance(divisor, cst.Call | cst.Subscript):
        return None
    bounds = [loop.bound for loop in seen.before.loops if loop.bound is not None]
    less = next((number.offset - offset for of, offset in bounds if of == number.of), 0)
    if less <= 0:
        return None
    text = f"{code.text(divisor)} - {less}"
    edit = Edit(code.scope.span_of(divisor), text if isinstance(node, cst.AugAssign) else f"({text})")
    return Fix(SAID, (edit,))


def _masked(code: Code, node: cst.CSTNode, scored: Scored) -> Fix | None:
    """Sum the mask that the losses were multiplied by."""
    found, number = numerator_of(code, node), _number(code, node)
    total = total_named(code, found[0]) if found is not None else None
    if total is None or number is None or number.loop is not total.loop or has_comment(number.term):
        return None
    added = number_read(total.term)
    if not isinstance(added, cst.Call) or called(added) != "sum" or not isinstance(added.func, cst.Attribute):
        return None
    mask = _mask(added.func.value, scored)
    if mask is None or added.args or not code.is_same(mask, total.step, number.step, total.loop):
        return None
    return Fix(SAID, (Edit(code.scope.span_of(number.term), f"{_summable(code, mask)}.sum().item()"),))


def _field(code: Code, node: cst.CSTNode, scored: Scored) -> Fix | None:
    """Divide the sum of a masked field by that of its mask, instead of taking the mean."""
    if not isinstance(node, cst.Call) or called(node) not in MEANS:
        return None
    product = only_argument(node)
    if not node.args and isinstance(node.func, cst.Attribute):
        product = node.func.value
    mask = _mask(product, scored) if product is not None else None
    if product is None or mask is None:
        return None
    text = f"{_summable(code, product)}.sum() / {_summable(code, mask)}.sum()"
    return Fix(SAID, (Edit(code.scope.span_of(node), code.in_place_of(node, text)),))


def _mask(product: cst.BaseExpression, scored: Scored) -> cst.BaseExpression | None:
    """Return what a product multiplies the criterion's losses by, if it can be written a second time."""
    if not isinstance(product, cst.BinaryOperation) or not isinstance(product.operator, cst.Multiply):
        return None
    for losses, mask in ((product.left, product.right), (product.right, product.left)):
        if scored.is_loss(losses) and isinstance(mask, cst.Name | cst.Attribute | cst.Subscript):
            return mask
    return None


def _summable(code: Code, node: cst.BaseExpression) -> str:
    plain = bool(node.lpar) or isinstance(node, cst.Name | cst.Attribute | cst.Subscript)
    return code.text(node) if plain else f"({code.text(node)})"
