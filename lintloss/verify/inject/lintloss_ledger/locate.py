"""Stage: the span of a finding -> the ast node whose value is recorded, and the scopes and loops around it."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from .plan import Target

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Module


@dataclass(frozen=True)
class Position:
    """Rows from 1, columns in UTF-8 bytes from 0: what ast uses."""

    row: int
    column: int
    end_row: int
    end_column: int


class Tree:
    """A module with parents, and the search for what a span means."""

    def __init__(self, tree: ast.Module, text: str) -> None:
        self.root = tree
        self._lines = text.splitlines(keepends=True)
        self.parents: dict[ast.AST, ast.AST] = {}
        self._expressions: list[ast.expr] = []
        self._statements: list[ast.stmt] = []
        for node in ast.walk(tree):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
            if isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                self._expressions.append(node)
            elif isinstance(node, ast.stmt):
                self._statements.append(node)

    def position(self, target: Target) -> Position:
        row, column, end_row, end_column = target.span
        return Position(row, self._bytes(row, column), end_row, self._bytes(end_row, end_column))

    def _bytes(self, row: int, column: int) -> int:
        line = self._lines[row - 1] if 0 < row <= len(self._lines) else ""
        return len(line[: column - 1].encode())

    def find(self, target: Target) -> ast.expr | ast.stmt | None:
        """The expression with exactly this span, else one with this text, else the statement that starts there."""
        wanted = self.position(target)
        exact = [node for node in self._expressions if _place(node) == wanted]
        if exact:
            return exact[0]
        statements = [node for node in self._statements if _place(node) == wanted]
        return statements[0] if statements else self._by_text(wanted) or self._around(wanted)

    def _by_text(self, wanted: Position) -> ast.expr | None:
        """Inside an f-string, positions are wrong before Python 3.12: the text on the line decides."""
        if wanted.row != wanted.end_row or wanted.row > len(self._lines):
            return None
        piece = self._lines[wanted.row - 1].encode()[wanted.column : wanted.end_column].decode(errors="replace")
        try:
            text = ast.unparse(ast.parse(piece.strip(), mode="eval"))
        except (SyntaxError, ValueError):
            return None
        near = [node for node in self._expressions if node.lineno <= wanted.row <= (node.end_lineno or node.lineno)]
        return next((node for node in near if ast.unparse(node) == text), None)

    def _around(self, wanted: Position) -> ast.expr | ast.stmt | None:
        """The smallest expression that holds the span, else the innermost statement that does."""
        start, end = (wanted.row, wanted.column), (wanted.end_row, wanted.end_column)
        groups: tuple[list[ast.expr] | list[ast.stmt], ...] = (self._expressions, self._statements)
        for nodes in groups:
            holding: list[ast.expr | ast.stmt] = [node for node in nodes if _start(node) <= start and end <= _end(node)]
            if holding:
                return min(holding, key=lambda node: (_end(node)[0] - node.lineno, _end(node)[1] - node.col_offset))
        return None

    def scope(self, node: ast.AST) -> Scope:
        """The function (or the module) whose call this node's value belongs to."""
        walk: ast.AST | None = node
        while walk is not None:
            if isinstance(walk, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)):
                return walk
            walk = self.parents.get(walk)
        return self.root

    def loops(self, node: ast.AST) -> list[ast.For | ast.AsyncFor | ast.While]:
        """Loops around a node within its scope, the innermost first."""
        found: list[ast.For | ast.AsyncFor | ast.While] = []
        walk = self.parents.get(node)
        while walk is not None and not isinstance(walk, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if isinstance(walk, (ast.For, ast.AsyncFor, ast.While)):
                found.append(walk)
            walk = self.parents.get(walk)
        return found


def _start(node: ast.expr | ast.stmt) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.expr | ast.stmt) -> tuple[int, int]:
    return node.end_lineno or node.lineno, node.end_col_offset or node.col_offset


def _place(node: ast.expr | ast.stmt) -> Position:
    return Position(*_start(node), *_end(node))
