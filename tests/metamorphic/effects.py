"""What a simple statement reads and writes, where that can be told from its text."""

from __future__ import annotations

import ast
from dataclasses import dataclass

# methods of tensors and numbers that change nothing
PURE_METHODS = frozenset(
    {"item", "sum", "mean", "numel", "size", "ne", "eq", "view", "reshape"}
    | {"contiguous", "float", "long", "cpu", "flatten"}
)
PURE_FUNCTIONS = frozenset({"len", "int", "float", "max", "min"})


@dataclass(frozen=True, slots=True)
class Effects:
    """Names (and attributes, by their text) that a statement reads and writes."""

    reads: frozenset[str]
    writes: frozenset[str]

    def commutes_with(self, other: Effects) -> bool:
        return not (self.writes & (other.reads | other.writes) or other.writes & (self.reads | self.writes))


def effects_of(text: str) -> Effects | None:
    """The effects of one statement, or None where it may do more than assign a pure expression."""
    (statement,) = ast.parse(text).body
    if not isinstance(statement, ast.Assign | ast.AugAssign) or statement.value is None:
        return None
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    names = [name for target in targets for name in _flat(target)]
    if not all(isinstance(name, ast.Name | ast.Attribute) for name in names) or not _is_pure(statement.value):
        return None
    reads = {spelled for node in ast.walk(statement.value) for spelled in _spelled(node)}
    writes = {ast.unparse(name) for name in names}
    return Effects(frozenset(reads | (writes if isinstance(statement, ast.AugAssign) else set())), frozenset(writes))


def _flat(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        return [name for element in target.elts for name in _flat(element)]
    return [target]


def _spelled(node: ast.AST) -> set[str]:
    return {ast.unparse(node)} if isinstance(node, ast.Name | ast.Attribute) else set()


def _is_pure(value: ast.expr) -> bool:
    for node in ast.walk(value):
        if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
            return False
        if isinstance(node, ast.Call) and not _is_pure_call(node):
            return False
    return True


def _is_pure_call(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name):
        return call.func.id in PURE_FUNCTIONS
    return isinstance(call.func, ast.Attribute) and call.func.attr in PURE_METHODS
