"""Columns and rows as people and tools count them: tabs, wide characters, CRLF, form feeds, notebooks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from lintloss.findings import Confidence, Finding, Severity, Span
from lintloss.lines import Offsets, split_rows
from lintloss.notebook import locate, read_cells, replace_sources
from lintloss.report import FORMATS, Run, choose, load
from lintloss.report.excerpt import Mark, excerpt


def test_rows_end_as_in_python_not_at_form_feeds() -> None:
    assert split_rows("a\x0cb\r\nc\rd\u2028e\n\nf") == ["a\x0cb\r\n", "c\r", "d\u2028e\n", "\n", "f"]


@given(st.text(st.sampled_from("ab\r\n\x0c\u2028é損")))
def test_rows_join_to_the_text_and_offsets_return(text: str) -> None:
    assert "".join(split_rows(text)) == text
    offsets = Offsets(text)
    for at in range(len(text)):
        row, column = offsets.place(at)
        assert offsets.at(row, column) == at or text[at] in "\r\n"


def underlined(text: str, span: Span, width: int = 80) -> str:
    """Return the cells of the source line above the underline."""
    lines = [line.plain for line in excerpt([text], [Mark(span)], width=width)]
    source, marks = lines[1], lines[2]
    start, end = marks.index("^"), marks.rindex("^") + 1
    cells = "".join(character + "\0" * (cell_len(character) - 1) for character in source)
    return cells[start:end].replace("\0", "")


@pytest.mark.parametrize(
    ("text", "column", "end", "seen"),
    [
        pytest.param("x = total / n", 5, 14, "total / n", id="plain"),
        pytest.param("\tx = total", 6, 11, "total", id="tab-before"),
        pytest.param("x =\ttotal", 5, 10, "total", id="tab-within"),
        pytest.param("損失 = total", 6, 11, "total", id="wide-before"),
        pytest.param("x = 損失", 5, 7, "損失", id="wide-within"),
        pytest.param("\x0cx = total", 6, 11, "total", id="form-feed"),
        pytest.param("x = '\x1b[31m' + y", 15, 16, "y", id="escape-in-the-source"),
    ],
)
def test_underline_stands_below_its_text(text: str, column: int, end: int, seen: str) -> None:
    assert underlined(text, Span(1, column, 1, end)) == seen


def test_long_row_is_cut_to_show_the_span() -> None:
    text = "x = [" + "1, " * 200 + "bad / n, " + "2, " * 200 + "]"
    at = text.index("bad") + 1
    assert underlined(text, Span(1, at, 1, at + 7), width=60) == "bad / n"
    assert all(cell_len(line.plain) <= 60 for line in excerpt([text], [Mark(Span(1, at, 1, at + 7))], width=60))


def test_long_span_leaves_its_middle_out() -> None:
    rows = [f"row {number}" for number in range(1, 40)]
    shown = [line.plain for line in excerpt(rows, [Mark(Span(5, 1, 35, 7), "here")], width=80)]
    assert len(shown) < 20
    assert any(line.startswith("..") for line in shown)
    assert shown[-3].endswith("^^^^^^ here")


def finding(path: str, span: Span, cell: int | None = None) -> Finding:
    return Finding(path, "LL101", "x", span, "m", Severity.ERROR, Confidence.HIGH, cell=cell)


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("gitlab", "markdown")])
def test_crlf_file_gives_the_same_report_as_lf(name: str) -> None:
    text = "total = 0\nfor x in y:\n    total += x\nprint(total / n)\n"
    found = [finding("a.py", Span(4, 7, 4, 16))]
    crlf = Run(sources=lambda path: text.replace("\n", "\r\n"))
    assert load(name).render(found, crlf) == load(name).render(found, Run(sources=lambda path: text))


def test_notebook_region_is_the_real_line_of_the_file(project: Any) -> None:
    rows = project.files["notes/ppl.ipynb"].split("\n")
    result = json.loads(load("sarif").render(project.findings, project.run))["runs"][0]["results"][0]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region["startLine"] == region["endLine"]
    assert rows[region["startLine"] - 1][region["startColumn"] - 1 : region["endColumn"] - 1] == "2 ** loss"


def notebook(sources: list[list[str] | str], **options: Any) -> str:
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in sources]
    return json.dumps({"cells": cells, "nbformat": 4}, **options)


@pytest.mark.parametrize("options", [{}, {"indent": 1}, {"indent": "\t", "ensure_ascii": False}], ids=str)
@pytest.mark.parametrize("as_list", [True, False], ids=["list", "string"])
def test_escapes_in_a_cell_are_stepped_over(as_list: bool, options: dict[str, Any]) -> None:
    source = 'a = "é🎉\\n\\t"\nb = total'
    raw = notebook([split_rows(source) if as_list else source], **options)
    (cell,) = read_cells(raw)
    assert cell.text == source
    spans = {"total": Span(2, 5, 2, 10), '"é🎉\\n\\t"': Span(1, 5, 1, 13)}
    for text, span in spans.items():
        region = locate(raw, cell, span)
        start, end = Offsets(raw).slice(region)
        assert json.loads(f'"{raw[start:end]}"') == text


def test_notebook_of_the_old_format_has_its_cells_in_worksheets() -> None:
    raw = json.dumps(
        {"worksheets": [{"cells": [{"cell_type": "heading", "source": "x"}]}, {"cells": [{"input": ["a"]}]}]}
    )
    assert [(cell.index, cell.text) for cell in read_cells(raw)] == [(0, "x"), (1, "a")]


SOURCES = st.lists(st.text(st.sampled_from('ab\n"\\é🎉 \t')), min_size=1, max_size=4)


@given(
    old=SOURCES, new=st.text(st.sampled_from('ab\n"\\é🎉 ')), as_list=st.booleans(), indent=st.sampled_from([None, 1])
)
def test_replaced_source_changes_its_cell_alone(old: list[str], new: str, as_list: bool, indent: int | None) -> None:
    raw = notebook([split_rows(source) if as_list else source for source in old], indent=indent, ensure_ascii=False)
    changed = replace_sources(raw, {len(old) - 1: new})
    assert [cell.text for cell in read_cells(changed)] == [*old[:-1], new]
    assert changed[: read_cells(raw)[-1].start] == raw[: read_cells(raw)[-1].start]
    assert changed[read_cells(changed)[-1].end :] == raw[read_cells(raw)[-1].end :]
    assert replace_sources(raw, dict(enumerate(old))) == raw


def test_replaced_source_is_spelled_as_jupyter_would() -> None:
    old, new = ["a = 1\n", "b = 'é'\n", "c"], ["a = 1\n", "b = 'ü'\n", "d\n", "c"]
    raw = notebook([old], indent=1, ensure_ascii=False)
    assert replace_sources(raw, {0: "".join(new)}) == notebook([new], indent=1, ensure_ascii=False)


def test_row_that_stays_keeps_its_spelling() -> None:
    raw = '{"cells": [ {"source": ["a = \\u0027\\/é\\u0027\\n" ,"b"]} ]}'
    assert replace_sources(raw, {0: "a = '/é'\nc"}) == raw.replace('"b"', '"c"')


@pytest.mark.parametrize("raw", ["", "[]", "{}", '{"cells": 1}', '{"cells": [1]}', '{"cells": [{"source": [1]}]}', "{"])
def test_what_is_no_notebook_is_a_value_error(raw: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_cells(raw)


@pytest.mark.parametrize(
    ("environ", "terminal", "name"),
    [
        pytest.param({"GITHUB_ACTIONS": "true"}, False, "github", id="github"),
        pytest.param({"GITLAB_CI": "true"}, False, "gitlab", id="gitlab"),
        pytest.param({"GITHUB_ACTIONS": "false"}, True, "full", id="a-person"),
        pytest.param({}, False, "concise", id="a-pipe"),
    ],
)
def test_format_is_chosen_for_the_place_it_runs_in(environ: dict[str, str], terminal: bool, name: str) -> None:
    assert choose(environ, is_terminal=terminal) == name


def test_blank_row_within_a_span_has_no_underline() -> None:
    shown = [line.plain for line in excerpt(["f(", "", "  a)"], [Mark(Span(1, 1, 3, 5))], width=80)]
    assert shown == ["  |", "1 | f(", "  | ^^", "2 |", "3 |   a)", "  |   ^^", "  |"]
