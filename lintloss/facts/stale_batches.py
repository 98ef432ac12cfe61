"""Stale batches: a validation batch is drawn and never used, and the last training batch is scored in its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings
from lintloss.facts.callers import text_of
from lintloss.facts.split_names import is_evaluation, is_training
from lintloss.facts.survey import DEFINITIONS, walk
from lintloss.parse import Module

REACH = 12  # rows in which what was drawn has to be used
Found = tuple[ast.AST, str, str]  # where the stale batch is read, what was drawn for it, what is read


def observe(module: Module) -> Iterator[Found]:
    """Yield where a batch of the training data stands in for one that was drawn from the evaluation's."""
    if "next" not in module.code:
        return
    for scope in (module.tree, *(node for node in walk(module.tree) if isinstance(node, DEFINITIONS))):
        drawn = [(name, each) for name, bound in bindings.of(scope).items() for each in bound if _source(each.value)]
        if len(drawn) < 2:
            continue
        read = [node for node in bindings.own(scope) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
        used = {node.id for node in read}
        for name, each in drawn:
            source = _source(each.value)
            if name in used or name.startswith("_") or each.value is None or not is_evaluation(source):
                continue
            stale = {other for other, one in drawn if is_training(_source(one.value))}
            behind = (node for node in read if node.id in stale and 0 < node.lineno - each.value.lineno <= REACH)
            first = min(behind, key=lambda node: (node.lineno, node.col_offset), default=None)
            if first is not None and not _draws_again(scope, first, each.value):
                yield first, name, first.id


def _source(value: ast.expr | None) -> str:
    """Return what a batch is drawn from: `next(loader)`, `loader.__next__()`, `next(iter(loader))`."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in {"to", "cuda"}:
        value = value.func.value
    if not isinstance(value, ast.Call):
        return ""
    if isinstance(value.func, ast.Name) and value.func.id == "next" and value.args:
        return text_of(value.args[0])
    if isinstance(value.func, ast.Attribute) and value.func.attr == "__next__":
        return text_of(value.func.value)
    return ""


def _draws_again(scope: ast.AST, read: ast.Name, drawn: ast.expr) -> bool:
    """Say whether the name is bound anew between the draw and where it is read."""
    bound = bindings.of(scope).get(read.id, ())
    return any(each.value is not None and drawn.lineno <= each.value.lineno <= read.lineno for each in bound)
