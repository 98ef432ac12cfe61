"""Factors: by what a loss or a count is multiplied, a mask, a count or ln 2, and what comes out."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import replace

from lintloss.facts import accumulation, counts, quotients, regularizers, terms
from lintloss.facts.library import position_weights, shapes
from lintloss.facts.machine import Machine
from lintloss.facts.units import ONE, Unit, count
from lintloss.facts.values import Const, ModelOutput, Opaque, Quantity, Scoring, Tensor, Value
from lintloss.patterns import regex

LN2 = math.log(2)
LOGPS = regex(r"^(\w+_)?(logps?|log_?probs?|lprobs?|log_?likelihoods?)$", re.IGNORECASE)
COEFFICIENTS = (
    "weight",
    "coef",
    "coeff",
    "alpha",
    "beta",
    "gamma",
    "lambda",
    "lam",
    "scale",
    "factor",
    "ratio",
    "w",
    "mult",
    "confidence",
    "smoothing",
    "epsilon",
    "eps",
)


def of_tensors(machine: Machine, node: ast.AST, left: Value, right: Value) -> Value:
    """Return the mask that one side is, whatever is done to it; of other tensors nothing is known."""
    for side in (left, right):
        if isinstance(side, Tensor) and side.form == "mask":
            return side
    return machine.opaque(node)


def multiply(machine: Machine, node: ast.AST, left: Value, right: Value) -> Value:
    """Return a product; a mean times the count it was taken over is a total again."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Quantity):
            product = _scaled(machine, node, one, other)
            if product is not None:
                return product
    presumed_left, presumed_right = counts.presumed(machine, left), counts.presumed(machine, right)
    if presumed_left is not None and presumed_right is not None:
        return counts.product(presumed_left, presumed_right)
    number = presumed_left or presumed_right
    if number is not None and isinstance(node, ast.BinOp) and accumulation.STEPS.search(ast.unparse(node)):
        return number  # iterations times micro-batches: as many means, each as often
    return of_tensors(machine, node, left, right)


def _may_be_tokens(number: Quantity) -> bool:
    """Say whether a number of rows times another number counts their tokens, perhaps: it is no index of a loop over rows."""
    is_index = bool(number.loops) and number.of == number.loops[-1].key
    return number.unit == count("example") and number.by > 1 and not is_index


def log_probabilities(machine: Machine, node: ast.AST, value: Value, other: Value) -> Value:
    """Read what is called the log-probabilities of tokens, where a mask is laid over it, as their losses but for the sign."""
    value = value.logits if isinstance(value, ModelOutput) else value
    if not isinstance(value, Opaque | Tensor) or not LOGPS.match(value.name) or shapes.mask(other) is None:
        return value
    if isinstance(value, Tensor) and value.form not in {"", "scores", "hidden"}:
        return value
    from lintloss.facts.library import losses, picks

    return value if losses.is_of_policy(machine) else picks.negative(machine, node)


def is_loss_field(left: Value, right: Value) -> bool:
    """Say whether one side is a field of presumed losses: what it is multiplied by is a mask."""
    return any(isinstance(each, Quantity) and each.presumed and each.negated and each.axes for each in (left, right))


def _scaled(machine: Machine, node: ast.AST, quantity: Quantity, other: Value) -> Value | None:
    from lintloss.facts import compare

    converted = _converted(machine, node, quantity, other) if isinstance(other, Const) else None
    if converted is not None:
        return converted
    weight = counts.rows_by_name(node, other) if isinstance(other, Const) and quantity.is_loss else None
    if isinstance(other, Const) and other.value == 0 and quantity.is_loss:
        return Const(0.0)  # what stands in where nothing is scored: `(losses * 0).sum()`
    if isinstance(other, Const) and weight is None:
        return _by_number(node, quantity, other)
    compare.scaled(machine, quantity, shapes.mask(other))
    mask = shapes.mask(other) if quantity.axes or quantity.presumed else None
    if mask is not None:
        from lintloss.facts.library import losses

        quantity = losses.unreduced(quantity)
    if mask is not None and quantity.axes:
        return losses.masked(machine, quantity, mask).with_step(machine.evidence(node, "masked here"))
    spread = shapes.mask(other) if _is_mean_of_batch(quantity) and not quantity.presumed else None
    if spread is not None:  # the same number for each token: its sum is the number times the tokens
        unit = quantity.unit * Unit.of(token=1)
        return replace(quantity, unit=unit, axes=("token",), of=spread.key, counted=spread)
    if isinstance(other, Tensor) and other.form == "weights" and quantity.axes and quantity.scoring is not None:
        return _weighed(machine, node, quantity, quantity.scoring, other)
    factor = weight or (other if isinstance(other, Quantity) else counts.presumed(machine, other))
    if factor is None and quantity.is_loss and machine.loops:  # `len(inputs) * loss.item()`
        length = counts.as_length(other)
        factor = length if isinstance(length, Quantity) else None
    if factor is None:
        return _by_unknown(machine, node, quantity, other)
    if quantity.is_count and factor.is_count:
        return counts.product(quantity, factor)
    if factor.unit.content is not None and quantity.unit.content is not None:
        return machine.opaque(node)
    loss, factor = (quantity, factor) if quantity.unit.content else (factor, quantity)
    unit = counts.settle_item(loss.unit * factor.unit, factor.unit)
    said = f"multiplied by a count of {_plural_count(factor)}: {unit}"
    product = counts.product(replace(loss, unit=ONE), factor) if loss.of else factor
    scaled = replace(loss, unit=unit, of=product.of, counted=product.counted, offset=product.offset)
    return replace(scaled, presumed=loss.presumed or factor.presumed).with_step(machine.evidence(node, said))


def _converted(machine: Machine, node: ast.AST, quantity: Quantity, number: Const) -> Quantity | None:
    """Return a loss in bits that ln 2 makes nats, or one in nats that log2(e) makes bits."""
    if not isinstance(number.value, float):
        return None
    if quantity.unit.content == "bit" and math.isclose(number.value, LN2, rel_tol=1e-3):
        return replace(quantity, unit=quantity.unit.swap("bit", "nat")).with_step(
            machine.evidence(node, "x ln 2: bits to nats")
        )
    if quantity.unit.content in {"nat", "loss"} and math.isclose(number.value, 1 / LN2, rel_tol=1e-3):
        return replace(quantity, unit=quantity.unit.swap(quantity.unit.content, "bit")).with_step(
            machine.evidence(node, "x log2(e): nats to bits")
        )
    return None


def _by_number(node: ast.AST, quantity: Quantity, other: Const) -> Value | None:
    """Return a multiple of a count, `row * 256`, or a loss that is weighted with a number."""
    rows = counts.rows_of(node, quantity, other)
    if rows is not None:
        return rows
    if quantity.is_count and isinstance(other.value, int) and other.value:  # `row * 256` moves by as much
        scaled = replace(quantity, by=quantity.by * other.value, offset=quantity.offset * other.value)
        return replace(scaled, unit=quantity.unit * Unit.of(unknown=1)) if _may_be_tokens(scaled) else scaled
    return terms.scaled(quantity) if not (quantity.is_count and other.value == 0) else None


def _by_unknown(machine: Machine, node: ast.AST, quantity: Quantity, other: Value) -> Value:
    """Return a loss times what is no count that is known: a coefficient, a mask perhaps, or nobody knows what."""
    from lintloss.facts import compare

    if isinstance(other, Opaque) and other.key in quantity.shares:  # `loss / steps`, and `* steps` again
        rest = tuple(each for each in quantity.shares if each != other.key)
        return replace(quantity, unit=quantity.unit * Unit.of(unknown=1), shares=rest)
    if isinstance(other, Opaque) and other.name.lower().split("_")[-1] in COEFFICIENTS:
        return terms.scaled(quantity)
    if isinstance(other, Opaque) and accumulation.undoes(other):
        return terms.scaled(quantity)
    accumulation.note_product(machine, node, quantity, other)
    if quantity.axes == ("row",):  # rows are weighted by what nobody knows
        return machine.opaque(node)
    if quantity.axes:
        if quantity.scoring is not None:  # whatever it is, it may be a mask
            compare.masked(machine, quantity.scoring, None, drops=False)
        return quantity
    if isinstance(machine.frame.statement, ast.AugAssign):  # `total += batch.length() * loss.item()`
        regularizers.note(machine, node, quantity)
    return machine.opaque(node)


def _weighed(machine: Machine, node: ast.AST, field: Quantity, scoring: Scoring, weights: Tensor) -> Quantity:
    """Return losses times weights of their positions, some of which may be 0: those of a mask."""
    from lintloss.facts import compare
    from lintloss.facts.library import losses

    weighed = replace(field, scoring=replace(scoring, weight=weights, masked=True))
    mask = position_weights.mask_in(weights)
    if mask is not None:
        return losses.masked(machine, weighed, mask).with_step(machine.evidence(node, "masked here"))
    compare.masked(machine, scoring, None, drops=False)
    return weighed


def _is_mean_of_batch(quantity: Quantity) -> bool:
    """Say whether a number is one batch's mean per token, or its perplexity."""
    is_value = quantity.is_perplexity or (quantity.is_loss and quantity.unit.power("token") == -1)
    return is_value and not quantity.axes and not quantity.loops and quantity.unit.is_intensive


def _plural_count(quantity: Quantity) -> str:
    return " ".join(quotients.plural(name) for name, power in quantity.unit.powers if power > 0) or str(quantity.unit)
