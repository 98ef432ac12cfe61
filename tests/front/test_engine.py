"""The path of one file, with a stand-in for the interpreter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lintloss.engine import Engine, load_module
from lintloss.errors import InternalError, SourceError
from lintloss.facts import Project
from lintloss.findings import Edit, Severity, Span
from lintloss.judge import Bench
from lintloss.registry import choose, entries, known
from lintloss.result import Result
from lintloss.screen import NO_LOSS_WORD

pytestmark = pytest.mark.usefixtures("stand_in")


def engine(*select: str, off: frozenset[str] = frozenset()) -> Engine:
    rules = entries()
    bench = Bench(rules, choose(rules, select=select))
    project = Project(load_module)
    return Engine(bench, known(rules), lambda: project, lambda path: off)


def check(text: str | bytes, path: str = "a.py", *select: str, **options: bool) -> Result:
    data = text.encode() if isinstance(text, str) else text
    return engine(*select).check_bytes(path, data, **options)


def codes(result: Result) -> list[tuple[str, int]]:
    return [(finding.code, finding.span.row) for finding in result.findings]


def test_an_observation_becomes_a_finding_with_its_fix() -> None:
    result = check("loss = 1\nmean = 'é', total / count\n")
    (finding,) = result.findings
    assert (finding.code, finding.name, finding.severity) == ("AC101", "total-by-count", Severity.WARNING)
    assert finding.span == Span(2, 13, 2, 26)
    assert finding.message == "`total` is divided by `count`"
    assert finding.evidence[0].message == "divided here"
    assert finding.fix is not None and finding.fix.edits == (Edit(Span(2, 21, 2, 26), "tokens"),)


def test_a_file_without_a_loss_word_is_screened_out_with_the_reason() -> None:
    assert check("mean = total / count\n").screened == NO_LOSS_WORD
    assert check("mean = total / count\n", always_parse=True).screened == NO_LOSS_WORD


def test_a_broken_file_is_found_without_a_loss_word_only_if_it_is_parsed() -> None:
    assert check("def f(:\n").screened == NO_LOSS_WORD
    assert codes(check("def f(:\n", always_parse=True)) == [("LL001", 1)]
    assert codes(check("loss = (:\n")) == [("LL001", 1)]


@pytest.mark.parametrize("data", [b"x = 1\n\0", b"x = 1\ny = '\xe9'\n"], ids=["null byte", "latin-1"])
def test_bytes_that_are_no_text_are_reported_whatever_the_screen_says(data: bytes) -> None:
    assert codes(check(data)) == [("LL001", 2)]


def test_latin_1_with_its_coding_line_is_read() -> None:
    result = check(b"# coding: latin-1\nloss = '\xe9', total / count\n")
    assert [finding.span for finding in result.findings] == [Span(2, 13, 2, 26)]


def test_comments_silence_and_are_counted() -> None:
    result = check("loss = total / count  # lintloss: ignore[AC101] exact\n")
    assert result.findings == ()
    assert [finding.code for finding in result.suppressed] == ["AC101"]


def test_a_suppression_on_any_row_of_the_statement() -> None:
    assert codes(check("loss = (\n    total / count\n)  # lintloss: ignore[total-by-count] x\n")) == []


def test_a_comment_that_silences_nothing_is_reported_with_a_safe_fix() -> None:
    result = check("loss = 1  # lintloss: ignore[AC101] old\n")
    (finding,) = result.findings
    assert (finding.code, finding.fix and finding.fix.safe) == ("LL002", True)


def test_an_unselected_rule_leaves_its_suppressions_alone() -> None:
    assert codes(check("loss = 1  # lintloss: ignore[AC101] old\n", "a.py", "LL002", "LL001")) == []


def test_ll002_itself_can_be_ignored() -> None:
    assert codes(check("loss = 1  # lintloss: ignore[AC101, LL002] both\n")) == []


def test_a_suppression_without_a_reason_only_where_asked_for() -> None:
    text = "loss = total / count  # lintloss: ignore[AC101]\n"
    assert codes(check(text)) == []
    assert codes(check(text, "a.py", "AC101", "LL003")) == [("LL003", 1)]
    assert codes(check(text.replace("]\n", "] exact\n"), "a.py", "LL003", "AC101")) == []


def test_rules_that_are_off_run_only_when_they_are_named() -> None:
    assert codes(check("loss = total / count\n")) == [("AC101", 1)]
    assert codes(check("loss = total / count\n", "a.py", "AC")) == [("AC101", 1)]
    assert codes(check("loss = total / count\n", "a.py", "AC102")) == [("AC102", 1)]


def test_per_file_ignores_leave_out_the_finding_but_not_its_suppression() -> None:
    result = engine(off=frozenset({"AC101"})).check_bytes(
        "a.py", b"loss = total / count  # lintloss: ignore[AC101] x\n"
    )
    assert codes(result) == []


def test_a_crash_of_a_rule_is_an_internal_error_and_the_rest_is_found() -> None:
    result = check("loss = total / explode\nmean = total / count\n")
    assert codes(result) == [("AC101", 2)]
    (error,) = result.errors
    assert isinstance(error, InternalError)
    assert "rule AC101" in str(error) and "a.py" in str(error) and "report it" in str(error)


def test_a_crash_of_a_fix_leaves_the_finding() -> None:
    result = check("loss = total / count_broken_fix\n")
    assert codes(result) == [("AC101", 1)]
    assert "the fix of rule AC101" in str(result.errors[0])


def test_a_crash_of_the_interpreter_is_an_internal_error_and_proves_no_suppression_idle() -> None:
    result = check("loss = Crash\nx = 1  # lintloss: ignore[AC101] x\n")
    assert codes(result) == []
    assert "the interpreter failed with RuntimeError" in str(result.errors[0])


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.py").mkdir()
    result = engine().check(str(tmp_path / "x.py"))
    assert [type(error) for error in result.errors] == [SourceError]


def test_a_file_that_may_not_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    result = engine().check("secret.py")
    assert str(result.errors[0]) == "secret.py: cannot be read: Permission denied"


def test_crlf_file_keeps_true_positions() -> None:
    (finding,) = check("import x\r\n\r\nloss = total / count\r\n").findings
    assert finding.span == Span(3, 8, 3, 21)
    assert finding.fix is not None and finding.fix.edits == (Edit(Span(3, 16, 3, 21), "tokens"),)


def notebook(*sources: str) -> str:
    cells = [{"cell_type": "code", "source": source, "metadata": {}, "outputs": []} for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_findings_of_a_notebook_count_rows_in_their_cell() -> None:
    result = check(notebook("%pip install x\nloss = 1", "# é\nx = total / count"), "n.ipynb")
    (finding,) = result.findings
    assert (finding.cell, finding.span, finding.statement_rows) == (1, Span(2, 5, 2, 18), (2, 2))
    assert (finding.evidence[0].cell, finding.evidence[0].span.row) == (1, 2)
    assert finding.fix is not None and finding.fix.edits[0].span == Span(2, 13, 2, 18)


def test_a_broken_cell_does_not_hide_the_others() -> None:
    result = check(notebook("loss = (", "x = total / count"), "n.ipynb")
    assert [(finding.code, finding.cell, finding.span.row) for finding in result.findings] == [
        ("LL001", 0, 1),
        ("AC101", 1, 1),
    ]


def test_a_broken_cell_without_evaluation_code_is_a_note() -> None:
    result = check(notebook("loss = 1", "half a thought"), "n.ipynb")
    assert [(finding.code, finding.severity) for finding in result.findings] == [("LL001", Severity.NOTE)]


def test_suppressions_work_in_cells() -> None:
    result = check(notebook("loss = 1", "x = total / count  # lintloss: ignore[AC101] exact"), "n.ipynb")
    assert codes(result) == []


def test_what_is_no_notebook_is_a_finding() -> None:
    assert codes(check("{loss", "n.ipynb")) == [("LL001", 1)]


def test_a_deeply_nested_expression_is_followed_or_named_but_never_fatal() -> None:
    deep = "loss = " + " + ".join(["a"] * 3000) + "\ny = total / count\n"
    result = check(deep)
    assert codes(result) in ([("AC101", 2)], [("LL001", 1)]) or result.errors


def test_a_scope_longer_than_the_cap_has_a_finding_all_the_same() -> None:
    result = check("loss = total / count\n" + "x = 1\n" * 3000)
    assert codes(result) == [("AC101", 1)]
    assert result.findings[0].fix is not None
