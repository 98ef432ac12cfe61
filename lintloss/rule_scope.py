"""Stage: the source rows of one suspicious scope -> its LibCST tree, the node at a span, and minimal text edits.

Only the scope's rows are parsed (LibCST reads 19,000 rows a second where `ast` reads 200,000). A block keeps its
indentation under a one-line header and nothing is dedented, so columns stay true; rows differ by a constant.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Sequence

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from lintloss.findings import Edit, Span

LONGEST = 2000  # rows; about 30 MB of tree. Above it there is a finding without a fix.


class RuleScope:
    """The LibCST tree of the rows `rows` of a file, and edits of it in the file's own coordinates."""

    def __init__(
        self, lines: Sequence[str], rows: tuple[int, int], newline: str = "\n", module: ast.Module | None = None
    ) -> None:
        """Parse the scope.

        Args:
            lines: all rows of the file, without their ends.
            rows: first and last row of the scope, from 1.
            newline: how the file's rows end.
            module: the tree of the whole file, for what it imports.
        Raises: cst.ParserSyntaxError: the rows are no whole statements.
        """
        first, last = max(rows[0], 1), min(rows[1], len(lines))
        self.rows = (first, last)
        self.newline = newline
        self.module = module
        self._source = tuple(lines[first - 1 : last])
        indented = next((line[:1] in " \t" for line in self._source if line.strip()), False)
        header = ("if 1:",) if indented else ()
        self._offset = first - 1 - len(header)  # row in the file = row in the tree + offset
        self._wrapper = MetadataWrapper(
            cst.parse_module(newline.join((*header, *self._source)) + newline), unsafe_skip_copy=True
        )
        self.tree = self._wrapper.module
        self._positions = self._wrapper.resolve(PositionProvider)
        self._nodes = {_key(found): node for node, found in self._outermost_last()}

    def _outermost_last(self) -> list[tuple[cst.CSTNode, CodeRange]]:
        """Of the nodes at one span (an expression, its statement, its line) the innermost expression is kept."""
        pairs = [(node, found) for node, found in self._positions.items() if isinstance(found, CodeRange)]
        return sorted(pairs, key=lambda pair: isinstance(pair[0], cst.BaseExpression))

    def node_at(self, span: Span) -> cst.CSTNode | None:
        """Return the node at a span of the file: an expression if there is one, else a statement."""
        offset = self._offset
        return self._nodes.get((span.row - offset, span.column - 1, span.end_row - offset, span.end_column - 1))

    def span_of(self, node: cst.CSTNode) -> Span:
        """Return where a node of the tree stands in the file."""
        found = self._positions[node]
        start, end, offset = found.start, found.end, self._offset
        return Span(start.line + offset, start.column + 1, end.line + offset, end.column + 1)

    def code(self, node: cst.CSTNode) -> str:
        return self.tree.code_for_node(node)

    def replace(self, old: cst.CSTNode, new: cst.CSTNode | str) -> Edit:
        """Return the edit that puts `new` in the place of a node of the tree."""
        return Edit(self.span_of(old), new if isinstance(new, str) else self.code(new).strip())

    def insert_above(self, row: int, code: str) -> Edit:
        """Return the edit that puts a row of code above `row` of the file, with that row's indentation."""
        line = self._source[row - self.rows[0]]
        indent = line[: len(line) - len(line.lstrip())]
        text = "".join(f"{indent}{each}{self.newline}" for each in code.split("\n"))
        return Edit(Span(row, 1, row, 1), text)

    def insert_below(self, row: int, code: str, *, like: int | None = None) -> Edit:
        """Return the edit that puts a row of code below `row` of the file, indented as row `like` (or `row`) is."""
        line = self._source[(like or row) - self.rows[0]]
        indent = line[: len(line) - len(line.lstrip())]
        end = len(self._source[row - self.rows[0]]) + 1
        return Edit(Span(row, end, row, end), "".join(f"{self.newline}{indent}{each}" for each in code.split("\n")))

    def changed(self, new: cst.Module) -> tuple[Edit, ...]:
        """Return what differs between the tree and `new`, a changed copy of it, as edits of whole rows."""
        before = self.tree.code.split(self.newline)
        after = new.code.split(self.newline)
        matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
        return tuple(
            self._rows_edit(first, last, after[start:end])
            for tag, first, last, start, end in matcher.get_opcodes()
            if tag != "equal"
        )

    def _rows_edit(self, first: int, last: int, rows: list[str]) -> Edit:
        span = Span(first + 1 + self._offset, 1, last + 1 + self._offset, 1)
        return Edit(span, "".join(row + self.newline for row in rows))


def _key(found: CodeRange) -> tuple[int, int, int, int]:
    return found.start.line, found.start.column, found.end.line, found.end.column
