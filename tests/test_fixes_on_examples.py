"""What every fix must keep to, on each Bad example and each fixture project: nothing of a fix is taken on trust.

Which rules can fix is read off the rules: one that defines `fix`, or whose observations bring their own repair.
"""

from __future__ import annotations

import codecs
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from lintloss.command.options import Options
from lintloss.command.session import Session
from lintloss.findings import Finding, Severity
from lintloss.fix import apply, parses
from lintloss.notebook import is_notebook
from lintloss.report.rule_page import has_fix, page
from lintloss.rule import Bad, Rule
from lintloss.source_text import decode
from tests import examples

FIXTURES = Path(__file__).parents[1] / "fixtures"
Count = Counter[tuple[str, str]]


def _case(rule: type[Rule], example: Bad) -> object:
    return pytest.param(rule, example, id=f"{rule.code}-{example.why}")


RULES = list(examples.rules())
FIXING = [_case(rule, bad) for rule in RULES if has_fix(rule) for bad in rule.bad if not bad.miss]
PROJECTS = sorted(path for folder in ("projects", "runtime") for path in (FIXTURES / folder).iterdir())


def findings_in(folder: Path, also: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Check a folder with all its rules, notes included: a fix may not even trade a warning for a note of its own."""
    with examples.chdir(folder):
        session = Session(Options(isolated=True, no_cache=True, extend_select=tuple(also), jobs=1))
        swept = session.sweep(session.discover().sources)
    assert not swept.errors, swept.errors
    return swept.findings


def count(findings: Iterable[Finding]) -> Count:
    return Counter((each.path, each.code) for each in findings if each.severity > Severity.NOTE)


def apply_one(folder: Path, finding: Finding) -> str:
    """Apply the fix of one finding in the folder and return the file's new text."""
    path = folder / finding.path
    source = decode(finding.path, path.read_bytes())
    outcome = apply(finding.path, source.text, [finding], unsafe=True)
    assert outcome.applied, f"not applied: {[skip.reason for skip in outcome.skipped]}"
    path.write_bytes(source.encode(outcome.text))
    return outcome.text


def fix_all(folder: Path, also: Iterable[str] = ()) -> None:
    from lintloss.__main__ import run

    extra = [f"--extend-select={code}" for code in also]
    with examples.chdir(folder):
        code = run(
            ["check", "--isolated", "--no-cache", "--quiet", "--fix", "--unsafe-fixes", "--exit-zero", *extra, "."]
        )
    assert code == 0


def texts(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.py")}


def each_fix_is_sound(folder: Path, tmp_path: Path, also: Iterable[str] = ()) -> int:
    """Try the fixes of a folder one at a time, each on a fresh copy; return how many there are."""
    before = findings_in(folder, also)
    fixable = [finding for finding in before if finding.fix]
    for number, finding in enumerate(fixable):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(folder, copy)
        text = apply_one(copy, finding)
        assert is_notebook(finding.path) or parses(text), finding
        left = findings_in(copy, also)
        place = (finding.path, finding.code)
        assert count(left)[place] < count(before)[place] or finding.severity is Severity.NOTE, f"still there: {finding}"
        assert not count(left) - count(before), f"new: {count(left) - count(before)}"
    return len(fixable)


@pytest.mark.parametrize(("rule", "example"), FIXING)
def test_each_fix_removes_its_finding_and_brings_no_other(rule: type[Rule], example: Bad, tmp_path: Path) -> None:
    folder = examples.materialize(example, tmp_path / "example")
    found = each_fix_is_sound(folder, tmp_path, () if rule.enabled else (rule.code,))
    assert found or example.fixed is None or example.unfixed, "the example promises a fix and none is offered"


@pytest.mark.parametrize(("rule", "example"), FIXING)
def test_all_fixes_settle_and_a_second_run_changes_nothing(rule: type[Rule], example: Bad, tmp_path: Path) -> None:
    also = () if rule.enabled else (rule.code,)
    folder = examples.materialize(example, tmp_path / "example")
    before = count(findings_in(folder, also))
    fix_all(folder, also)
    once = texts(folder)
    left = findings_in(folder, also)
    assert not [finding for finding in left if finding.fix], "a fix is left that was not applied"
    assert not count(left) - before
    fix_all(folder, also)
    assert texts(folder) == once


@pytest.mark.parametrize(("rule", "example"), FIXING)
def test_line_endings_and_byte_order_mark_stay(rule: type[Rule], example: Bad, tmp_path: Path) -> None:
    also = () if rule.enabled else (rule.code,)
    plain = examples.materialize(example, tmp_path / "plain")
    other = examples.materialize(example, tmp_path / "other")
    for name, raw in texts(other).items():
        (other / name).write_bytes(codecs.BOM_UTF8 + raw.replace(b"\n", b"\r\n"))
    fix_all(plain, also)
    fix_all(other, also)
    as_if = {name: codecs.BOM_UTF8 + raw.replace(b"\n", b"\r\n") for name, raw in texts(plain).items()}
    assert texts(other) == as_if


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_fixes_in_the_fixtures_are_sound(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    if project.is_dir():
        shutil.copytree(project, folder)
    else:
        folder.mkdir()
        shutil.copy2(project, folder)
    if not each_fix_is_sound(folder, tmp_path):
        pytest.skip("no finding here has a fix")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_page_promises_a_fix_only_where_one_is_made(rule: type[Rule]) -> None:
    shown = page(rule)
    assert shown.fixable == (has_fix(rule) and any(bad.fixed is not None for bad in rule.bad))
    if has_fix(rule):
        assert any(bad.fixed is not None for bad in rule.bad), "a fix without an example of it"
