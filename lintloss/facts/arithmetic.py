"""Arithmetic on quantities: sums, products with counts, and the divisions that rules look at."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import replace

from lintloss.facts import (
    accumulation,
    batch_shapes,
    counts,
    logprobs,
    passes,
    quotients,
    regularizers,
    segments,
    stops,
    terms,
    vectors,
)
from lintloss.facts.library import masks, position_weights, shapes
from lintloss.facts.machine import Machine
from lintloss.facts.units import ONE, Unit, count
from lintloss.facts.values import (
    UNKNOWN,
    Choice,
    Const,
    ModelOutput,
    Opaque,
    Quantity,
    Ref,
    Scoring,
    Tensor,
    Tuple,
    Value,
    join_all,
    options,
)
from lintloss.patterns import regex

LN2 = math.log(2)
ITERATIONS = regex(r"iter|step|batch|interval", re.IGNORECASE)
TOKENS = {Unit.of(token=1), Unit.of(position=1), Unit.of(position=1, example=-1)}
SHARE = Unit.of(token=1, position=-1)  # mask.mean()


def binary(
    machine: Machine, node: ast.AST, operator: ast.operator, left: Value, right: Value, inside: int | None = None
) -> Value:
    """Return `left op right`; a Choice on either side is worked through option by option."""
    left, right = unboxed(machine, left), unboxed(machine, right)
    if isinstance(operator, ast.Div):
        left = _after_loops(machine, left)
    if isinstance(operator, ast.Add):
        left, right = terms.filled_in(left, right), terms.filled_in(right, left)
    if isinstance(left, Choice) or isinstance(right, Choice):
        return join_all(
            binary(machine, node, operator, one, other, inside) for one in options(left) for other in options(right)
        )
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
    if isinstance(operator, ast.Add | ast.Sub):  # what is added to, or taken from, an output is its tensor
        left, right = (each.logits if isinstance(each, ModelOutput) else each for each in (left, right))
    if isinstance(operator, ast.Mult):
        left, right = _log_probabilities(machine, node, left, right), _log_probabilities(machine, node, right, left)
    adds_to_loss = isinstance(operator, ast.Add) and (terms.is_one_loss(left) or terms.is_one_loss(right))
    if (isinstance(left, Tensor) or isinstance(right, Tensor)) and not (adds_to_loss or _is_loss_field(left, right)):
        from lintloss.facts.library import tensors

        made = tensors.combined(machine, node, operator, left, right)
        if made is not None:
            return (
                terms.cooled(machine, node, made, right)
                if isinstance(operator, ast.Div) and isinstance(made, Tensor)
                else made
            )
    if isinstance(operator, ast.Div | ast.FloorDiv):
        if isinstance(operator, ast.FloorDiv) and _counts_tokens(left) and isinstance(right, Const):
            return batch_shapes.floored(machine.opaque(node))  # blocks of so many tokens
        quotient = divide(machine, node, left, right, inside)
        return batch_shapes.floored(quotient) if _rounds_down(node, operator) else quotient
    if isinstance(operator, ast.Mult):
        return multiply(machine, node, left, right)
    if isinstance(operator, ast.Add | ast.Sub):
        return _add(machine, node, operator, left, right)
    if isinstance(operator, ast.Pow):
        from lintloss.facts.exponent import power

        return power(machine, node, left, right)
    return _tensor_op(machine, node, left, right)


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


def _tensor_op(machine: Machine, node: ast.AST, left: Value, right: Value) -> Value:
    for side in (left, right):
        if isinstance(side, Tensor) and side.form == "mask":
            return side
    return machine.opaque(node)


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


# -- products -------------------------------------------------------------------------------------------------------

LOGPS = regex(r"^(\w+_)?(logps?|log_?probs?|lprobs?|log_?likelihoods?)$", re.IGNORECASE)
IMPORTANCE = regex(r"^(t|ts|p|w)$|(^|_)(prob|p_mask|mask_prob|timesteps?|weights?)$")
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
    return _tensor_op(machine, node, left, right)


def _is_fixed(value: Value) -> bool:
    """Say whether a number is one that no loop counts, the size of a vocabulary."""
    return isinstance(value, Opaque) or (isinstance(value, Quantity) and value.is_count and not value.loops)


def _may_be_tokens(number: Quantity) -> bool:
    """Say whether a number of rows times another number counts their tokens, perhaps: it is no index of a loop over rows."""
    is_index = bool(number.loops) and number.of == number.loops[-1].key
    return number.unit == count("example") and number.by > 1 and not is_index


def _log_probabilities(machine: Machine, node: ast.AST, value: Value, other: Value) -> Value:
    """Read what is called the log-probabilities of tokens, where a mask is laid over it, as their losses but for the sign."""
    value = value.logits if isinstance(value, ModelOutput) else value
    if not isinstance(value, Opaque | Tensor) or not LOGPS.match(value.name) or shapes.mask(other) is None:
        return value
    if isinstance(value, Tensor) and value.form not in {"", "scores", "hidden"}:
        return value
    from lintloss.facts.library import losses

    return value if losses.is_of_policy(machine) else losses.negative(machine, node)


def _is_loss_field(left: Value, right: Value) -> bool:
    """Say whether one side is a field of presumed losses: what it is multiplied by is a mask."""
    return any(isinstance(each, Quantity) and each.presumed and each.negated and each.axes for each in (left, right))


def _scaled(machine: Machine, node: ast.AST, quantity: Quantity, other: Value) -> Value | None:
    from lintloss.facts import compare

    if isinstance(other, Const) and isinstance(other.value, float):
        if quantity.unit.content == "bit" and math.isclose(other.value, LN2, rel_tol=1e-3):
            return replace(quantity, unit=quantity.unit.swap("bit", "nat")).with_step(
                machine.evidence(node, "x ln 2: bits to nats")
            )
        if quantity.unit.content in {"nat", "loss"} and math.isclose(other.value, 1 / LN2, rel_tol=1e-3):
            return replace(quantity, unit=quantity.unit.swap(quantity.unit.content, "bit")).with_step(
                machine.evidence(node, "x log2(e): nats to bits")
            )
    weight = counts.rows_by_name(node, other) if isinstance(other, Const) and quantity.is_loss else None
    if isinstance(other, Const) and other.value == 0 and quantity.is_loss:
        return Const(0.0)  # what stands in where nothing is scored: `(losses * 0).sum()`
    if isinstance(other, Const) and weight is None:
        rows = counts.rows_of(node, quantity, other)
        if rows is not None:
            return rows
        if quantity.is_count and isinstance(other.value, int) and other.value:  # `row * 256` moves by as much
            scaled = replace(quantity, by=quantity.by * other.value, offset=quantity.offset * other.value)
            return replace(scaled, unit=quantity.unit * Unit.of(unknown=1)) if _may_be_tokens(scaled) else scaled
        return terms.scaled(quantity) if not (quantity.is_count and other.value == 0) else None
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


# -- quotients ------------------------------------------------------------------------------------------------------


def divide(machine: Machine, node: ast.AST, left: Value, right: Value, inside: int | None = None) -> Value:
    """Return a quotient, and record it when a loss or perplexity is what gets divided.

    inside: the loop depth at which the numerator was set, for `total /= n`.
    """
    if isinstance(left, Quantity) and left.is_loss:
        accumulation.note_quotient(machine, node, left)
        segments.forget(machine, left)
    if not isinstance(left, Quantity):
        count = counts.presumed(machine, left)
        if count is not None and isinstance(right, Quantity) and right.is_count:
            return Quantity(count.unit / right.unit)
        if isinstance(left, Tensor | ModelOutput) and isinstance(right, Const | Opaque):
            return terms.cooled(machine, node, left, right)
        return _tensor_op(machine, node, left, right)
    if isinstance(right, Const | Opaque) and left.loops and left.is_loss:
        right = stops.count_of(left.loops, machine.frame.key, quotients.divisor_text(node)) or right
    if isinstance(right, Const):
        return _by_constant(machine, node, left, right, inside)
    count = logprobs.length(machine, node, left) or passes.of_stride(machine, node, left)
    count = count or passes.of_steps(machine, left, right)
    count = count or counts.divisor(machine, left, right)
    count = passes.of_windows(machine, node, left, count) if count is not None else None
    if count is not None and left.is_loss and quotients.is_share(machine, left, count):
        return machine.opaque(node)
    if count is not None and _may_be_rows_own(left, count):
        count = None
    if count is not None and count.unit == counts.ROWS and _is_of_one_batch(machine, left):
        count = replace(count, unit=Unit.of(example=1))
    if count is not None and count.unit == SHARE:
        quotients.forget_field_mean(machine, left)
    if left.is_count:
        if count is None:
            return machine.opaque(node)
        if count.unit == left.unit or _is_share_of_ranks(left, count):
            return replace(machine.opaque(node), name="share")  # by which a mean may be weighted: no coefficient
        return Quantity(left.unit / count.unit)
    if count is None:
        if isinstance(right, Quantity) and right.is_loss:
            return machine.opaque(node)
        return _unknown_divisor(machine, node, left, right)
    return quotients.average(
        machine, node, left, count, "repeated" if _is_repeated(machine, node, left, inside) else "divide"
    )


def _is_share_of_ranks(own: Quantity, everyone: Quantity) -> bool:
    """Say whether one rank's count is divided by that of all: `world_size * tokens / all_tokens`, by which means are weighted."""
    return quotients.OVER_RANKS in everyone.weights or own.unit == everyone.unit * Unit.of(rank=1)


def _may_be_rows_own(total: Quantity, count: Quantity) -> bool:
    """Say whether masked losses, one total a row, are divided by what only its name takes for the length of all rows.

    The lengths that the mask was made from go by such a name as well, `(nats * mask).sum(-1) / seq_length`.
    """
    masked = total.scoring is not None and total.scoring.masked
    return masked and total.axes == ("row",) and count.presumed and count.unit.power("position") > 0


def _is_of_one_batch(machine: Machine, total: Quantity) -> bool:
    """Say whether a loss belongs to one batch, by whose rows it is divided: it was not summed over batches yet."""
    if total.unit.power("batch") or any(loop.unit == "batch" for loop in total.loops):
        return False
    return not total.loops or bool(machine.loops and machine.loops[-1] not in total.loops)


def _is_repeated(machine: Machine, node: ast.AST, total: Quantity, inside: int | None) -> bool:
    """Say whether a running total is divided anew in every iteration of a loop that does not start it anew."""
    if inside is None or machine.depth <= inside or not isinstance(node, ast.AugAssign | ast.Assign):
        return False
    loop = machine.loops[-1]
    if loop.statement is None or not any(each.key[: len(loop.key)] == loop.key or each is loop for each in total.loops):
        return False
    target = ast.unparse(node.target if isinstance(node, ast.AugAssign) else node.targets[0])
    restarts = (each for each in ast.walk(loop.statement) if isinstance(each, ast.Assign) and each is not node)
    return not any(ast.unparse(one) == target for each in restarts for one in each.targets)


def _after_loops(machine: Machine, total: Value) -> Value:
    """Return a total without what it was in the first pass of a loop that is over: `total = x if first else total + x`."""
    found = [each for each in options(total) if isinstance(each, Quantity) and each.loops]
    kept = [
        each
        for each in options(total)
        if not any(isinstance(each, Quantity) and _begins(machine, each, whole) for whole in found)
    ]
    return join_all(kept) if len(kept) < len(options(total)) else total


def _begins(machine: Machine, first: Quantity, whole: Quantity) -> bool:
    """Say whether a loss is the one with which a total over one more loop begins."""
    loop = whole.loops[-1]
    if whole.loops != (*first.loops, loop) or loop in machine.loops or first.scoring is None or whole.scoring is None:
        return False
    return first.scoring.place == whole.scoring.place and whole.unit == first.unit.summed_over(loop.unit)


def _by_constant(machine: Machine, node: ast.AST, left: Quantity, right: Const, inside: int | None) -> Value:
    if right.value == 0:  # a counter that has not counted yet
        return machine.opaque(node)
    content = left.unit.content
    if isinstance(right.value, float) and math.isclose(right.value, LN2, rel_tol=1e-3) and content in {"nat", "loss"}:
        return replace(left, unit=left.unit.swap(content, "bit")).with_step(
            machine.evidence(node, "÷ ln 2: nats to bits")
        )
    count = counts.divisor(machine, left, right)
    if count is not None:
        return quotients.average(
            machine, node, left, count, "repeated" if _is_repeated(machine, node, left, inside) else "divide"
        )
    if left.is_loss and left.unit.power("rank") == 1 and isinstance(right.value, int) and right.value > 1:
        return quotients.average(machine, node, left, Quantity(Unit.of(rank=1), presumed=True), "rank")
    return counts.batches_of(node, left, right) or left


def _is_share_of_mask(node: ast.AST) -> bool:
    """Say whether losses are divided by how much was masked, `loss.sum() / mask_ratio.sum()`: by no count of tokens."""
    divisor = quotients.divisor_of(node)
    names = (each.id for each in ast.walk(divisor) if isinstance(each, ast.Name)) if divisor is not None else ()
    return any(shapes.SHARE.search(each) for each in names)


def _is_less_some(node: ast.AST) -> bool:
    """Say whether what divides is a number less a constant, `tokens - 1`: of ranks, whatever they are called, all count."""
    divisor = quotients.divisor_of(node)
    return (
        isinstance(divisor, ast.BinOp) and isinstance(divisor.op, ast.Sub) and isinstance(divisor.right, ast.Constant)
    )


def _unknown_divisor(machine: Machine, node: ast.AST, left: Quantity, right: Value) -> Value:
    if isinstance(right, Opaque) and right.name.lower().split("_")[-1] in COEFFICIENTS:
        return left
    if left.is_perplexity and isinstance(right, Opaque) and left.loops and left.unit.power(left.loops[-1].unit) == 1:
        iterations = Quantity(counts.unit_of(left.loops[-1]), of=right.key, presumed=True)
        return quotients.average(machine, node, left, iterations, "divide")  # whatever is counted: an average
    world = isinstance(right, Opaque) and not ITERATIONS.search(right.name) and not _is_less_some(node)
    if left.is_loss and left.unit.power("rank") == 1 and isinstance(right, Opaque) and world:
        return quotients.average(machine, node, left, Quantity(Unit.of(rank=1), of=right.key, presumed=True), "rank")
    if left.axes == ("row",) and IMPORTANCE.search(getattr(right, "name", "")):  # a diffusion's, one a row
        return machine.opaque(node)
    if left.is_loss and _is_share_of_mask(node):  # what is left is scaled up to a whole: that is no mean
        return replace(left, unit=left.unit * Unit.of(unknown=1))
    if left.is_loss and isinstance(right, Opaque | Tensor):  # still nats (or bits), per something that is not known
        return replace(left, unit=left.unit * Unit.of(unknown=-1), shares=(*left.shares, right.key))
    return machine.opaque(node)
