"""Branches that exclude each other: of two places in the two arms of one `if`, a run reaches one."""

from __future__ import annotations

import ast

from lintloss.facts.survey import walk


def rows(tree: ast.AST, one: int, other: int) -> bool:
    """Say whether two rows of a file stand in different arms of one `if`."""
    for node in walk(tree) if one != other else ():
        if isinstance(node, ast.If) and node.orelse:
            arms = [_is_in(node.body, row) - _is_in(node.orelse, row) for row in (one, other)]
            if sorted(arms) == [-1, 1]:
                return True
    return False


def _is_in(block: list[ast.stmt], row: int) -> int:
    return int(block[0].lineno <= row <= (block[-1].end_lineno or 0))
