"""Caches: what is read back from a file is what another run has made and written; the branch that makes it says what it is."""

from __future__ import annotations

import ast
from functools import lru_cache

from lintloss.facts.callers import text_of
from lintloss.patterns import regex

READS = regex(r"\b(pickle|torch|np|numpy|joblib|json|dill)\.load\(|\b(load_from_disk|read_pickle|from_pickle)\(")
WRITES = regex(r"\b(pickle|joblib|json|dill)\.dump\(|\b(torch|np|numpy)\.savez?\w*\(|\.(save_to_disk|to_pickle)\(")
# A model is no data that were prepared.
TRAINS = regex(r"state_dict|\.backward\(|\.train\(|\bfit\(|\bcheckpoint|\bckpt")


@lru_cache(maxsize=1024)
def makes(node: ast.If, function: ast.AST) -> bool | None:
    """Say which branch makes what the other one reads back, None where the two are no cache and its maker.

    Args:
        function: what the `if` stands in; a branch that returns what it reads leaves the rest of it to make it.
    """
    body, other = _text(node.body), _text(node.orelse)
    if not node.orelse:
        other = _text(_behind(node, function)) if _returns(node.body) else ""
    elif not _bound(node.body) & _bound(node.orelse):
        return None
    if not other or TRAINS.search(body) or TRAINS.search(other):
        return None
    for reading, making, taken in ((body, other, False), (other, body, True)):
        if READS.search(reading) and WRITES.search(making) and not WRITES.search(reading):
            return taken
    return None


def _text(statements: list[ast.stmt]) -> str:
    return "\n".join(map(text_of, statements))


def _bound(statements: list[ast.stmt]) -> set[str]:
    """Return the names and attributes that a branch binds."""
    nodes = (each for statement in statements for each in ast.walk(statement))
    stored = (each for each in nodes if isinstance(each, ast.Name | ast.Attribute) and isinstance(each.ctx, ast.Store))
    return {text_of(each) for each in stored}


def _returns(body: list[ast.stmt]) -> bool:
    last = body[-1]
    return _returns(last.body) if isinstance(last, ast.With) else isinstance(last, ast.Return)


def _behind(node: ast.If, function: ast.AST) -> list[ast.stmt]:
    """Return the statements that follow an `if` in the body of its function."""
    body: list[ast.stmt] = getattr(function, "body", [])
    return body[body.index(node) + 1 :] if node in body else []
