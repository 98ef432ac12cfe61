"""Reports to files, and the count by rule."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lintloss.errors import UsageError
from lintloss.report import load, statistics
from lintloss.report.outputs import read_target, write_report


def test_target_is_format_and_path() -> None:
    assert read_target("sarif=out dir/a=b.sarif") == ("sarif", "out dir/a=b.sarif")


@pytest.mark.parametrize("option", ["sarif", "sarif=", "nope=x", "=x", ""])
def test_target_without_format_or_file_is_a_usage_error(option: str) -> None:
    with pytest.raises(UsageError):
        read_target(option)


def test_unknown_format_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="one of full, concise, json"):
        load("xml")


def test_report_file_is_utf_8_whatever_the_path_of_a_finding_is(project: Any, tmp_path: Path) -> None:
    odd = [*project.findings, replace(project.findings[0], path="bad\udcff.py")]
    for name in ("concise", "full", "junit", "sarif"):
        write_report(name, str(tmp_path / name), odd, project.run)
        assert "\r" not in (tmp_path / name).read_bytes().decode("utf-8")
    assert len(json.loads((tmp_path / "sarif").read_text("utf-8"))["runs"][0]["results"]) == 5


def test_report_that_cannot_be_written_is_a_usage_error(project: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_report("json", str(tmp_path / "file" / "x.json"), project.findings, project.run)


def test_statistics_count_by_rule_the_most_frequent_first(project: Any) -> None:
    assert statistics.render([*project.findings, project.findings[1]]) == (
        "2 LL101 batch-averaged-loss [2 fixable]\n1 LL201 non-cross-entropy-criterion\n1 LL501 wrong-base [1 fixable]\n"
    )


def test_statistics_of_nothing_are_nothing() -> None:
    assert statistics.render([]) == ""
