"""Sums of losses: which summand is the loss, and what the others are in the words of the code."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import replace
from functools import lru_cache
from typing import TypeGuard

from lintloss.facts import distillation, phases
from lintloss.facts.library import models, spread
from lintloss.facts.machine import Machine
from lintloss.facts.regularizers import PENALTY
from lintloss.facts.survey import walk
from lintloss.facts.values import (
    Choice,
    Const,
    Key,
    LibObject,
    ModelOutput,
    Opaque,
    Quantity,
    Scoring,
    Tensor,
    Term,
    Value,
    join_all,
    options,
)
from lintloss.findings import Evidence
from lintloss.patterns import regex

LONGEST = 60
SHARE = regex(
    r"smooth|(^|_)(eps|epsilon|alpha|lam|lambda|beta|gamma|ratio|weight|coef|w|share|amount|rate|factor|fraction)$",
    re.IGNORECASE,
)
MASK = regex(r"mask|valid|pad|keep|length|(^|_)(n|num|size|count|tokens|rows|batch)(_|$)", re.IGNORECASE)
TEMPERATURE = regex(r"temp|(^|_|\.)tau$|^T$", re.IGNORECASE)


def main_first(left: Value, right: Value) -> tuple[tuple[Value, Value], tuple[Value, Value]]:
    """Return the pairs (main, other) in the order to try: the summand that a cross entropy scored comes first."""
    if _rank(right) > _rank(left):
        return (right, left), (left, right)
    return (left, right), (right, left)


def filled_in(value: Value, beside: Value) -> Value:
    """Return a further term of a loss without the 0 that it starts as: `aux = 0.0`, then a loop over layers adds to it."""
    if not isinstance(value, Choice) or not any(
        isinstance(each, Quantity) and each.is_loss for each in options(beside)
    ):
        return value
    nothing = (Const(0), Const(0.0))
    return join_all(each for each in value.options if each not in nothing) if _is_told(value) else value


def _is_told(value: Choice) -> bool:
    return any(not isinstance(each, Const | Quantity) for each in value.options)


def _rank(value: Value) -> int:
    if not isinstance(value, Quantity) or value.scoring is None:
        return 0
    if not value.scoring.is_cross_entropy:
        return 1
    return 2 if value.scoring.presumed else 3


def is_one_loss(value: Value) -> bool:
    """Say whether a value is a criterion's one number: what a layer returned beside its output is added to it."""
    return isinstance(value, Quantity) and value.is_loss and not value.axes and _rank(value) == 3


def is_share(value: Value) -> TypeGuard[Opaque]:
    """Say whether an unknown number is called the weight of one of two losses, of which the other one has the rest."""
    return isinstance(value, Opaque) and SHARE.search(value.name) is not None


def is_beside(node: ast.AST, loss: Quantity, other: Quantity, *, is_right: bool) -> bool:
    """Say whether a summand is no cross entropy, one of each layer or one for all positions perhaps: the loss that it is
    added to stays one.

    What is a loss by its name alone is none where the code calls the summand a penalty: `loss + total_moe_loss`.
    """
    is_apart = other.loops != loss.loops or (bool(loss.axes) and not other.axes)
    if loss.scoring is None or other.scoring is None or not is_apart or _rank(loss) != 3:
        return False
    if not other.scoring.is_cross_entropy:
        return True
    summand = _summand(node, is_right=is_right)
    return _rank(other) == 2 and summand is not None and PENALTY.search(ast.unparse(summand)) is not None


def added(machine: Machine, node: ast.AST, loss: Quantity, other: Value, *, is_right: bool) -> Term | None:
    """Describe the summand `other`, the right or left one of the sum at `node`; None where the code does not show it."""
    summand = _summand(node, is_right=is_right)
    if summand is None or _is_nothing(machine, summand) or _holds_target(machine, summand):
        return None
    if _adds_again(machine, node, loss):
        return None
    product = _product(machine, summand, of_total=bool(loss.loops or loss.axes) or _rank(loss) < 2)
    if product is not None and _is_nothing(machine, product):
        return None
    return Term(
        (ast.unparse(summand) if product is None else f"{ast.unparse(summand)} = {ast.unparse(product)}")[:LONGEST],
        machine.evidence(node, "a further term is added to the loss here"),
        is_loss=_holds_loss(machine, other, summand),
        scaled=_is_scaled(summand)
        or product is not None
        or (isinstance(other, Quantity) and other.scoring is not None and other.scoring.scaled),
        optional=_is_optional(machine, loss),
        smooths=isinstance(other, Tensor) and other.form == spread.UNIFORM,
        distills=distillation.is_one(machine.frame.node, summand),
        foreign=_is_of_another_head(loss, other),
    )


def _is_of_another_head(loss: Quantity, other: Value) -> bool:
    """Say whether two losses are of different layers, each with targets of its own: words and their letters, say."""
    if loss.scoring is None or not isinstance(other, Quantity) or other.scoring is None:
        return False
    heads = [_head(each) for each in (loss.scoring, other.scoring)]
    sources = [_source(each) for each in (loss.scoring, other.scoring)]
    return None not in (*heads, *sources) and heads[0] != heads[1] and sources[0] != sources[1]


def _head(scoring: Scoring) -> Evidence | None:
    guess = scoring.prediction.model if isinstance(scoring.prediction, Tensor) else None
    return guess.made if isinstance(guess, LibObject) else None


def _source(scoring: Scoring) -> Key | None:
    window = scoring.target.window if isinstance(scoring.target, Tensor) else None
    return window.source if window is not None else None


def beside(machine: Machine, node: ast.AST, *, is_right: bool) -> str:
    """Return the name of the summand that a further term is added to; of one without, that of what the sum is bound to."""
    loss = _summand(node, is_right=not is_right)
    statement = machine.frame.statement
    if not isinstance(loss, ast.Name) and isinstance(statement, ast.Assign):
        loss = statement.targets[0]
    return ast.unparse(loss) if isinstance(loss, ast.Name) else ""


def is_of_another_key(machine: Machine) -> bool:
    """Say whether a statement adds to an entry of a dict, whichever a loop has come to: `self.total[name] += value`.

    One entry's value is no term of another one's.
    """
    statement = machine.frame.statement
    if isinstance(statement, ast.AugAssign):
        target: ast.expr = statement.target
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    else:
        return False
    key = target.slice if isinstance(target, ast.Subscript) else None
    loop = machine.loops[-1].statement if machine.loops else None
    if not isinstance(key, ast.Name) or not isinstance(loop, ast.For) or ".items()" not in machine.text(loop.iter):
        return False
    return any(isinstance(each, ast.Name) and each.id == key.id for each in ast.walk(loop.target))


def _holds_target(machine: Machine, summand: ast.expr) -> bool:
    """Say whether a summand is what is stored to, in a slot of its own: `mean[key] = mean[key] * n + value`."""
    statement = machine.frame.statement
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Subscript):
        return False
    target = machine.text(statement.targets[0])
    return any(isinstance(each, ast.Subscript) and machine.text(each) == target for each in ast.walk(summand))


def _adds_again(machine: Machine, node: ast.AST, total: Quantity) -> bool:
    """Say whether a sum is the very one that made the total: it adds the loss again, however little is known of it now."""
    here = machine.evidence(node, "")
    return any(step.path == here.path and step.span == here.span for step in total.trace)


def _holds_loss(machine: Machine, other: Value, summand: ast.expr) -> bool:
    """Say whether a summand is another criterion's value, on some path at least, whatever it is multiplied by."""
    from lintloss.facts.expressions import evaluate

    if isinstance(other, Quantity):
        return other.is_loss or other.is_perplexity
    factors = (
        (summand.left, summand.right) if isinstance(summand, ast.BinOp) and isinstance(summand.op, ast.Mult) else ()
    )
    named = (evaluate(machine, each) for each in factors if isinstance(each, ast.Name | ast.Attribute))
    return any(isinstance(each, Quantity) and each.is_loss for value in (other, *named) for each in options(value))


def _is_nothing(machine: Machine, node: ast.expr) -> bool:
    """Say whether a summand is known to be multiplied by zero."""
    from lintloss.facts.expressions import evaluate

    factors = (node.left, node.right) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) else ()
    named = [each for each in factors if isinstance(each, ast.Name | ast.Attribute | ast.Constant)]
    return any(evaluate(machine, each) in (Const(0), Const(0.0)) for each in named)


def scaled(quantity: Quantity) -> Quantity:
    """Remember that a loss was multiplied by a factor, as terms are."""
    if quantity.scoring is None:
        return quantity
    return replace(quantity, scoring=replace(quantity.scoring, scaled=True))


def cooled(machine: Machine, node: ast.AST, value: Tensor | ModelOutput, by: Value) -> Tensor:
    """Return logits / t: the same logits, which remember that t is called a temperature."""
    logits = value.logits if isinstance(value, ModelOutput) else value
    divisor = _divisor(node)
    number = _number(logits, divisor)
    is_told = divisor is not None and (number or TEMPERATURE.search(ast.unparse(divisor)))
    if divisor is None or not is_told or by in (Const(1), Const(1.0)) or _is_contrastive(machine.frame.module.code):
        return logits
    if "temperatures" in ast.unparse(divisor):  # one of each: the best is looked for
        return logits
    if phases.is_of_policy(machine.frames[0].module.code):  # it samples at that temperature
        return logits
    said = f"divided by a temperature of {number} here" if number else "divided by a temperature here"
    return logits.with_step(machine.evidence(node, said))


def _divisor(node: ast.AST) -> ast.expr | None:
    """Return t of `logits / t`, `logits /= t` and of `logits = logits / t`, which is read as the one before."""
    if isinstance(node, ast.AugAssign):
        return node.value
    value = node.value if isinstance(node, ast.Assign) else node
    return value.right if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div) else None


def _number(logits: Tensor, divisor: ast.expr | None) -> str:
    """Return the number by which the logits of a library's language model are divided: they are what was trained."""
    if not isinstance(divisor, ast.Constant) or not isinstance(divisor.value, float) or divisor.value == 1.0:
        return ""
    known = logits.form == "logits" and models.shifts_labels(logits.model)
    return str(divisor.value) if known and 0.1 <= divisor.value <= 3.0 else ""


def _summand(node: ast.AST, *, is_right: bool) -> ast.expr | None:
    if isinstance(node, ast.AugAssign):
        return node.value if is_right else node.target
    value = node.value if isinstance(node, ast.Assign | ast.Expr) else node
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "add_":
        return value.args[0] if is_right else value.func.value
    if not isinstance(value, ast.BinOp):
        return None
    return value.right if is_right else value.left


def _is_scaled(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)


def _product(machine: Machine, summand: ast.expr, *, of_total: bool) -> ast.BinOp | None:
    """Return what a summand's name was bound to, in the running function, where that is a number or a share times another.

    Of what is bound anew, the last binding before: `aux = x.mean()`, then `aux = 0.1 * aux`. A total may have another
    batch's loss added to it, times its rows; to one criterion's number, whatever is called no mask is a weighed one.
    """
    if not isinstance(summand, ast.Name):
        return None
    bound = [each for each in _bindings(machine.frame.node).get(summand.id, ()) if each.lineno < summand.lineno]
    made = bound[-1].value if bound else None
    if not isinstance(made, ast.BinOp) or not isinstance(made.op, ast.Mult):
        return None
    return made if any(_weighs(each, of_total=of_total) for each in (made.left, made.right)) else None


@lru_cache(maxsize=256)
def _bindings(function: ast.AST) -> dict[str, list[ast.Assign]]:
    """Return the assignments of a function by the one name that each binds, in their order."""
    found: dict[str, list[ast.Assign]] = {}
    for each in sorted((node for node in walk(function) if isinstance(node, ast.Assign)), key=lambda it: it.lineno):
        if len(each.targets) == 1 and isinstance(each.targets[0], ast.Name):
            found.setdefault(each.targets[0].id, []).append(each)
    return found


def _weighs(factor: ast.expr, *, of_total: bool) -> bool:
    """Say whether a factor is a number, or is called the weight of something: a mask is none."""
    if isinstance(factor, ast.Constant):
        return isinstance(factor.value, float)
    named = factor.attr if isinstance(factor, ast.Attribute) else factor.id if isinstance(factor, ast.Name) else ""
    if of_total:
        return SHARE.search(named) is not None
    return bool(named) and MASK.search(named) is None


def _is_optional(machine: Machine, loss: Quantity) -> bool:
    """Say whether the sum is under a condition that is not known, one that was asked after the loss was scored."""
    scored = loss.scoring.place if loss.scoring is not None else None
    path, first = machine.frame.module.path, getattr(machine.frame.node, "lineno", 1)
    last = getattr(machine.frame.node, "end_lineno", math.inf)  # of a module: wherever it is
    if scored is not None and scored.path == path and first <= scored.span.row <= last:
        first = max(first, scored.span.row)
    return any(place.path == path and place.span.row > first for _, place, _ in machine.guards)


@lru_cache(maxsize=64)
def _is_contrastive(text: str) -> bool:
    """Say whether a file scores similarities, which a temperature belongs to."""
    return re.search(r"contrast|info_?nce|similarit|\bclip\b|cosine", text, re.IGNORECASE) is not None
