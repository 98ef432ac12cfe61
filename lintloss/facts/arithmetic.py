"""Arithmetic on quantities: sums, products with counts, and the divisions that rules look at."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import accumulation, batch_shapes, counts, divisions, factors, regularizers, terms, vectors
from lintloss.facts.divisions import SHARE
from lintloss.facts.library import masks
from lintloss.facts.machine import Machine
from lintloss.facts.units import ONE, Unit
from lintloss.facts.values import (
    UNKNOWN,
    Choice,
    Const,
    ModelOutput,
    Opaque,
    Quantity,
    Ref,
    Tensor,
    Tuple,
    Value,
    join_all,
    options,
)

TOKENS = {Unit.of(token=1), Unit.of(position=1), Unit.of(position=1, example=-1)}


def binary(
    machine: Machine, node: ast.AST, operator: ast.operator, left: Value, right: Value, inside: int | None = None
) -> Value:
    """Return `left op right`; a Choice on either side is worked through option by option."""
    left, right = unboxed(machine, left), unboxed(machine, right)
    if isinstance(operator, ast.Div):
        left = divisions.after_loops(machine, left)
    if isinstance(operator, ast.Add):
        left, right = terms.filled_in(left, right), terms.filled_in(right, left)
    if isinstance(left, Choice) or isinstance(right, Choice):
        return join_all(
            binary(machine, node, operator, one, other, inside) for one in options(left) for other in options(right)
        )
    known = _of_number(machine, node, operator, left, right)
    if known is None:
        known = _of_several(machine, node, operator, left, right, inside)
    if known is not None:
        return known
    if isinstance(operator, ast.Add | ast.Sub):  # what is added to, or taken from, an output is its tensor
        left, right = (each.logits if isinstance(each, ModelOutput) else each for each in (left, right))
    if isinstance(operator, ast.Mult):
        left, right = (
            factors.log_probabilities(machine, node, left, right),
            factors.log_probabilities(machine, node, right, left),
        )
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        made = _of_tensor(machine, node, operator, left, right)
        if made is not None:
            return made
    if isinstance(operator, ast.Div | ast.FloorDiv):
        if isinstance(operator, ast.FloorDiv) and _counts_tokens(left) and isinstance(right, Const):
            return batch_shapes.floored(machine.opaque(node))  # blocks of so many tokens
        quotient = divisions.divide(machine, node, left, right, inside)
        return batch_shapes.floored(quotient) if _rounds_down(node, operator) else quotient
    if isinstance(operator, ast.Mult):
        return factors.multiply(machine, node, left, right)
    if isinstance(operator, ast.Add | ast.Sub):
        return _add(machine, node, operator, left, right)
    if isinstance(operator, ast.Pow):
        from lintloss.facts.exponent import power

        return power(machine, node, left, right)
    return factors.of_tensors(machine, node, left, right)


def _of_number(machine: Machine, node: ast.AST, operator: ast.operator, left: Value, right: Value) -> Value | None:
    """Return what a number, on the left, makes of the other side: another number, a share, `1 - x`, a mask."""
    if (
        isinstance(left, Const)
        and isinstance(operator, ast.Div)
        and (inverse := accumulation.inverse(machine, node, left)) is not None
    ):
        return inverse
    if isinstance(left, Const) and isinstance(right, Const):
        return _constants(operator, left.value, right.value)
    if isinstance(operator, ast.Div) and left == Const(0.0) and _is_fixed(right):
        return left  # what is smoothed by 0 is not smoothed
    if isinstance(operator, ast.Sub) and left in (Const(1), Const(1.0)) and terms.is_share(right):
        return Opaque((*right.key, "rest"), "weight")
    if isinstance(operator, ast.Sub) and left in (Const(1), Const(1.0)):
        mask = masks.attention(machine, right)
        if mask is not None:
            return masks.rest(mask)
    return None


def _of_several(
    machine: Machine, node: ast.AST, operator: ast.operator, left: Value, right: Value, inside: int | None
) -> Value | None:
    """Work through tuples and lists item by item, as tensors of as many numbers."""
    if isinstance(operator, ast.Add) and isinstance(left, Tuple):
        longer = _joined(machine, node, left, right)
        if longer is not None:
            return longer
    if isinstance(operator, ast.Div) and isinstance(left, Tuple) and not isinstance(right, Tuple | Ref):
        return Tuple(tuple(binary(machine, node, operator, one, right, inside) for one in left.items))  # of a tensor
    if isinstance(operator, ast.Div | ast.Mult) and isinstance(left, Ref) and vectors.holds(machine, left, right):
        return vectors.each(machine, node, left, lambda one: binary(machine, node, operator, one, right, inside))
    if isinstance(operator, ast.Div | ast.Mult) and isinstance(left, Ref) and isinstance(right, Ref):
        both = vectors.paired(
            machine, node, left, right, lambda one, other: binary(machine, node, operator, one, other, inside)
        )
        if both is not None:
            return both
    return None


def _of_tensor(machine: Machine, node: ast.AST, operator: ast.operator, left: Value, right: Value) -> Value | None:
    """Return what a tensor makes of the other side, unless that is a loss, which stays one."""
    from lintloss.facts.library import operands

    adds_to_loss = isinstance(operator, ast.Add) and (terms.is_one_loss(left) or terms.is_one_loss(right))
    if adds_to_loss or factors.is_loss_field(left, right):
        return None
    made = operands.combined(machine, node, operator, left, right)
    if isinstance(operator, ast.Div) and isinstance(made, Tensor):
        return terms.cooled(machine, node, made, right)
    return made


def _joined(machine: Machine, node: ast.AST, left: Tuple, right: Value) -> Tuple | None:
    """Return `(loss,) + outputs`: what is in front is known, and what follows is not."""
    if isinstance(right, Tuple):
        return Tuple((*left.items, *right.items))
    if any(isinstance(each, Quantity | Tuple | ModelOutput) for each in left.items):
        return Tuple((*left.items, machine.opaque(node, "*")))
    return None


def _counts_tokens(value: Value) -> bool:
    """Say whether a number is one of tokens: `len(text) - 1` is one of labels, whatever the text is."""
    return isinstance(value, Quantity) and (value.unit in TOKENS or (value.is_count and value.offset == -1))


def _rounds_down(node: ast.AST, operator: ast.operator) -> bool:
    """Say whether a quotient leaves out the rest; `(n + k - 1) // k` and `-(-n // k)` do not."""
    if not isinstance(operator, ast.FloorDiv) or not isinstance(node, ast.BinOp):
        return False
    return not (
        isinstance(node.left, ast.UnaryOp)
        or (
            isinstance(node.left, ast.BinOp)
            and isinstance(node.left.op, ast.Add | ast.Sub)
            and "- 1" in ast.unparse(node.left)
        )
    )


def unboxed(machine: Machine, value: Value) -> Value:
    """Take the number out of a one-element tensor that a loop adds to."""
    if isinstance(value, Ref) and value.kind in {"tensor", "list"} and machine.get(value, "boxed"):
        slot = machine.get(value, "elem")
        return slot.value if slot else value
    return value


def _constants(operator: ast.operator, left: object, right: object) -> Value:
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return UNKNOWN
    try:
        if isinstance(operator, ast.Add):
            return Const(left + right)
        if isinstance(operator, ast.Sub):
            return Const(left - right)
        if isinstance(operator, ast.Mult):
            return Const(left * right)
        if isinstance(operator, ast.Div):
            return Const(left / right)
        if isinstance(operator, ast.FloorDiv):
            return Const(left // right)
    except (ArithmeticError, ValueError):
        return UNKNOWN
    return UNKNOWN


def _add(machine: Machine, node: ast.AST, operator: ast.operator, left: Value, right: Value) -> Value:
    sign = "+" if isinstance(operator, ast.Add) else "-"
    left = counts.as_length(left) if isinstance(right, Const) else left
    for one, other in terms.main_first(left, right):
        if isinstance(one, Quantity):
            if (one.is_count and isinstance(other, Const | Opaque)) or one.unit == ONE:
                if one is left or (sign == "+" and one.is_count):
                    return counts.moved(one, other, sign)
                return one if sign == "+" else machine.opaque(node)
            if one.is_count and isinstance(other, Quantity) and other.is_count:
                return counts.less_rows(one, other, sign) or machine.opaque(node)
            if sign == "-" and _is_ratio(one, other):
                return machine.opaque(node)
            if one.is_loss or one.is_perplexity:
                return _add_term(machine, node, one, other, is_right=other is right)
    if isinstance(left, Ref) and isinstance(right, Ref) and left.kind == right.kind == "list":
        return left
    for side in (left, right):
        if isinstance(side, Tensor) and side.form in {"logits", "scores", "hidden", ""}:
            return side
    return machine.opaque(node)


def _is_ratio(one: Quantity, other: Value) -> bool:
    """Say whether a difference is one of two models' log-probabilities: a log-ratio, which is nobody's loss."""
    if not isinstance(other, Quantity) or one.scoring is None or other.scoring is None:
        return False
    return other.is_loss and other.unit == one.unit and other.scoring != one.scoring and not other.scoring.scaled


def _add_term(machine: Machine, node: ast.AST, loss: Quantity, other: Value, *, is_right: bool) -> Value:
    """Add a further term to a loss: it is still that loss, with a term that rules may question."""
    if isinstance(other, Const) or (not isinstance(other, Quantity) and terms.is_of_another_key(machine)):
        return loss
    is_share = isinstance(other, Quantity) and other.unit == SHARE and terms.is_one_loss(loss)  # of tokens that do so
    if isinstance(other, Quantity) and not (other.is_loss or other.is_perplexity or is_share):
        return machine.opaque(node)
    if isinstance(other, Quantity) and other.unit.degree != loss.unit.degree and not is_share:
        if not terms.is_beside(node, loss, other, is_right=is_right):
            return machine.opaque(node)
    scoring = loss.scoring
    if scoring is not None and not (isinstance(other, Quantity) and other.scoring == scoring):
        term = terms.added(machine, node, loss, other, is_right=is_right)
        if term is not None and term not in scoring.extra:
            regularizers.outgrow(machine, node, scoring, terms.beside(machine, node, is_right=is_right))
            scoring = replace(scoring, extra=(*scoring.extra, term)[-4:])
    return replace(loss, scoring=scoring)


def _is_fixed(value: Value) -> bool:
    """Say whether a number is one that no loop counts, the size of a vocabulary."""
    return isinstance(value, Opaque) or (isinstance(value, Quantity) and value.is_count and not value.loops)
