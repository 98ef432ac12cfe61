"""Stage: a criterion that takes logits and is given a softmax -> the criterion given what the softmax was taken of."""

from __future__ import annotations

import libcst as cst

from lintloss.findings import Edit, Fix
from lintloss.repair.code import Code, called, has_comment, inner, only_argument
from lintloss.rule_scope import RuleScope

SHAPES = {"view", "reshape", "flatten", "transpose", "permute", "contiguous", "squeeze"}
LIBRARIES = {"torch", "F", "functional", "special", "nn"}


def without_softmax(node: cst.CSTNode, scope: RuleScope) -> Fix | None:
    """Give a criterion call the argument of the softmax that is written in it, or assigned above it."""
    code, node = Code(scope), inner(node)
    given = _prediction(node) if isinstance(node, cst.Call) else None
    if given is None or has_comment(given):
        return None
    given = _unshaped(given)
    logits = _argument(given)
    if logits is None and isinstance(given, cst.Name):
        logits = _assigned(code, given)
    if logits is None:
        return None
    text = code.text(logits)
    return Fix(f"Give the criterion `{text}`: the number changes", (Edit(scope.span_of(given), text),))


def _prediction(call: cst.Call) -> cst.BaseExpression | None:
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == "input":
            return arg.value
    first = call.args[0] if call.args else None
    return first.value if first is not None and first.keyword is None and not first.star else None


def _unshaped(node: cst.BaseExpression) -> cst.BaseExpression:
    """Return x of `x.flatten(0, 1)`: what follows a softmax and moves its numbers is left as it is."""
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and called(node) in SHAPES:
        node = node.func.value
    return node


def _argument(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return x of `F.softmax(x, dim=1)`, `x.softmax(1)` and `nn.Softmax(dim=1)(x)`."""
    if not isinstance(node, cst.Call):
        return None
    func = node.func
    if isinstance(func, cst.Call) and called(func) == "Softmax":
        return only_argument(node)
    if called(node) != "softmax":
        return None
    owner = func.value if isinstance(func, cst.Attribute) else None
    last = owner.attr if isinstance(owner, cst.Attribute) else owner
    if owner is not None and not (isinstance(last, cst.Name) and last.value in LIBRARIES):
        return owner
    first = node.args[0] if node.args else None
    return first.value if first is not None and first.keyword is None and not first.star else None


def _assigned(code: Code, given: cst.Name) -> cst.BaseExpression | None:
    """Return the argument of a softmax that a variable is set to, where it still has its value."""
    loop = code.loop(given)
    value = code.value_of(given.value, loop or code.scope.tree)
    logits = _argument(value) if value is not None else None
    if value is None or logits is None or not isinstance(logits, cst.Name | cst.Attribute | cst.Subscript):
        return None
    if code.loop(value) is not loop:
        return None
    return logits if code.is_same(logits, value, given, loop or code.scope.tree) else None
