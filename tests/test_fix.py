"""Fixes: which are applied, in which order, and that nothing else of a file changes."""

from __future__ import annotations

import codecs
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lintloss import fix
from lintloss.errors import SourceError
from lintloss.findings import Confidence, Edit, Finding, Fix, Severity, Span
from lintloss.lines import Offsets
from lintloss.notebook import read_cells


def finding(*edits: tuple[tuple[int, int, int, int], str], safe: bool = True, cell: int | None = None) -> Finding:
    made = tuple(Edit(Span(*span), content) for span, content in edits)
    span = made[0].span
    return Finding(
        "a.py", "LL101", "x", span, "m", Severity.ERROR, Confidence.HIGH, fix=Fix("f", made, safe), cell=cell
    )


def none_left(text: str) -> Sequence[Finding]:
    return ()


def test_edits_of_several_findings_are_applied_together() -> None:
    outcome = fix.apply("a.py", "a = b\nc = d\n", [finding(((2, 5, 2, 6), "D")), finding(((1, 5, 1, 6), "B\nx = 1"))])
    assert outcome.text == "a = B\nx = 1\nc = D\n"
    assert len(outcome.applied) == 2


def test_unsafe_fix_waits_for_its_flag() -> None:
    one = finding(((1, 5, 1, 6), "B"), safe=False)
    outcome = fix.apply("a.py", "a = b\n", [one])
    assert (outcome.text, outcome.applied) == ("a = b\n", ())
    assert outcome.skipped == (fix.Skipped(one, fix.UNSAFE),)
    assert fix.apply("a.py", "a = b\n", [one], unsafe=True).text == "a = B\n"


def test_of_two_that_overlap_the_first_wins_whole() -> None:
    first = finding(((1, 5, 1, 10), "x"))
    second = finding(((1, 7, 1, 8), "y"), ((2, 1, 2, 2), "z"))
    outcome = fix.apply("a.py", "a = b + c\nd\n", [second, first])
    assert outcome.text == "a = x\nd\n"
    assert outcome.skipped == (fix.Skipped(second, fix.OVERLAP),)


def test_two_insertions_at_one_place_conflict_but_equal_ones_are_shared() -> None:
    place = (1, 1, 1, 1)
    one, other, same = finding((place, "import x\n")), finding((place, "import y\n")), finding((place, "import x\n"))
    outcome = fix.apply("a.py", "a\n", [one, other, same])
    assert outcome.text == "import x\na\n"
    assert [skip.finding for skip in outcome.skipped] == [other]


def test_fix_that_breaks_the_file_is_left_out_and_the_others_stay() -> None:
    good, bad = finding(((1, 5, 1, 6), "B")), finding(((2, 5, 2, 6), "("))
    outcome = fix.apply("a.py", "a = b\nc = d\n", [good, bad])
    assert outcome.text == "a = B\nc = d\n"
    assert outcome.skipped == (fix.Skipped(bad, fix.BROKEN),)


def test_line_endings_of_the_file_are_kept() -> None:
    outcome = fix.apply("a.py", "a = b\r\nc\r\n", [finding(((1, 5, 1, 6), "B\nx = 1"))])
    assert outcome.text == "a = B\r\nx = 1\r\nc\r\n"


def test_settling_applies_what_the_second_look_finds() -> None:
    def recheck(text: str) -> Sequence[Finding]:
        return [finding(((1, 1, 1, 2), "c"))] if text.startswith("b") else []

    outcome = fix.settle("a.py", "a\n", [finding(((1, 1, 1, 2), "b"))], recheck)
    assert (outcome.text, len(outcome.applied)) == ("c\n", 2)


def test_fixes_that_never_settle_change_nothing() -> None:
    outcome = fix.settle("a.py", "a\n", [finding(((1, 1, 1, 1), "b"))], lambda text: [finding(((1, 1, 1, 1), "b"))])
    assert outcome.text == "a\n"
    assert {skip.reason for skip in outcome.skipped} == {fix.UNSETTLED}


@pytest.mark.parametrize(
    ("raw", "fixed"),
    [
        pytest.param("é = b\n".encode(), "é = B\n".encode(), id="utf-8"),
        pytest.param(codecs.BOM_UTF8 + b"\xc3\xa9 = b", codecs.BOM_UTF8 + b"\xc3\xa9 = B", id="byte-order-mark"),
        pytest.param(b"# coding: latin-1\r\n\xe9 = b\r\n", b"# coding: latin-1\r\n\xe9 = B\r\n", id="latin-1"),
        pytest.param(b"\x0cx = b\n\x0c\n", b"\x0cx = B\n\x0c\n", id="form-feeds"),
    ],
)
def test_bytes_around_the_edit_stay(raw: bytes, fixed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(raw)
    text = raw.decode("latin-1" if b"latin-1" in raw else "utf-8-sig")
    row, column = Offsets(text).place(text.index("= b") + 2)
    outcome, diff = fix.fix_file(str(path), [finding(((row, column, row, column + 1), "B"))], none_left)
    assert path.read_bytes() == fixed
    assert len(outcome.applied) == 1
    assert diff.startswith(f"--- {path}\n+++ {path}\n@@")


def test_what_the_encoding_cannot_spell_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"# coding: latin-1\nx = b\n")
    outcome, diff = fix.fix_file(str(path), [finding(((2, 5, 2, 6), "'損'"))], none_left)
    assert (path.read_bytes(), diff) == (b"# coding: latin-1\nx = b\n", "")
    assert [skip.reason for skip in outcome.skipped] == [fix.UNSPELLABLE]


def test_dry_run_gives_the_diff_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("a = b")
    _, diff = fix.fix_file(str(path), [finding(((1, 5, 1, 6), "B"))], none_left, dry_run=True)
    assert path.read_text() == "a = b"
    assert diff.splitlines()[3:] == ["-a = b", "\\ No newline at end of file", "+a = B", "\\ No newline at end of file"]


def test_symbolic_link_stays_and_its_target_is_written_with_its_mode(tmp_path: Path) -> None:
    target, link = tmp_path / "real.py", tmp_path / "sub" / "link.py"
    link.parent.mkdir()
    target.write_text("a = b\n")
    target.chmod(0o754)
    link.symlink_to("../real.py")
    fix.fix_file(str(link), [finding(((1, 5, 1, 6), "B"))], none_left)
    assert link.is_symlink()
    assert target.read_text() == "a = B\n"
    assert target.stat().st_mode & 0o777 == 0o754
    assert sorted(item.name for item in tmp_path.rglob("*")) == ["link.py", "real.py", "sub"]


def test_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("new\n")
    with pytest.raises(SourceError, match="changed while"):
        fix.write(str(path), b"old\n", b"fixed\n")
    assert path.read_text() == "new\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("a\n")
    path.chmod(0o444)
    with pytest.raises(SourceError, match="cannot be written"):
        fix.write(str(path), b"a\n", b"b\n")


def test_failed_write_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*paths: str) -> None:
        raise OSError("disk full")

    path = tmp_path / "a.py"
    path.write_text("a\n")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(SourceError, match="disk full"):
        fix.write(str(path), b"a\n", b"b\n")
    assert [item.name for item in tmp_path.iterdir()] == ["a.py"]


NOTEBOOK = {
    "nbformat": 4,
    "cells": [
        {
            "cell_type": "code",
            "source": ["%matplotlib inline\n", "y = !ls\n", "a = b\n", "c"],
            "outputs": [{"x": 1.50}],
        },
        {"source": "await f()\ne = 2", "cell_type": "code"},
    ],
    "metadata": {"b": 1, "a": "é"},
}


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_notebook_changes_in_the_source_of_the_fixed_cell_alone(indent: int | None) -> None:
    raw = json.dumps(NOTEBOOK, indent=indent, ensure_ascii=False) + "\n"
    fixes = [finding(((3, 5, 3, 6), "B"), cell=0), finding(((2, 5, 2, 6), "3"), cell=1)]
    outcome = fix.apply("a.ipynb", raw, fixes)
    assert outcome.text == raw.replace("a = b", "a = B").replace("e = 2", "e = 3")
    assert len(outcome.applied) == 2


def test_notebook_fix_that_breaks_its_cell_is_left_out() -> None:
    raw = json.dumps(NOTEBOOK)
    outcome = fix.apply("a.ipynb", raw, [finding(((3, 5, 3, 6), "("), cell=0), finding(((1, 1, 1, 2), "x"), cell=7)])
    assert outcome.text == raw
    assert sorted(skip.reason for skip in outcome.skipped) == sorted([fix.BROKEN, fix.NO_CELL])


def test_notebook_diff_names_the_cell() -> None:
    raw = json.dumps(NOTEBOOK)
    after = fix.apply("a.ipynb", raw, [finding(((2, 5, 2, 6), "3"), cell=1)]).text
    assert fix.diff("a.ipynb", raw, after).splitlines()[:2] == ["--- a.ipynb:cell 1", "+++ a.ipynb:cell 1"]


WORDS = st.sampled_from(["a", "b = 1", "f(x)", "x = [\n  1,\n]", "# c", "", "'''s\n'''"])
EDITS = st.lists(
    st.tuples(st.tuples(*[st.integers(1, 5)] * 4), st.sampled_from(["x", "(", "y\n", "", "# z\n"]), st.booleans()),
    max_size=6,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # the machine may be busy
@given(rows=st.lists(WORDS, max_size=4), wanted=EDITS, ending=st.sampled_from(["\n", "\r\n", "\r"]), nb=st.booleans())
def test_any_fixes_leave_a_file_that_parses(
    rows: list[str], wanted: list[tuple[tuple[int, ...], str, bool]], ending: str, nb: bool
) -> None:
    text = ending.join("\n".join(rows).split("\n"))
    findings = []
    for (row, column, more_rows, end), content, safe in wanted:
        last = row + more_rows - 1
        span = (row, column, last, end if last > row else column + end - 1)
        findings.append(finding((span, content), safe=safe, cell=0 if nb else None))
    raw = json.dumps({"cells": [{"cell_type": "code", "source": text}]}) if nb else text
    outcome = fix.apply("a.ipynb" if nb else "a.py", raw, findings, unsafe=True)
    assert fix.parses(read_cells(outcome.text)[0].text if nb else outcome.text)
    assert len(outcome.applied) + len(outcome.skipped) == len(findings)
