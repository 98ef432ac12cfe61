"""Caps as divisors: a loop ends after so many batches at most, and its total is divided by that many at any rate."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from lintloss.facts import stops
from lintloss.facts.caps import Function, assigned, parameters
from lintloss.facts.observations import Averaging
from lintloss.facts.survey import walk
from lintloss.facts.values import Quantity
from lintloss.facts.whole import unwrapped


def may_run_out(seen: Averaging, total: Quantity) -> str:
    """Say that a loader may hold fewer batches than the cap that divides; "" where it cannot, or where nobody can tell.

    A function that asks for the length of the loader where no cap is given knows that it ends.
    """
    loop = total.loops[-1] if total.loops else None
    if loop is None or not isinstance(loop.statement, ast.For) or not isinstance(loop.function, Function):
        return ""
    factors = [each.strip(" ()") for each in seen.divisor.split("*")]
    for stop in stops.of_loop(loop):
        if stop.cap in factors and stop.ahead is not None and not stops.TRIAL.search(ast.unparse(stop.test)):
            if _is_open(loop.function, stop.cap, ast.unparse(unwrapped(loop.statement.iter))):
                return f"the total is divided by `{stop.cap}`, and there may be fewer batches than that"
    return ""


@lru_cache(maxsize=256)
def _is_open(function: Function, cap: str, loader: str) -> bool:
    """Say whether a function knows the length of what it loops over, and never compares the cap with it."""
    values = assigned(function, cap)
    if cap not in parameters(function) and all(_is_length(each) for each in values):
        return False
    known = False
    for node in walk(function):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "len" and node.args:
            known = known or ast.unparse(node.args[0]).split(".")[0] == loader.split(".")[0]
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"min", "torch.min", "np.minimum"}:
            if cap in map(ast.unparse, node.args) or any(node is each for value in values for each in ast.walk(value)):
                return False
        if isinstance(node, ast.Compare) and re.search(rf"\b{re.escape(cap)}\b", ast.unparse(node)):
            if any(isinstance(each, ast.Call) for each in ast.walk(node)) or _holds_length(function, node, cap):
                return False
    return known


def _is_length(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "len"


def _holds_length(function: Function, test: ast.Compare, cap: str) -> bool:
    """Say whether one of the names that a cap is compared with was given a length."""
    names = {each.id for each in ast.walk(test) if isinstance(each, ast.Name)} - {cap}
    return any(any(_is_length(value) for value in assigned(function, name)) for name in names)
