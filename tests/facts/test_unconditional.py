"""What a block runs each time, behind many choices: each statement is read once, however many ways lead to it."""

from __future__ import annotations

import ast
from itertools import chain

from lintloss.facts.unconditional import Course

CHOICE = """\
match width:
    case 0:
        return quick()
    case 1:
        first()
    case 2:
        second()
    case _:
        third()
"""


def _calls(code: str) -> list[str]:
    """Return the calls that code is sure to run, each test open."""

    def visit(node: ast.AST) -> list[str]:
        return [ast.unparse(node.func)] if isinstance(node, ast.Call) else []

    return Course(lambda test: None, visit).of_block(ast.parse(code).body)


def test_many_choices_in_a_row_are_read_once_each() -> None:
    """Read with each of the ways that lead to it, what stands last would be read 3 ** 60 times."""
    found = _calls(CHOICE * 60 + "last()\n")
    assert found == ["quick", "first", "second", "third"] * 60 + ["last"]


def test_choices_in_choices_are_read_once_each() -> None:
    levels = [f"{'    ' * depth}if a{depth}:\n{'    ' * depth}    pass\n{'    ' * depth}else:\n" for depth in range(40)]
    found = _calls("".join(chain(levels, [f"{'    ' * 40}return inner()\n"])) + "last()\n")
    assert found == []


def test_what_stands_behind_an_arm_that_goes_on_counts_for_it() -> None:
    assert _calls("if a:\n    return early()\nlast()\n") == ["early", "last"]
    assert _calls("if a:\n    return\nlast()\n") == []
    assert _calls("if a:\n    raise ValueError\nlast()\n") == ["last"]
    assert _calls("if a:\n    return early()\nelif b:\n    raise ValueError\nlast()\n") == ["early", "last"]
