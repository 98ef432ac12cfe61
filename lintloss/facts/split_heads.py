"""Split heads: held-out rows that are the first of a source, while all of the very same source is trained on.

`val = rows.take(1000)` and `train = rows`, where `rows.skip(1000)` was meant; `val = [next(rows) for …]` of a stream that
the training makes anew, from its beginning.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings
from lintloss.facts.callers import text_of
from lintloss.facts.split_names import is_evaluation
from lintloss.facts.survey import called_name, walk
from lintloss.facts.trained_whole import is_trained_on, unwrapped
from lintloss.facts.training_steps import STEPS
from lintloss.parse import Module

Found = tuple[ast.AST, str, str]
Function = ast.FunctionDef | ast.AsyncFunctionDef
RANGES = {"range", "arange"}


def observe(module: Module) -> Iterator[Found]:
    """Yield what is called held-out data and takes the first rows of what the training takes whole."""
    if STEPS.search(module.code) is None and "train" not in module.code:
        return
    scopes = (each for each in walk(module.tree) if isinstance(each, Function))
    for scope in (module.tree, *scopes):
        for name, bound in bindings.of(scope).items():
            only = bindings.only(bound)
            if only is None or not is_evaluation(name):
                continue
            source = _head(scope, only)
            if source is not None and is_trained_on(module, scope, source, only):
                yield only, name, text_of(only)[:70]


# -- the held-out rows ------------------------------------------------------------------------------------------------


def _head(scope: ast.AST, value: ast.expr) -> ast.expr | None:
    """Return what an expression takes the first rows of."""
    value = unwrapped(value)
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice):
        cut = value.slice
        begins = cut.lower is None or (isinstance(cut.lower, ast.Constant) and cut.lower.value == 0)
        ends = cut.upper is not None and cut.step is None and not _is_negative(scope, cut.upper)
        return value.value if begins and ends else None
    if isinstance(value, ast.ListComp):
        return _drawn(scope, value)
    if not isinstance(value, ast.Call) or not value.args:
        return None
    called = called_name(value.func)
    if called == "islice" and len(value.args) == 2:
        return _made(scope, value.args[0])
    if called == "Subset" and len(value.args) == 2:
        return value.args[0] if _is_first(value.args[1]) else None
    if isinstance(value.func, ast.Attribute) and len(value.args) == 1:
        first = called == "take" or (called == "select" and _is_first(value.args[0]))
        return unwrapped(value.func.value) if first else None
    return None


def _is_negative(scope: ast.AST, bound: ast.expr) -> bool:
    """Say whether a slice leaves out the last rows: `rows[:-n]`."""
    if isinstance(bound, ast.Name):
        bound = bindings.only(bindings.of(scope).get(bound.id, ())) or bound
    return isinstance(bound, ast.UnaryOp) and isinstance(bound.op, ast.USub)


def _is_first(rows: ast.expr) -> bool:
    if not isinstance(rows, ast.Call):
        return False
    rows = rows.args[0] if called_name(rows.func) == "list" and rows.args else rows
    return isinstance(rows, ast.Call) and called_name(rows.func) in RANGES and len(rows.args) == 1


def _drawn(scope: ast.AST, value: ast.ListComp) -> ast.expr | None:
    """Return the fresh stream of `[next(rows) for _ in range(n)]`."""
    drawn = value.elt
    if not isinstance(drawn, ast.Call) or called_name(drawn.func) != "next" or len(drawn.args) != 1:
        return None
    over = value.generators[0].iter
    counted = isinstance(over, ast.Call) and called_name(over.func) in RANGES
    return _made(scope, drawn.args[0]) if counted else None


def _made(scope: ast.AST, stream: ast.expr) -> ast.expr | None:
    """Return the call that makes a stream anew, by itself or under a name that is bound once."""
    if isinstance(stream, ast.Name):
        stream = bindings.only(bindings.of(scope).get(stream.id, ())) or stream
    if isinstance(stream, ast.Call) and called_name(stream.func) == "iter" and stream.args:
        return stream.args[0]
    return stream if isinstance(stream, ast.Call) else None
