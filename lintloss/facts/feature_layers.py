"""Layers of features: a network read two pictures, and a distance is taken layer by layer. What is averaged is one loss."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings
from lintloss.facts.library.tables import REGRESSIONS
from lintloss.facts.observations import Averaging
from lintloss.facts.survey import called_name, walk


def are_averaged(seen: Averaging) -> bool:
    """Say whether distances are averaged over what one function made of two inputs: `zip(layers(x), layers(y))`."""
    scoring = seen.before.scoring
    if scoring is None or scoring.criterion not in REGRESSIONS or not seen.loops:
        return False
    loop = seen.loops[-1]
    if loop.unit != "step" or not isinstance(loop.statement, ast.For) or loop.function is None:
        return False
    made = [_made(loop.function, each, loop.statement.lineno) for each in _sides(loop.statement)]
    calls = [each for each in made if isinstance(each, ast.Call)]
    functions, given = {ast.unparse(each.func) for each in calls}, {ast.unparse(each) for each in calls}
    return len(made) == len(calls) == 2 and len(functions) == 1 and len(given) == 2


def _sides(statement: ast.For) -> Iterator[ast.expr]:
    """Yield what a loop runs over side by side: the arguments of a zip(), or what its number is an index of."""
    header = statement.iter
    if isinstance(header, ast.Call) and called_name(header.func) == "enumerate" and header.args:
        header = header.args[0]
    if isinstance(header, ast.Call) and called_name(header.func) == "zip":
        yield from header.args
    elif (
        isinstance(header, ast.Call) and called_name(header.func) == "range" and isinstance(statement.target, ast.Name)
    ):
        number, told = statement.target.id, set[str]()
        for each in (node for part in statement.body for node in walk(part) if isinstance(node, ast.Subscript)):
            at, owner = each.slice, each.value
            if isinstance(at, ast.Name) and at.id == number and isinstance(owner, ast.Name) and owner.id not in told:
                told.add(owner.id)
                yield owner


def _made(function: ast.AST, side: ast.expr, row: int) -> ast.expr | None:
    """Return the expression that made a side: itself, or what its name is bound to above the loop, once."""
    if not isinstance(side, ast.Name):
        return side
    bound = bindings.before(bindings.of(function).get(side.id, ()), side.id, row)
    if len(bound) == 1 and len(bound[0].picks) == 1 and isinstance(bound[0].value, ast.Tuple):
        at = bound[0].picks[0]  # `of_guess, of_truth = layers(guess), layers(truth)`
        items = bound[0].value.elts
        return items[at] if isinstance(at, int) and at < len(items) else None
    return bindings.only(bound)
