"""Steps of Keras: `fit(validation_steps=rows // batch_size)` and `evaluate(steps=…)` that count whole batches only."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings, whole
from lintloss.facts.callers import text_of
from lintloss.facts.survey import DEFINITIONS, called_name, walk
from lintloss.parse import Module

FIT = frozenset({"fit", "fit_generator"})
EVALUATE = frozenset({"evaluate", "evaluate_generator"})


def observe(module: Module) -> Iterator[tuple[ast.expr, str]]:
    """Yield the number of steps that leaves the last, partial batch out, and how it is written."""
    if "keras" not in module.code or not ("validation_steps" in module.code or "evaluate" in module.code):
        return
    for node in walk(module.tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name = called_name(node.func)
        wanted = "validation_steps" if name in FIT else "steps" if name in EVALUATE else ""
        if not wanted or "estimator" in text_of(node.func):  # tf.estimator's rows are filled up to full batches
            continue
        for each in node.keywords:
            number = _written(module, each.value) if each.arg == wanted else None
            size = _floored_by(module, number) if number is not None else None
            if number is not None and size is not None and not _is_one(module, size):
                yield each.value, text_of(number)


def _written(module: Module, value: ast.expr) -> ast.expr | None:
    """Return what a name was given, where that is one thing only."""
    if not isinstance(value, ast.Name):
        return value
    for scope in (*reversed([each for each in walk(module.tree) if _holds(each, value)]), module.tree):
        bound = bindings.of(scope).get(value.id, ())
        if bound:
            return bound[0].value if len(bound) == 1 and not bound[0].picks else None
    return None


def _holds(scope: ast.AST, node: ast.expr) -> bool:
    return isinstance(scope, DEFINITIONS) and scope.lineno <= node.lineno <= (scope.end_lineno or 0)


def _floored_by(module: Module, number: ast.expr) -> ast.expr | None:
    """Return the batch size of `rows // batch_size` or `int(rows / batch_size)`, unless the number is rounded up."""
    is_int = isinstance(number, ast.Call) and text_of(number.func) == "int" and len(number.args) == 1
    quotient = number.args[0] if isinstance(number, ast.Call) and is_int else number
    if not isinstance(quotient, ast.BinOp) or not whole.BATCH.search(text_of(quotient.right)):
        return None
    floors = isinstance(quotient.op, ast.FloorDiv) or (is_int and isinstance(quotient.op, ast.Div))
    rounds_up = whole.rounds_up(text_of(quotient.left), text_of(quotient.right))
    return quotient.right if floors and not rounds_up and not _divides(module, quotient) else None


def _is_one(module: Module, size: ast.expr) -> bool:
    """Say whether batches hold one row, so that none is partial: a name for 1, or a flow with `batch_size=1`."""
    if isinstance(size, ast.Attribute):
        made = _written(module, size.value) if isinstance(size.value, ast.Name) else None
        given = made.keywords if isinstance(made, ast.Call) else []
        return any(each.arg == "batch_size" and _number(module, each.value) == 1 for each in given)
    return _number(module, size) == 1


def _number(module: Module, node: ast.expr) -> object:
    """Return the number that is written, or that a name was given; None where it is none of these."""
    value = _written(module, node)
    return value.value if isinstance(value, ast.Constant) else None


def _divides(module: Module, quotient: ast.BinOp) -> bool:
    """Say whether nothing is left over: by the numbers, or because the code has asked for the remainder."""
    rows, size = _number(module, quotient.left), _number(module, quotient.right)
    if isinstance(rows, int) and isinstance(size, int) and size > 0:
        return rows % size == 0
    return f"{text_of(quotient.left)} % {text_of(quotient.right)}" in module.code
