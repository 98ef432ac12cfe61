"""`lintloss new`: the file is a rule of its pack at once, says nothing yet, and so fails its own example."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples import check_folder, expected, materialize
from lintloss.__main__ import run
from lintloss.registry import entries
from lintloss.report.rule_page import SECTIONS, page
from lintloss.rule import Rule


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An announced rule pack without a rule."""
    folder = tmp_path / "site" / "fresh_rules"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    info = tmp_path / "site" / "fresh-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[lintloss.rules]\nfresh = fresh_rules\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield folder
    for name in [each for each in sys.modules if each.startswith("fresh_rules")]:
        del sys.modules[name]


def made(pack: Path) -> type[Rule]:
    assert run(["new", "FR107", "some-wrong-name", "--into", str(pack)]) == 0
    (entry,) = [each for each in entries() if each.code == "FR107"]
    assert entry.name == "some-wrong-name"
    return entry.load()


def test_the_file_is_a_rule_with_a_page(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rule = made(pack)
    path = pack / "fr107_some_wrong_name.py"
    assert capsys.readouterr().out == f"{path}\n"
    assert (rule.__name__, rule.code, rule.name) == ("SomeWrongName", "FR107", "some-wrong-name")
    shown = page(rule)
    assert all(getattr(shown, section.lower()) for section in SECTIONS)
    assert ast.get_docstring(ast.parse(path.read_text())) == "FR107: WHAT IS WRONG, in a line."


def test_its_bad_example_fails_until_the_rule_is_written(pack: Path, tmp_path: Path) -> None:
    rule = made(pack)
    folder = tmp_path / "example"
    folder.mkdir()
    materialize(rule.bad[0], folder)
    found = [each for each in check_folder(folder) if each[2] == "FR107"]
    assert expected("FR107", rule.bad[0])
    assert found == []


def test_its_good_example_is_good(pack: Path, tmp_path: Path) -> None:
    assert check_folder(materialize(made(pack).good[0], tmp_path)) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ll107", "some-name"], "a code is capital letters"),
        (["LL107", "SomeName"], "a name is small words"),
        (["LL107", "batch-averaged-loss"], "batch-averaged-loss is taken by LL101"),
        (["LL101", "some-name"], "LL101 is taken by LL101"),
        (["LL107", "some-name", "--into", "nowhere"], "nowhere: is no folder"),
    ],
)
def test_what_does_not_fit_is_refused(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", *words]) == 2
    assert says in capsys.readouterr().err


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["new", "LL107", "some-name", "--into", str(tmp_path)]
    assert run(words) == 0
    path = tmp_path / "ll107_some_name.py"
    path.write_text("# mine\n")
    assert run(words) == 2
    assert "exists already" in capsys.readouterr().err
    assert path.read_text() == "# mine\n"
