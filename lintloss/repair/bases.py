"""Stage: an exponential of the wrong base -> the one of the right base, in the way that it is written."""

from __future__ import annotations

import libcst as cst

from lintloss.findings import Edit, Fix
from lintloss.repair.code import Code, called, has_comment, inner, only_argument, spelling
from lintloss.rule_scope import RuleScope

HAS_EXP2 = ("torch", "numpy", "jax.numpy")


def natural(node: cst.CSTNode, scope: RuleScope) -> Fix | None:
    """Rewrite `2 ** x`, `pow(2, x)` and `exp2(x)` as an exponential of base e."""
    code = Code(scope)
    if not isinstance(node, cst.BinaryOperation | cst.Call) or has_comment(node):
        return None
    written = _of_power(node, code) if isinstance(node, cst.BinaryOperation) else _of_call(node, code)
    return _fix(scope, node, written)


def binary(node: cst.CSTNode, scope: RuleScope) -> Fix | None:
    """Rewrite `exp(x)` as a power of 2."""
    code = Code(scope)
    if not isinstance(node, cst.Call) or has_comment(node) or called(node) != "exp":
        return None
    if isinstance(node.func, cst.Attribute) and (not node.args or _is_library(node.func.value, code, HAS_EXP2)):
        arguments = code.bare(node)[len(code.text(node.func)) :]
        return _fix(scope, node, f"{code.text(node.func.value)}.exp2{arguments}")
    exponent = only_argument(node)
    if exponent is None or isinstance(code.parent(node), cst.Attribute | cst.Subscript):
        return None
    plain = isinstance(exponent, cst.Name | cst.Attribute | cst.Subscript | cst.Call) or exponent.lpar
    text = code.text(exponent) if plain else f"({code.text(exponent)})"
    return _fix(scope, node, code.in_place_of(node, f"2 ** {text}"))


def in_bits(node: cst.CSTNode, scope: RuleScope) -> Fix | None:
    """Divide nats by ln 2."""
    code, node = Code(scope), inner(node)
    node = node.value if isinstance(node, cst.Assign) else node
    library = spelling(scope, "math") or spelling(scope, "numpy")
    if not isinstance(node, cst.BaseExpression) or library is None or has_comment(node):
        return None
    return _fix(scope, node, code.in_place_of(node, f"{code.factor(node)} / {library}.log(2)"))


def _fix(scope: RuleScope, node: cst.CSTNode, written: str | None) -> Fix | None:
    if written is None:
        return None
    return Fix(f"Use `{written}`: the number changes", (Edit(scope.span_of(node), written),))


def _of_power(node: cst.BinaryOperation, code: Code) -> str | None:
    if not isinstance(node.operator, cst.Power):
        return None
    is_tensor = isinstance(code.parent(node), cst.Attribute) and bool(node.lpar)  # `(2 ** loss).item()`
    return _exp(node.right, code, ("torch",) if is_tensor else ("math", "numpy"))


def _exp(exponent: cst.BaseExpression, code: Code, libraries: tuple[str, ...]) -> str | None:
    for library in libraries:
        name = spelling(code.scope, library)
        if name is not None:
            return f"{name}.exp({code.bare(exponent)})"
    exp = spelling(code.scope, "math.exp") if "math" in libraries else None
    return f"{exp}({code.bare(exponent)})" if exp else None


def _of_call(node: cst.Call, code: Code) -> str | None:
    name, func = called(node), node.func
    if any(arg.keyword is not None or arg.star for arg in node.args):
        return None
    if name == "exp2" and isinstance(func, cst.Attribute):
        return f"{code.text(func.value)}.exp{code.bare(node)[len(code.text(func)) :]}"
    if name not in {"pow", "power"} or len(node.args) != 2:
        return None
    exponent = node.args[1].value
    if isinstance(func, cst.Name):
        return _exp(exponent, code, ("math", "numpy"))
    return f"{code.text(func.value)}.exp({code.bare(exponent)})" if isinstance(func, cst.Attribute) else None


def _is_library(node: cst.BaseExpression, code: Code, libraries: tuple[str, ...]) -> bool:
    return isinstance(node, cst.Name) and node.value in {spelling(code.scope, each) for each in libraries}
