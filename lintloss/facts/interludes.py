"""Interludes: a loop that evaluates inside of the loop that trains, every so many steps, and adds up in the same total."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from lintloss.facts.loops import Loop
from lintloss.patterns import regex

SWITCHED = regex(r"\.eval\(\)|\.train\((mode=)?False\)")
TURNS_OFF = regex(r"[\w.]+\.(eval\(\)|train\((mode=)?False\))")
TURNS_ON = regex(r"[\w.]+\.train\((True)?\)")
LEARNS = regex(r"\.backward\(|\.step\(|autograd\.grad\(")
SCORES = regex(r"loss|nll|\+=|append\(", re.IGNORECASE)
UNRECORDED = regex(r"no_grad|inference_mode|set_grad_enabled\(False\)")


def is_one(loops: Sequence[Loop]) -> bool:
    """Say whether the innermost of these loops trains nothing, and is one of an evaluation: nothing is recorded in it,
    or the model was switched before it, in the same branch of the loop that trains.
    """
    inner = loops[-1] if loops else None
    if inner is None or inner.trains or inner.may_train or inner.statement is None:
        return False
    around = [loop.statement for loop in loops[:-1] if loop.trains and loop.statement is not None]
    return bool(around) and _evaluates(around[-1], inner.statement)


def around(outer: ast.stmt, row: int) -> ast.If | None:
    """Return the branch of a loop that trains in which a row stands between eval() and train(), and nothing goes back.

    `if step % every == 0: model.eval(); …; model.train()`.
    """
    branches = (each for each in ast.walk(outer) if isinstance(each, ast.If))
    return next((each for each in branches if _is_between(each.body, row)), None)


def _is_between(block: list[ast.stmt], row: int) -> bool:
    begin = next((i for i, each in enumerate(block) if each.lineno < row and _is_call(each, TURNS_OFF)), None)
    if begin is None:
        return False
    after = block[begin + 1 :]
    end = next((i for i, each in enumerate(after) if _is_call(each, TURNS_ON)), None)
    inside = after[:end] if end is not None else []
    held = any(each.lineno <= row <= (each.end_lineno or row) for each in inside)
    return held and not any(LEARNS.search(ast.unparse(each)) for each in inside)


def _is_call(statement: ast.stmt, switch: re.Pattern[str]) -> bool:
    return isinstance(statement, ast.Expr) and switch.fullmatch(ast.unparse(statement)) is not None


def own(loops: tuple[Loop, ...]) -> tuple[Loop, ...]:
    """Leave out the loops that train around one that evaluates: a total that was made before them is started anew."""
    last = max((index for index, loop in enumerate(loops) if loop.trains), default=-1)
    return loops[last + 1 :] if last >= 0 and is_one(loops) else loops


@lru_cache(maxsize=256)
def _evaluates(outer: ast.stmt, inner: ast.stmt) -> bool:
    path = list(_path(outer, inner))
    if not path:
        return False
    inside = [each for each in ast.walk(inner) if isinstance(each, ast.With) and SCORES.search(ast.unparse(each))]
    around = [each for _, each in path if isinstance(each, ast.With)]
    if any(UNRECORDED.search(ast.unparse(item)) for each in (*inside, *around) for item in each.items):
        return True
    before = "\n".join(ast.unparse(each) for block, stop in path for each in block[: block.index(stop)])
    switched = [found.start() for found in SWITCHED.finditer(before)]
    return bool(switched) and not before[switched[-1] :].count(".train()")


def _path(outer: ast.stmt, inner: ast.stmt) -> Iterator[tuple[list[ast.stmt], ast.stmt]]:
    """Yield the blocks that lead from one statement to another inside of it, each with the statement that leads on."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(outer, name, [])
        for each in block if isinstance(block, list) else []:
            if each is inner:
                yield block, each
                return
            if isinstance(each, ast.stmt) and each.lineno <= inner.lineno <= (each.end_lineno or 0):
                further = list(_path(each, inner))
                if further:
                    yield block, each
                    yield from further
                return
