"""Values that nobody reads: bound to a name that is dead, or put into a dict from which nobody takes them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts.liveness import is_dead
from lintloss.facts.survey import called_name, walk


def is_kept_for_nobody(tree: ast.AST, function: ast.AST, statement: ast.stmt | None, node: ast.expr) -> bool:
    """Say whether `loss = outputs.loss` goes to a name of which nothing else is made than an entry that nobody takes."""
    target = statement.targets[0] if isinstance(statement, ast.Assign) and statement.value is node else None
    if not isinstance(target, ast.Name) or not isinstance(function, ast.FunctionDef):
        return False
    if is_dead(function, target):
        return True
    inside = [each for each in walk(function) if isinstance(each, ast.Name) and each.id == target.id]
    reads = [each for each in inside if isinstance(each.ctx, ast.Load)]
    if len(inside) != len(reads) + 1:
        return False
    entries = [_entry(function, each) for each in reads]
    return all(key is not None and _is_left(tree, function, key) for key in entries)


def takes_only(function: ast.AST, statement: ast.stmt | None, node: ast.AST, part: str) -> bool:
    """Say whether one attribute is all that is read of what a call returns: `model(**batch).logits`, or by its name."""
    if statement is None or hasattr(statement, "body"):
        return False
    taken = [each.attr for each in ast.walk(statement) if isinstance(each, ast.Attribute) and each.value is node]
    if taken:
        return taken == [part]
    target = statement.targets[0] if isinstance(statement, ast.Assign) and statement.value is node else None
    if not isinstance(target, ast.Name) or not isinstance(function, ast.FunctionDef):
        return False
    owners = {id(each.value) for each in walk(function) if isinstance(each, ast.Attribute) and each.attr == part}
    read = [each for each in walk(function) if isinstance(each, ast.Name) and each.id == target.id]
    return len(read) > 1 and all(id(each) in owners for each in read if isinstance(each.ctx, ast.Load))


def _entry(function: ast.FunctionDef, read: ast.Name) -> str | None:
    """Return the key under which a function returns what it reads: `return {"loss": loss}`."""
    returned = [each.value for each in walk(function) if isinstance(each, ast.Return)]
    if len(returned) != 1 or not isinstance(returned[0], ast.Dict):
        return None
    pairs = zip(returned[0].keys, returned[0].values, strict=True)
    return next(
        (str(key.value) for key, value in pairs if value is read and isinstance(key, ast.Constant)),
        None,
    )


def _is_left(tree: ast.AST, function: ast.FunctionDef, key: str) -> bool:
    """Say whether all callers of a function bind what it returns, and take other entries out of it, each by its name."""
    calls = [each for each in walk(tree) if isinstance(each, ast.Call) and called_name(each.func) == function.name]
    taken = [_taken(tree, each) for each in calls]
    return bool(calls) and all(keys is not None and key not in keys for keys in taken)


def _taken(tree: ast.AST, call: ast.Call) -> set[str] | None:
    """Return the entries that are taken out of what a call returns, None where it may be read in another way."""
    for scope in (each for each in walk(tree) if isinstance(each, ast.FunctionDef)):
        bound = [each for each in walk(scope) if isinstance(each, ast.Assign) and each.value is call]
        target = bound[0].targets[0] if bound else None
        if isinstance(target, ast.Name):
            keys = list(_keys(scope, target.id))
            return {key for key in keys if key is not None} if None not in keys else None
    return None


def _keys(scope: ast.FunctionDef, name: str) -> Iterator[str | None]:
    """Yield the key of each `made["key"]` in a function, None for each other mention of the name."""
    taken = {
        id(each.value): each.slice.value
        for each in walk(scope)
        if isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Load) and isinstance(each.slice, ast.Constant)
    }
    for each in walk(scope):
        if isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Load):
            yield str(taken[id(each)]) if id(each) in taken else None
