"""A fingerprint is unique in a run and outlives moved lines; that is what baselines and GitLab live on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintloss import baseline
from lintloss.errors import ConfigError
from lintloss.findings import Confidence, Finding, Severity, Span
from lintloss.fingerprint import fingerprint, fingerprints
from lintloss.report import Run
from lintloss.report.places import Texts

TEXT = "a = mean / n\nb = 1\na = mean / n\n"


def finding(row: int, column: int = 5, code: str = "LL101", path: str = "a.py") -> Finding:
    return Finding(path, code, "x", Span(row, column, row, 9), "m", Severity.ERROR, Confidence.HIGH)


def marks(findings: list[Finding], text: str = TEXT) -> tuple[str, ...]:
    return Texts(Run(sources=lambda path: text)).fingerprints(findings)


def test_moved_lines_keep_their_fingerprints() -> None:
    moved = [replace(one, span=Span(one.span.row + 2, 5, one.span.row + 2, 9)) for one in [finding(1), finding(3)]]
    assert marks(moved, "import x\n\n" + TEXT) == marks([finding(1), finding(3)])


def test_reindented_line_keeps_its_fingerprint() -> None:
    assert marks([finding(1)], "    a = mean / n\n") == marks([finding(1)], "a = mean / n\n")


def test_equal_lines_differ_by_occurrence_from_the_top() -> None:
    first, second = marks([finding(3), finding(1)])
    assert first == fingerprint("LL101", "a.py", "a = mean / n", 1)
    assert second == fingerprint("LL101", "a.py", "a = mean / n", 0)


def test_windows_and_posix_agree() -> None:
    assert fingerprint("LL101", "a\\b.py", "x") == fingerprint("LL101", "a/b.py", "x")


PLACES = st.tuples(st.integers(1, 3), st.integers(1, 3), st.sampled_from(["LL101", "LL102"]), st.sampled_from("ab"))


@given(st.lists(PLACES, max_size=12))
def test_no_two_findings_share_one(places: list[tuple[int, int, str, str]]) -> None:
    found = [finding(*place) for place in places]
    named = fingerprints(found, line_of=lambda one: TEXT.split("\n")[one.span.row - 1], path_of=str)
    assert len(set(named)) == len(found)


def line_of(text: str) -> baseline.LineOf:
    return lambda one: text.split("\n")[one.span.row - 1]


def test_baseline_survives_moved_lines_and_reports_only_what_grew() -> None:
    known = baseline.load(baseline.dump([finding(1)], line_of(TEXT), str), "b.json")
    moved = "import x\n" + TEXT
    parts = baseline.split([finding(2), finding(4)], known, line_of(moved), str)
    assert parts.known == (finding(2),)
    assert parts.new == (finding(4),)
    assert parts.gone == 0


def test_baseline_counts_entries_that_are_gone() -> None:
    known = baseline.load(baseline.dump([finding(1), finding(3)], line_of(TEXT), str), "b.json")
    assert baseline.split([finding(1)], known, line_of(TEXT), str).gone == 1


def test_baseline_text_does_not_depend_on_order() -> None:
    found = [finding(1), finding(2, code="LL102"), finding(3)]
    assert baseline.dump(found, line_of(TEXT), str) == baseline.dump(found[::-1], line_of(TEXT), str)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', '{"version": 2, "findings": []}', "nonsense"])
def test_baseline_that_is_none_is_a_configuration_error(text: str) -> None:
    with pytest.raises(ConfigError, match="baseline"):
        baseline.load(text, "b.json")
