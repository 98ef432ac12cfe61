"""Whatever paths and messages hold, each format's own reader gets it back: parsers here are written apart from ours."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintloss.findings import Confidence, Evidence, Finding, Severity, Span
from lintloss.report import FORMATS, Run, load
from lintloss.report.github import SHOWN_PER_LEVEL
from lintloss.report.places import as_uri, repository_path

NASTY = "%\r\n:,;|`<>&\"'[](){}\\#* \t\x00\x1b\x85\u2028é損🎉\u0301"
TEXTS = st.text(st.sampled_from(NASTY) | st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
PATHS = st.text(st.sampled_from("ab/.%:, é損#?\n\\`|") | st.characters(exclude_categories=["Cs"]), min_size=1).map(
    lambda name: "d/" + name.replace("\0", "_").strip("/.") + ".py"
)
SPAN = Span(2, 3, 2, 7)
RUN = Run(sources=lambda path: "first\n  損失 = 1\n")


def finding(path: str = "a.py", message: str = "wrong", severity: Severity = Severity.ERROR) -> Finding:
    link = Evidence(path, SPAN, message)
    return Finding(path, "LL101", "batch-averaged-loss", SPAN, message, severity, Confidence.HIGH, evidence=(link,))


def read_command(line: str) -> tuple[str, dict[str, str], str]:
    """Read a workflow command as GitHub's runner documents it: unescape data, and `:` and `,` in properties too."""
    found = re.fullmatch(r"::(\w+) ([^\n]*?)::(.*)", line)
    assert found, line
    properties = dict(pair.split("=", 1) for pair in found[2].split(","))

    def unescape(text: str, *, is_property: bool) -> str:
        also = {"%3A": ":", "%2C": ","} if is_property else {}
        table = {"%25": "%", "%0D": "\r", "%0A": "\n", **also}
        return re.sub("%25|%0D|%0A|%3A|%2C", lambda code: table.get(code[0], code[0]), text)

    values = {name: unescape(value, is_property=True) for name, value in properties.items()}
    return found[1], values, unescape(found[3], is_property=False)


@given(path=PATHS, message=TEXTS)
def test_github_reads_back_path_and_message(path: str, message: str) -> None:
    output = load("github").render([finding(path, message)], RUN)
    level, properties, data = read_command(output.split("\n")[0])
    assert level == "error"
    assert properties["file"] == path
    assert data.startswith(message + "\n")
    assert properties["title"] == "lintloss LL101"


@given(path=PATHS, message=TEXTS)
def test_github_prints_no_second_command_for_one_finding(path: str, message: str) -> None:
    lines = load("github").render([finding(path, message)], RUN).split("\n")
    assert [line for line in lines if line.lstrip().startswith("::")] == lines[:1]
    assert not any("##[" in line for line in lines[1:])


@given(path=PATHS, message=TEXTS)
def test_concise_is_one_line_without_controls(path: str, message: str) -> None:
    output = load("concise").render([finding(path, message)], RUN)
    assert output.endswith("\n")
    assert len(output.splitlines()) == 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", output[:-1])


@given(path=PATHS, message=TEXTS)
def test_junit_is_well_formed_xml(path: str, message: str) -> None:
    root = ElementTree.fromstring(load("junit").render([finding(path, message)], RUN))
    assert len(root.findall("testsuite/testcase/failure")) == 1


@pytest.mark.parametrize("name", ["json", "gitlab", "sarif", "rdjson"])
@given(path=PATHS, message=TEXTS)
def test_json_formats_are_ascii_and_parse(name: str, path: str, message: str) -> None:
    output = load(name).render([finding(path, message)], RUN)
    assert output.isascii()
    json.loads(output)


@given(path=PATHS)
def test_sarif_uri_names_the_path(path: str) -> None:
    uri = as_uri(path)
    assert re.fullmatch(r"[A-Za-z0-9_.~/%-]+", uri)
    assert unquote(uri) == path


@given(path=PATHS, message=TEXTS)
def test_markdown_is_one_row_of_four_cells(path: str, message: str) -> None:
    output = load("markdown").render([finding(path, message)], RUN)
    (row,) = [line for line in output.split("\n") if line.startswith("| `")]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 5
    assert "<b>" not in row.replace("<br>", "")


@pytest.mark.parametrize("name", FORMATS)
@given(path=PATHS, message=TEXTS, span=st.tuples(*[st.integers(1, 9)] * 4))
def test_no_format_crashes_on_any_text_or_place(name: str, path: str, message: str, span: tuple[int, ...]) -> None:
    row, column, more_rows, more_columns = span
    odd = replace(finding(path, message), span=Span(row, column, row + more_rows - 1, column + more_columns))
    assert load(name).render([odd], replace(RUN, show_evidence=True))


@pytest.mark.parametrize("name", FORMATS)
def test_undecodable_path_does_not_crash(name: str) -> None:
    path = b"bad\xff.py".decode("utf-8", "surrogateescape")
    load(name).render([finding(path)], RUN).encode("utf-8", "backslashreplace")


def test_sarif_uri_of_an_undecodable_path_spells_its_bytes() -> None:
    assert as_uri(b"bad\xff.py".decode("utf-8", "surrogateescape")) == "bad%FF.py"


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        pytest.param("src\\my eval.py", "src/my%20eval.py", id="windows-separators"),
        pytest.param(".\\a.py", "a.py", id="windows-here"),
        pytest.param("C:\\x\\a b.py", "file:///C:/x/a%20b.py", id="windows-drive"),
    ],
)
def test_windows_path_becomes_a_relative_uri(path: str, uri: str) -> None:
    assert as_uri(repository_path(path, Run(), is_windows=True)) == uri


def test_path_is_relative_to_the_root_whatever_folder_the_run_began_in() -> None:
    run = Run(root="/repo", cwd="/repo/sub dir")
    assert repository_path("./x.py", run) == "sub dir/x.py"
    assert repository_path("../y.py", run) == "y.py"
    assert repository_path("/repo/z.py", run) == "z.py"
    assert as_uri(repository_path("../../out.py", run)) == "file:///out.py"


def test_github_leaves_columns_out_over_several_lines() -> None:
    long = replace(finding(), span=Span(1, 3, 2, 4))
    _, properties, _ = read_command(load("github").render([long], RUN).split("\n")[0])
    assert properties == {"file": "a.py", "line": "1", "endLine": "2", "title": "lintloss LL101"}


def test_github_shows_ten_of_a_level_errors_first_and_lists_all() -> None:
    levels = [Severity.NOTE] * 3 + [Severity.WARNING] * 12 + [Severity.ERROR] * 11
    findings = [finding(f"f{index}.py", severity=level) for index, level in enumerate(levels)]
    lines = load("github").render(findings, RUN).splitlines()
    commands = [read_command(line)[0] for line in lines if line.startswith("::")]
    assert commands == ["error"] * SHOWN_PER_LEVEL + ["warning"] * SHOWN_PER_LEVEL + ["notice"] * 3
    assert lines[len(commands)] == "lintloss: 26 findings, 3 without annotation"
    assert len(lines) == len(commands) + 1 + len(findings)


def test_github_path_that_looks_like_a_command_is_none() -> None:
    lines = load("github").render([finding("::error ::x.py"), finding("##[error]y.py")], RUN).splitlines()
    assert all(re.match("::error file=", line) for line in lines if line.lstrip().startswith("::"))
    assert "##[" not in lines[-1]


def test_rdjson_columns_count_bytes_of_utf8() -> None:
    place = replace(finding(), span=Span(2, 3, 2, 5))  # 損失: two code points, six bytes
    shown: Any = json.loads(load("rdjson").render([place], RUN))["diagnostics"][0]["location"]["range"]
    assert shown == {"start": {"line": 2, "column": 3}, "end": {"line": 2, "column": 9}}


def test_sarif_message_with_brackets_is_no_link() -> None:
    result = json.loads(load("sarif").render([finding(message="score x[i](y)")], RUN))["runs"][0]["results"][0]
    assert result["message"]["text"] == "score x\\[i](y)"


def test_markdown_stays_below_the_size_of_a_summary_page() -> None:
    findings = [finding(message="é" * 1000)] * 2000
    output = load("markdown").render(findings, RUN)
    assert len(output.encode()) < 1024 * 1024
    assert "further findings left out" in output
