"""`--add-ignores`: the comment lands where it is a comment, works, and is one a row."""

from __future__ import annotations

import ast
import json
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lintloss import fix
from lintloss.comments import suppressions
from lintloss.findings import Confidence, Finding, Severity, Span
from lintloss.ignores import IGNORE, ignore_row, with_ignores
from lintloss.lines import split_rows
from lintloss.parse import parse_text


def finding(row: int, code: str = "LL101", cell: int | None = None, column: int = 1) -> Finding:
    span = Span(row, column, row, column + 1)
    return Finding("a.py", code, "x", span, "m", Severity.ERROR, Confidence.HIGH, cell=cell)


def ignored(text: str, *findings: Finding, reason: str = "known") -> str:
    return fix.apply("a.py", text, with_ignores("a.py", text, findings, reason)).text


@pytest.mark.parametrize(
    ("text", "row", "after"),
    [
        pytest.param("a = 1\n", 1, "a = 1  # lintloss: ignore[LL101] known\n", id="plain"),
        pytest.param("a = 1", 1, "a = 1  # lintloss: ignore[LL101] known", id="no-last-line-feed"),
        pytest.param("a = 1   \r\n", 1, "a = 1  # lintloss: ignore[LL101] known\r\n", id="trailing-space-and-crlf"),
        pytest.param("a = 1  # why\n", 1, "a = 1  # why  # lintloss: ignore[LL101] known\n", id="other-comment"),
        pytest.param(
            "a = 1  # lintloss: ignore[LL301] seen\n",
            1,
            "a = 1  # lintloss: ignore[LL301, LL101] seen\n",
            id="merged-and-the-old-reason-kept",
        ),
        pytest.param(
            "a = 1  #lintloss:ignore[LL301]  # noqa\n",
            1,
            "a = 1  # lintloss: ignore[LL301, LL101] known  # noqa\n",
            id="merged-before-another-comment",
        ),
        pytest.param(
            "f(\n  a,\n  b,\n)\n", 2, "f(\n  a,  # lintloss: ignore[LL101] known\n  b,\n)\n", id="row-of-a-statement"
        ),
        pytest.param(
            'x = """a\nb\n""" + f(\n c)\n',
            2,
            'x = """a\nb\n""" + f(  # lintloss: ignore[LL101] known\n c)\n',
            id="after-a-string-over-several-rows",
        ),
        pytest.param(
            'x = f"""a\n{b}\n"""\n', 2, 'x = f"""a\n{b}\n"""  # lintloss: ignore[LL101] known\n', id="in-an-f-string"
        ),
        pytest.param(
            "if x:\n    a = 1 + \\\n        2\n",
            2,
            "if x:\n    # lintloss: ignore[LL101] known\n    a = 1 + \\\n        2\n",
            id="above-a-continuation",
        ),
        pytest.param(
            "for x in y:\n    pass\n", 1, "for x in y:  # lintloss: ignore[LL101] known\n    pass\n", id="header"
        ),
        pytest.param("s = '# lintloss: ignore[LL301]'\n", 1, None, id="a-string-that-looks-like-one"),
        pytest.param("s = 'a\\\nb'\n", 1, "s = 'a\\\nb'  # lintloss: ignore[LL101] known\n", id="continued-string"),
    ],
)
def test_comment_stands_where_it_works(text: str, row: int, after: str | None) -> None:
    wanted = after or text.rstrip("\n") + "  # lintloss: ignore[LL101] known\n"
    assert ignored(text, finding(row)) == wanted


def test_findings_of_one_row_share_a_comment() -> None:
    text = "a = b / c\nd\n"
    after = ignored(text, finding(1, "LL301"), finding(1, "LL101", column=5), finding(2, "LL101"), reason="")
    assert after == "a = b / c  # lintloss: ignore[LL101, LL301]\nd  # lintloss: ignore[LL101]\n"


def test_adding_twice_changes_nothing_more() -> None:
    once = ignored("a = b\n", finding(1))
    assert ignored(once, finding(1)) == once


def test_reason_is_one_line() -> None:
    assert ignored("a\n", finding(1), reason="for\n now ") == "a  # lintloss: ignore[LL101] for now\n"


@pytest.mark.parametrize("code", ["LL001", "LL002", "LL003"])
def test_findings_about_the_file_get_no_comment(code: str) -> None:
    (marked,) = with_ignores("a.py", "a = 1\n", [finding(1, code)])
    assert marked.fix is None


def test_file_that_cannot_be_read_as_python_gets_no_comment() -> None:
    (marked,) = with_ignores("a.py", "x = '''\n", [finding(1)])
    assert marked.fix is None


def test_notebook_cell_with_magics() -> None:
    cells = [{"cell_type": "markdown", "source": "# x"}, {"cell_type": "code", "source": ["!ls 'x\n", "a = b"]}]
    raw = json.dumps({"cells": cells}, indent=1)
    marked = with_ignores("a.ipynb", raw, [finding(2, cell=1)], "known")
    after = fix.apply("a.ipynb", raw, marked).text
    assert after == raw.replace("a = b", "a = b  # lintloss: ignore[LL101] known")


@pytest.mark.parametrize(
    ("text", "row", "noqa_row"),
    [
        pytest.param("a = 1\n", 1, 1, id="plain"),
        pytest.param('x = """a\nb\n"""\n', 1, 3, id="string"),
        pytest.param("a = 1 + \\\n  2\n", 1, 2, id="continuation"),
        pytest.param("# only a comment\n", 1, None, id="no-statement"),
        pytest.param("x = (\n", 1, None, id="broken"),
    ],
)
def test_row_where_a_comment_works(text: str, row: int, noqa_row: int | None) -> None:
    assert ignore_row(text, finding(row)) == noqa_row


def test_pattern_reads_codes_and_reason() -> None:
    found = IGNORE.search("x  # lintloss: ignore[LL101, batch-averaged-loss] because # more")
    assert found
    assert (found["codes"], found["reason"]) == ("LL101, batch-averaged-loss", " because ")


STATEMENTS = st.sampled_from(
    [
        "a = b / c",
        "a = 1  # why",
        "a = 1  # lintloss: ignore[LL301] seen",
        "f(\n  a,\n\n  b,\n)",
        'x = """a\n# lintloss: ignore[LL101]\n""" + f(\n c)',
        'x = f"""a\n{b}\n"""; y = 2',
        "if x:\n    a = 1 + \\\n        2",
        "s = 'a\\\nb'",
        "for x in y:  # noqa: E501\n\tpass",
        "@wrap\ndef f(): return '''\n'''",
        "é = '損'  # é",
        "# a comment",
        "",
    ]
)


@given(statements=st.lists(STATEMENTS, min_size=1), at=st.randoms(), ending=st.sampled_from(["\n", "\r\n"]))
def test_comment_silences_its_finding_and_leaves_the_code_alone(
    statements: list[str], at: random.Random, ending: str
) -> None:
    text = "\n".join(statements).replace("\n", ending)
    tree = ast.parse(text)
    placed = [node for node in ast.walk(tree) if isinstance(node, ast.expr)]
    assume(placed)
    node = at.choice(placed)
    outcome = fix.apply("a.py", text, with_ignores("a.py", text, [finding(node.lineno)], "known"))
    assert len(outcome.applied) == 1
    after = parse_text(outcome.text, "a.py")
    assert ast.dump(after.tree) == ast.dump(tree)
    moved = node.lineno + len(split_rows(outcome.text)) - len(split_rows(text))
    last = moved + (node.end_lineno or node.lineno) - node.lineno
    found = suppressions(after, {"ll101": "LL101", "ll301": "LL301"})
    assert any(each.silences("LL101", _statement(after.tree, moved, last)) for each in found)


def _statement(tree: ast.Module, first: int, last: int) -> tuple[int, int]:
    """Return the rows of the smallest statement (of a compound one its header) that holds these rows."""
    rows = []
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if body and body[0].lineno > node.lineno else node.end_lineno or node.lineno
            start = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
            rows.append((start, max(end, start)))
    return min((pair for pair in rows if pair[0] <= first and last <= pair[1]), key=lambda pair: pair[1] - pair[0])
