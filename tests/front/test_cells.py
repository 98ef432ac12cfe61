"""A notebook is one module of its code cells; IPython's own syntax goes, rows and columns stay."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest

from lintloss.parse import Module, UnparsableError, parse


def notebook(*sources: str | list[str], language: str = "python", kinds: str = "") -> bytes:
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown" if kinds[index : index + 1] == "m" else "code", "source": source, "metadata": {}}
        for index, source in enumerate(sources)
    ]
    return json.dumps({"cells": cells, "metadata": {"kernelspec": {"language": language}}, "nbformat": 4}).encode()


def read(*sources: str | list[str], **options: str) -> Module:
    return parse(notebook(*sources, **options), "n.ipynb")


def test_code_cells_are_joined_and_rows_find_their_cell() -> None:
    module = read("# title", ["a = 1\n", "b = 2"], "text", "c = 3\n", kinds="m.m.")
    assert module.text == "a = 1\nb = 2\nc = 3\n\n"
    assert [(cell.index, cell.first_row, cell.rows) for cell in module.cells] == [(1, 1, 2), (3, 3, 2)]
    found = module.cell_of(3)
    assert found is not None and found.index == 3


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("%matplotlib inline\nx = 1", ["pass", "x = 1"]),
        ("!pip install torch\nx = 1", ["pass", "x = 1"]),
        ("!pip install a \\\n  b \\\n  c\nx = 1", ["pass", "", "", "x = 1"]),
        ("if x:\n    !ls\ny = 1", ["if x:", "    pass", "y = 1"]),
        ("model?\nx = 1", ["pass", "x = 1"]),
        ("?model\nx = 1", ["pass", "x = 1"]),
        ("torch.nn??\nx = 1", ["pass", "x = 1"]),
        ("files = !ls *.py\nx = 1", ["files = None", "x = 1"]),
        ("out = %time f()\nx = 1", ["out = None", "x = 1"]),
        ("%%time\nx = 1", ["", "x = 1"]),
        ("\n%%capture out\nx = 1", ["", "", "x = 1"]),
        ("%%bash\nls -l\nrm x", ["", "", ""]),
        ("%%writefile a.py\nnot python (", ["", ""]),
        ("pip install torch\nx = 1", ["pass", "x = 1"]),
        ("cd data\nx = 1", ["pass", "x = 1"]),
        ('print "loss", x\nx = 1', ['print("loss", x)', "x = 1"]),
        ("for x in y:\n    print x,  # done", ["for x in y:", "    print(x,)  # done"]),
        ("pip = 1\nprint (x)\nls = [pip]", ["pip = 1", "print (x)", "ls = [pip]"]),
        ("x = (a\n% b)", ["x = (a", "% b)"]),
        ("s = '''\n%d\n!\n'''", ["s = '''", "%d", "!", "'''"]),
    ],
)
def test_magics_are_blanked_row_by_row(source: str, kept: list[str]) -> None:
    module = read(source)
    assert not module.broken
    assert module.text.split("\n")[: len(kept)] == kept


def test_a_broken_cell_is_named_and_the_others_are_read() -> None:
    module = read("x = 1", "def f(:", "y = f(2)")
    assert [(broken.cell, broken.row) for broken in module.broken] == [(1, 1)]
    assert [type(node).__name__ for node in module.tree.body] == ["Assign", "Assign"]
    assert module.span_of(module.tree.body[1])[0] == 3


@pytest.mark.parametrize(
    ("source", "idle"),
    [("1024 * 4 * x = 100000", True), ("the next epoch: try a smaller rate", True), ("loss = total /", False)],
)
def test_a_broken_cell_is_idle_where_no_evaluation_code_is_missed(source: str, idle: bool) -> None:
    assert [broken.idle for broken in read("loss = 1", source).broken] == [idle]


def test_top_level_await_is_python_here() -> None:
    assert isinstance(read("x = await f()").tree, ast.Module)


def test_a_notebook_of_another_language_has_no_code() -> None:
    assert read("loss <- 1", language="R").tree.body == []


def test_format_three_has_worksheets() -> None:
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1\n", "y = 2"]}]}], "nbformat": 3}
    assert len(parse(json.dumps(old).encode(), "n.ipynb").tree.body) == 2


def test_surrogates_and_carriage_returns_in_json() -> None:
    module = parse(b'{"cells": [{"cell_type": "code", "source": "x = \\"\\ud83d\\ude42\\"\\r\\ny = 1"}]}', "n.ipynb")
    assert module.lines[:2] == ('x = "🙂"', "y = 1")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a notebook"),
        (b"{", "not a notebook"),
        (b"[]", "no object"),
        (b'{"cells": 1}', "no list"),
        (b"\xff{}", "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_notebook_says_why(data: bytes, says: str) -> None:
    with pytest.raises(UnparsableError) as caught:
        parse(data, "n.ipynb")
    assert says in caught.value.broken.message


def test_a_cell_that_is_indented_as_a_whole_keeps_its_rows_and_columns() -> None:
    module = read("import math", "  # the score\n  for ids in rows:\n      total = 1\n  print(total)", "x = (")
    printed = next(each for each in ast.walk(module.tree) if isinstance(each, ast.Call))
    cell = module.cells[1]
    assert (cell.index, printed.lineno - cell.first_row, printed.col_offset) == (1, 3, 2)
    assert [(each.cell, each.row) for each in module.broken] == [(2, 1)]


def test_a_row_that_does_not_fit_an_indented_cell_is_named_by_its_row() -> None:
    module = read("  total = 1\n print(total)")
    assert [(each.cell, each.row) for each in module.broken] == [(0, 2)]
