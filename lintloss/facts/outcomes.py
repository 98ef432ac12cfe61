"""Outcomes: what becomes of a forward pass's value in the functions around it: measured, used for something, or dropped.

What is looked at for its shape alone, or runs for its effect (a trace, a warm-up, a look at the layers), evaluates nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from lintloss.facts import bindings
from lintloss.facts.callers import text_of
from lintloss.facts.forwards import Forward
from lintloss.facts.library.tables import CRITERION_NAME
from lintloss.facts.measuring import code_of
from lintloss.facts.regions import MEASURES, Region
from lintloss.facts.survey import called_name
from lintloss.patterns import regex

KEEPS = regex(r"^(append|extend|insert|add\w*|update\w*|put)$")
WRITES = regex(r"^(im)?(write|save|dump)\w*$")
SCORES = regex(rf"{CRITERION_NAME.pattern}|entropy|nll", re.IGNORECASE)
FORM = frozenset({"shape", "size", "ndim", "dim", "dtype", "device", "numel"})  # of a tensor, not what is in it
EXPORTS = regex(r"\bjit\.|\bonnx\.|\bexport\(|to_onnx\(")  # an example for the tracer
SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return, ast.Assert, ast.Delete)


def is_used(forward: Forward, region: Region) -> bool:
    """Say whether the value of a forward pass is read for more than its shape, here or by who is returned it."""
    for index in range(len(forward.scenes) - 1, region.index - 1, -1):
        scene = forward.scenes[index]
        statement = scene.statement
        if isinstance(statement, ast.Return):
            continue
        if isinstance(statement, ast.Expr):
            is_own = index < len(forward.scenes) - 1 or statement.value is not forward.node
            return is_own or _leaves_something(scene.node, forward.node)
        if not isinstance(statement, ast.Assign) or not all(isinstance(each, ast.Name) for each in _targets(statement)):
            return True
        names = {each.id for each in _targets(statement) if isinstance(each, ast.Name)}
        reads = [each for each in _reads(scene.node, frozenset(names)) if _is_behind(scene.node, statement, each)]
        if reads != [each for each in reads if isinstance(each, ast.Return)]:
            return True
        if not reads:
            return False
    return True


def is_measured(scene: ast.AST, statement: ast.stmt | None, *, in_loop: bool) -> bool:
    """Say whether what a statement of a function computes, or what is made of it there, ends in a loss or a metric.

    In a loop it may be added up, kept or written down for one.
    """
    if not isinstance(statement, SIMPLE):
        return True
    computed = getattr(statement, "value", None) or statement
    if MEASURES.search(code_of(computed)):
        return True
    made = list(_made_of(scene, statement))
    told = (each.test if isinstance(each, ast.Assert) else each for each in made[1:])
    return any(MEASURES.search(code_of(each)) for each in told) or (in_loop and any(map(_keeps, made)))


def is_scored(scene: ast.AST, statement: ast.stmt | None) -> bool:
    """Say whether a criterion takes what a statement of a function computes, or what is made of it there."""
    if not isinstance(statement, SIMPLE):
        return False
    parts = (part for each in _made_of(scene, statement) for part in ast.walk(each) if isinstance(part, ast.Call))
    return any(len(each.args) + len(each.keywords) > 1 and SCORES.search(called_name(each.func)) for each in parts)


def _keeps(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(call, ast.Call):
        name = called_name(call.func)
        return WRITES.match(name) is not None or (isinstance(call.func, ast.Attribute) and bool(KEEPS.match(name)))
    stored = statement.targets if isinstance(statement, ast.Assign) else []
    return isinstance(statement, ast.AugAssign | ast.Return) or any(isinstance(each, ast.Subscript) for each in stored)


def _leaves_something(scope: ast.AST, call: ast.Call) -> bool:
    """Say whether a module that is run for its effect is asked for what it has left behind: `model(x); model.loss`."""
    owner = text_of(call.func).removesuffix(".forward") + "."
    return any(
        isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Load) and MEASURES.search(each.attr)
        for each in ast.walk(scope)
        if text_of(each).startswith(owner)
    )


def _targets(statement: ast.Assign) -> list[ast.expr]:
    found: list[ast.expr] = []
    waiting: list[ast.expr] = list(statement.targets)
    while waiting:
        each = waiting.pop()
        waiting += each.elts if isinstance(each, ast.Tuple | ast.List) else []
        found += [] if isinstance(each, ast.Tuple | ast.List) else [each]
    return [each.value if isinstance(each, ast.Starred) else each for each in found]


@lru_cache(maxsize=256)
def _reads(scope: ast.AST, names: frozenset[str]) -> tuple[ast.AST, ...]:
    """List the statements and expressions that read names for what is in them."""
    found: list[ast.AST] = []
    stack: list[ast.AST] = [scope]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Attribute) and node.attr in FORM and isinstance(node.value, ast.Name):
            continue
        if isinstance(node, ast.Call) and called_name(node.func) in {"len", "type"}:
            continue
        if isinstance(node, ast.Return) and any(_is_read(each, names) for each in ast.walk(node)):
            found.append(node)
            continue
        if _is_read(node, names):
            found.append(node)
        stack.extend(ast.iter_child_nodes(node))
    return tuple(found)


def _is_behind(scope: ast.AST, statement: ast.stmt, node: ast.AST) -> bool:
    """Say whether a node may run after a statement: below it, or in the same loop."""
    row, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
    around = (each for each in bindings.own(scope) if isinstance(each, ast.For | ast.AsyncFor | ast.While))
    holding = (each for each in around if each.lineno <= statement.lineno <= (each.end_lineno or 0))
    end = (statement.end_lineno or statement.lineno, statement.end_col_offset or 0)
    return (row, column) >= end or any(each.lineno <= row for each in holding)


def _is_read(node: ast.AST, names: frozenset[str]) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names


def _made_of(scope: ast.AST, statement: ast.stmt) -> Iterator[ast.stmt]:
    """Yield a statement, and those that read what it computes, or what they compute in their turn."""
    simple = [each for each in bindings.own(scope) if isinstance(each, SIMPLE) and not EXPORTS.search(text_of(each))]
    names: set[str] = set()
    waiting = [statement]
    done: set[int] = set()
    while waiting:
        each = waiting.pop()
        done.add(id(each))
        yield each
        names |= _gives(each)
        waiting += [one for one in simple if id(one) not in done and _words(one) & names]
        done |= {id(one) for one in waiting}


def _gives(statement: ast.stmt) -> set[str]:
    """Return the names that a statement gives a value to; of `outputs.append(x)` the list."""
    stored = (each for each in ast.walk(statement) if isinstance(each, ast.Name | ast.Attribute | ast.Subscript))
    found = {text_of(_base(each)) for each in stored if isinstance(each.ctx, ast.Store)}
    call = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and KEEPS.match(call.func.attr):
        found.add(text_of(_base(call.func.value)))
    return found


def _base(node: ast.expr) -> ast.expr:
    return _base(node.value) if isinstance(node, ast.Subscript) else node


@lru_cache(maxsize=4096)
def _words(statement: ast.stmt) -> frozenset[str]:
    """Return the names and attributes that a statement reads."""
    nodes = (each for each in ast.walk(statement) if isinstance(each, ast.Name | ast.Attribute))
    return frozenset(text_of(each) for each in nodes if isinstance(each.ctx, ast.Load))
