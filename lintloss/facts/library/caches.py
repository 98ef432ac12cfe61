"""Caches: what `torch.load(path)` reads is what the other branch of the same function makes, and saves under that path."""

from __future__ import annotations

import ast
from functools import lru_cache

from lintloss.facts.survey import called_name

LOADS = frozenset({"load", "read_pickle"})
SAVES = frozenset({"save", "dump", "savez", "to_pickle"})


def is_filled_here(function: ast.AST, call: ast.AST) -> bool:
    """Say whether a file is read in a branch, where the function writes it with what it made otherwise."""
    return isinstance(call, ast.Call) and call in _cached(function)


@lru_cache(maxsize=256)
def _cached(function: ast.AST) -> frozenset[ast.AST]:
    """Return the calls that load what another branch of a function saves under the same name and path."""
    if not isinstance(function, ast.FunctionDef):
        return frozenset()
    inner = list(ast.walk(function))
    calls = [each for each in inner if isinstance(each, ast.Call)]
    saves = [each for each in calls if called_name(each.func) in SAVES]
    if not saves or not any(called_name(each.func) in LOADS for each in calls):
        return frozenset()
    files = _opened(inner)
    branches = [branch for each in inner if isinstance(each, ast.If | ast.Try) for branch in (each.body, _other(each))]
    return frozenset(
        load
        for branch in branches
        for load, target in _loads(branch)
        if any(
            _paths(save, files) & _paths(load, files)
            and (target == "" or target in map(ast.unparse, save.args))
            and not any(save is each for statement in branch for each in ast.walk(statement))
            for save in saves
        )
    )


def _other(node: ast.If | ast.Try) -> list[ast.stmt]:
    return node.orelse if isinstance(node, ast.If) else []


def _loads(branch: list[ast.stmt]) -> list[tuple[ast.Call, str]]:
    """Return what a branch loads into a name, or returns at once, with that name."""
    found = []
    for statement in branch:
        if isinstance(statement, ast.With):
            found += _loads(statement.body)
        value = statement.value if isinstance(statement, ast.Assign | ast.Return) else None
        if isinstance(value, ast.Call) and called_name(value.func) in LOADS:
            found.append((value, ast.unparse(statement.targets[0]) if isinstance(statement, ast.Assign) else ""))
    return found


def _opened(nodes: list[ast.AST]) -> dict[tuple[str, int], str]:
    """Return the path behind each name of an open file, by its name and the line of what uses it."""
    found: dict[tuple[str, int], str] = {}
    for node in nodes:
        if not isinstance(node, ast.With):
            continue
        for item in node.items:
            call, name = item.context_expr, item.optional_vars
            if isinstance(call, ast.Call) and called_name(call.func) == "open" and isinstance(name, ast.Name):
                path = call.args[0] if isinstance(call.func, ast.Name) and call.args else call.func
                text = ast.unparse(path.value if isinstance(path, ast.Attribute) else path)
                for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                    found[name.id, line] = text
    return found


def _paths(call: ast.Call, files: dict[tuple[str, int], str]) -> set[str]:
    """Return the paths that a call reads or writes, as they are written."""
    found = set()
    for each in call.args:
        opens = isinstance(each, ast.Call) and called_name(each.func) == "open" and each.args
        text = ast.unparse(each.args[0] if opens and isinstance(each, ast.Call) else each)
        found.add(files.get((text, call.lineno), text))
    return found
