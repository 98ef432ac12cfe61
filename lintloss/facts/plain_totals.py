"""Plain totals: functions that add up losses as plain numbers over batches, and return or print them, whatever they are called.

Nothing is trained by a number, so that such a function evaluates, if it takes no step and asks for no gradient.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from lintloss.facts import bindings
from lintloss.facts.callers import text_of
from lintloss.facts.caps import Function, parameters
from lintloss.facts.survey import called_name
from lintloss.patterns import regex

LOADED = regex(r"load|data|batch(?!_?size)|\bdl\b|_dl\b|iter", re.IGNORECASE)
PLAIN = regex(r"\.item\(\)|float\(")
SWITCHES = regex(r"no_grad|inference_mode|set_grad_enabled|training=False|train\(False\)")
# What may take a step, in whatever words, or be for a gradient: far more than `training_steps.STEPS`, for it only silences.
MAY_STEP = regex(
    r"backward|\bstep|update|optim|train|grad|learn|scaler|closure|attack|perturb|generate|sample", re.IGNORECASE
)
SHOWS = frozenset({"print", "append", "float", "isnan", "isinf", "isfinite", "info", "debug", "write", "set_postfix"})
PIECES = frozenset({"split", "chunk"})  # of a tensor that holds all rows
TRAINS = regex(r"train|(?<![a-z])tr_", re.IGNORECASE)


@lru_cache(maxsize=512)
def is_all(function: ast.AST, loop: ast.AST | None) -> bool:
    """Say whether all that a function returns, or prints if it returns nothing, is what one of its loops over batches adds
    up as plain numbers.
    """
    if not isinstance(function, Function) or not isinstance(loop, ast.For) or bindings.is_generator(function):
        return False
    if MAY_STEP.search(SWITCHES.sub("", text_of(function))) or not _runs_over_batches(function, loop):
        return False
    known = {
        each.target.id
        for each in ast.walk(loop)
        if isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name) and isinstance(each.op, ast.Add)
    }
    if not any(_adds_number(each) for each in ast.walk(loop)) or _hands_on_a_loss(loop):
        return False
    returned = [each for each in bindings.returns(function) if each is not None]
    known |= _made_of(function, known)
    if not returned:
        return _prints(function, loop, known)
    return all(_reads(each) <= known and _reads(each) for each in returned)


def _prints(function: Function, loop: ast.For, known: set[str]) -> bool:
    """Say whether behind a loop, what is known is printed, beside no more than what the function was given."""
    behind = [each for each in function.body if each.lineno > (loop.end_lineno or loop.lineno)]
    shown = [
        _reads(each.value) for each in behind if isinstance(each, ast.Expr) and _called(each.value) in {"print", "info"}
    ]
    beside = known | set(parameters(function))
    return any(each & known for each in shown) and all(each <= beside for each in shown)


def _called(node: ast.expr) -> str:
    return called_name(node.func) if isinstance(node, ast.Call) else ""


def _runs_over_batches(function: Function, loop: ast.For) -> bool:
    source: ast.expr = loop.iter
    while isinstance(source, ast.Call) and source.args and not isinstance(source.func, ast.Attribute):
        source = source.args[0]
    text = text_of(source)
    pieces = isinstance(source, ast.Call) and called_name(source.func) in PIECES
    rows = (
        source.func.value
        if pieces and isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute)
        else source
    )
    given = isinstance(rows, ast.Name) and rows.id in parameters(function)
    return not TRAINS.search(text) and (given or LOADED.search(text) is not None)


def _adds_number(node: ast.AST) -> bool:
    return isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and bool(PLAIN.search(text_of(node.value)))


def _hands_on_a_loss(loop: ast.For) -> bool:
    """Say whether something else is given the loss before it becomes a number: `improve(net, loss)` may train."""
    calls = [each for each in ast.walk(loop) if isinstance(each, ast.Call)]
    numbers = (each.func.value for each in calls if isinstance(each.func, ast.Attribute) and each.func.attr == "item")
    losses = {each.id for each in numbers if isinstance(each, ast.Name)}
    given = ((each, [*each.args, *(one.value for one in each.keywords)]) for each in calls)
    return any(
        isinstance(one, ast.Name) and one.id in losses and called_name(call.func) not in SHOWS
        for call, arguments in given
        for one in arguments
    )


def _made_of(function: Function, known: set[str]) -> set[str]:
    """Return the names that are bound to nothing but what is known: `mean = total / count`."""
    found: set[str] = set()
    for name, bound in bindings.of(function).items():
        values = [each.value for each in bound if each.value is not None and not isinstance(each.value, ast.Constant)]
        if values and all(_reads(each) and _reads(each) <= known | found for each in values):
            found.add(name)
    return found


def _reads(node: ast.AST) -> set[str]:
    """Return the names in an expression but for those that are called, `math.exp(…)`, what divides, and `len(loader)`."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Call):
        if text_of(node.func) == "len":
            return set()
        return set().union(*(_reads(each) for each in (*node.args, *(one.value for one in node.keywords))))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.FloorDiv):
        return _reads(node.left)  # what divides a number is one as well
    return set().union(*(_reads(each) for each in ast.iter_child_nodes(node)))
