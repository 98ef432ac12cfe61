"""Positions: `ast` counts UTF-8 bytes from 0, people and tools count code points from 1."""

from __future__ import annotations

import ast

from lintloss.facts.survey import statements
from lintloss.findings import Span
from lintloss.parse import Module


class Anchor:
    """Turns nodes of one module into spans, and finds the function around a row."""

    def __init__(self, module: Module) -> None:
        self._ascii = module.text.isascii()
        self._lines = [] if self._ascii else module.text.split("\n")
        self._tree = module.tree
        self._scopes: list[tuple[int, int]] | None = None

    def span(self, node: ast.AST) -> Span:
        row = getattr(node, "lineno", 1)
        end_row = getattr(node, "end_lineno", None) or row
        column = self._column(row, getattr(node, "col_offset", 0))
        return Span(row, column, end_row, self._column(end_row, getattr(node, "end_col_offset", 0) or 0))

    def scope(self, row: int) -> tuple[int, int]:
        """Return the rows of the innermost function around `row`, or of the whole module."""
        if self._scopes is None:
            self._scopes = [
                (node.lineno, node.end_lineno or node.lineno)
                for node in statements(self._tree)
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
        around = [scope for scope in self._scopes if scope[0] <= row <= scope[1]]
        last = max((node.end_lineno or 1 for node in self._tree.body), default=1)
        return max(around, default=(1, last))

    def _column(self, row: int, offset: int) -> int:
        if self._ascii or row > len(self._lines):
            return offset + 1
        return len(self._lines[row - 1].encode("utf-8")[:offset].decode("utf-8", "ignore")) + 1
