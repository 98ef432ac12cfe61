"""Liveness: is a binding read before it is bound anew? pyflakes knows names that are never read; this knows single bindings.

Blocks are followed in order, loops once around. What cannot be told counts as a read: a dead value is a claim.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from functools import lru_cache

READ, KILL, PASS = "read", "kill", "pass"
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
Owner = ast.FunctionDef | ast.AsyncFunctionDef | ast.Module


def is_dead(owner: ast.AST, target: ast.Name) -> bool:
    """Say whether what `target` binds in the function or module `owner` is never read."""
    if not isinstance(owner, Owner) or _escapes(owner, target.id):
        return False
    if isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef) and target.id in unused_names(owner):
        return True
    chain = _blocks_around(owner, target)
    return chain is not None and not _is_read_after(chain, target)


@lru_cache(maxsize=64)
def unused_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str]:
    """Return the local names of a function that pyflakes finds bound and never read."""
    from pyflakes.checker import Checker  # type: ignore[import-untyped]  # pyflakes ships no types
    from pyflakes.messages import UnusedVariable  # type: ignore[import-untyped]  # pyflakes ships no types

    found = Checker(ast.Module([function], []), filename="").messages
    return frozenset(str(each.message_args[0]) for each in found if isinstance(each, UnusedVariable))


def _escapes(owner: Owner, name: str) -> bool:
    """Say whether a name is read from outside the statements of its own scope."""
    for node in ast.walk(owner):
        if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            return True
        if isinstance(node, ast.Name) and node.id in {"locals", "vars", "globals", "exec", "eval"}:
            return True
        if node is not owner and isinstance(node, SCOPES) and _reads(node, name):
            return True
    return False


def _reads(node: ast.AST, name: str) -> bool:
    """Say whether the name is read anywhere in a node; `n += 1` alone reads nothing that matters."""
    return any(
        isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Load | ast.Del)
        for each in ast.walk(node)
    )


Block = tuple[ast.AST, Sequence[ast.stmt], int]  # the statement that owns the block, the block, the index in it


def _blocks_around(owner: ast.AST, target: ast.Name) -> list[Block] | None:
    """Return the blocks that hold a binding, innermost first."""
    for parent, block in _blocks(owner):
        for index, statement in enumerate(block):
            if not any(each is target for each in ast.walk(statement)):
                continue
            inner = _blocks_around(statement, target) if any(True for _ in _blocks(statement)) else None
            return [*(inner or []), (parent, block, index)]
    return None


def _blocks(node: ast.AST) -> Iterable[tuple[ast.AST, Sequence[ast.stmt]]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list) and block:
            yield node, block
    for handler in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield handler, handler.body


def _is_read_after(chain: list[Block], target: ast.Name) -> bool:
    name = target.id
    for parent, block, index in chain:
        effect = _sequence(block[index + 1 :], name)
        if effect == PASS and isinstance(parent, ast.For | ast.AsyncFor | ast.While):
            if isinstance(parent, ast.While) and _reads(parent.test, name):
                return True
            around = _sequence(block[: index + 1], name)  # the next pass of the loop
            effect = READ if around == READ else PASS
        if effect != PASS:
            return effect == READ
    return False


def _sequence(block: Sequence[ast.stmt], name: str) -> str:
    for statement in block:
        effect = _effect(statement, name)
        if effect != PASS:
            return effect
    return PASS


def _effect(node: ast.stmt, name: str) -> str:
    """Say what a statement does to the value of a name: reads it, replaces it, or neither."""
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
        return READ if _reads(node.value, name) else PASS
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return _assigned(node, name)
    if isinstance(node, ast.If):
        return _both(node, name)
    if isinstance(node, ast.For | ast.AsyncFor | ast.While):
        head = node.iter if isinstance(node, ast.For | ast.AsyncFor) else node.test
        return (
            READ if _reads(head, name) or READ in (_sequence(node.body, name), _sequence(node.orelse, name)) else PASS
        )
    if isinstance(node, ast.With | ast.AsyncWith):
        return READ if any(_reads(item, name) for item in node.items) else _sequence(node.body, name)
    if isinstance(node, ast.Try):
        parts = [
            _sequence(part, name) for part in (node.orelse, node.finalbody, *(each.body for each in node.handlers))
        ]
        first = _sequence(node.body, name)
        return first if first != PASS or READ not in parts else READ
    return READ if _reads(node, name) else PASS


def _assigned(node: ast.Assign | ast.AnnAssign, name: str) -> str:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    binds = any(isinstance(target, ast.Name) and target.id == name for target in targets)
    value = node.value
    if value is not None and _reads(value, name):
        return PASS if binds and _only_grows(value, name) else READ
    if any(_reads(target, name) for target in targets):
        return READ
    return KILL if binds and value is not None else PASS


def _only_grows(value: ast.expr, name: str) -> bool:
    """Say whether `n = n + x` does no more than count."""
    return (
        isinstance(value, ast.BinOp)
        and isinstance(value.left, ast.Name)
        and value.left.id == name
        and not _reads(value.right, name)
    )


def _both(node: ast.If, name: str) -> str:
    if _reads(node.test, name):
        return READ
    parts = (_sequence(node.body, name), _sequence(node.orelse, name))
    if READ in parts:
        return READ
    return KILL if parts == (KILL, KILL) else PASS


def stays_empty(owner: ast.AST, target: ast.Name) -> bool:
    """Say whether a counter is set to 0, never set again, and divides something."""
    if not isinstance(owner, Owner) or _escapes(owner, target.id):
        return False
    name = target.id
    stores = [
        each
        for each in ast.walk(owner)
        if isinstance(each, ast.Name) and each.id == name and not isinstance(each.ctx, ast.Load)
    ]
    divides = any(
        isinstance(each, ast.BinOp) and isinstance(each.op, ast.Div) and _reads(each.right, name)
        for each in ast.walk(owner)
    )
    return stores == [target] and divides
