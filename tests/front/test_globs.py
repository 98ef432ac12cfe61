"""Our .gitignore patterns give the answers of pathspec, which costs 35 ms to import and is the oracle here."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from lintloss.globs import Patterns

CASES = [
    ("build", "a/build", True),
    ("build/", "a/build", False),
    ("build/", "a/build", True),
    ("/build", "a/build", True),
    ("/build", "build", True),
    ("docs/_build", "docs/_build", True),
    ("docs/_build", "x/docs/_build", True),
    ("*.py", "a/b.py", False),
    ("a/*.py", "a/b/c.py", False),
    ("a/**/c.py", "a/c.py", False),
    ("a/**/c.py", "a/b/b/c.py", False),
    ("**/c.py", "c.py", False),
    ("a/**", "a/b/c.py", False),
    ("*.py[co]", "a.pyc", False),
    ("*.py[!co]", "a.pyc", False),
    ("?.py", "ab.py", False),
    ("\\!a.py", "!a.py", False),
    ("\\#a.py", "#a.py", False),
    ("# a.py", "# a.py", False),
    ("a b.py", "a b.py", False),
    ("a.py   ", "a.py", False),
    ("a.p(y", "a.p(y", False),
]


def oracle(lines: list[str], path: str, is_dir: bool) -> bool | None:
    return GitIgnoreSpec.from_lines(lines).check_file(path + "/" * is_dir).include


@pytest.mark.parametrize(("line", "path", "is_dir"), CASES, ids=[f"{c[0]} on {c[1]}{'/' * c[2]}" for c in CASES])
def test_agrees_with_pathspec(line: str, path: str, is_dir: bool) -> None:
    ours = Patterns("/repo", [line, "zzz*"]).verdict(f"/repo/{path}", is_dir)
    assert ours == oracle([line], path, is_dir)


def test_last_pattern_that_matches_decides() -> None:
    patterns = Patterns("/repo", ["*.py", "!keep.py"])
    assert patterns.verdict("/repo/a.py", False) is True
    assert patterns.verdict("/repo/keep.py", False) is False
    assert patterns.verdict("/repo/a.txt", False) is None


def test_says_nothing_of_paths_outside_its_folder() -> None:
    assert Patterns("/repo", ["*.py"]).verdict("/other/a.py", False) is None
    assert Patterns("/repo", ["a.py"]).verdict("/other/a.py", False) is None


def test_plain_names_need_no_regex() -> None:
    patterns = Patterns(os.sep, ["build", "dist"])
    assert patterns._any is None
    assert patterns.verdict("/x/y/build", True) is True


pieces = st.text(alphabet="ab*?/!.", min_size=1, max_size=7)
paths = st.lists(st.text(alphabet="ab.", min_size=1, max_size=3), min_size=1, max_size=3).map("/".join)


@settings(max_examples=300, deadline=None)
@given(pieces, paths)
def test_files_agree_with_pathspec_for_any_pattern(line: str, path: str) -> None:
    if "//" in line or "***" in line or {".", ".."} & set(path.split("/")) or line.strip("!") in ("", "/", "."):
        return  # pathspec and git part ways on these themselves
    if oracle([line.rstrip("/")], path, False) != oracle([line], path, False):
        return  # a folder pattern that covers a parent: a walk prunes that parent instead
    expected = oracle([line], path, False)
    parents = ["/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 1)]
    if any(oracle([line], parent, True) is not None for parent in parents):
        return  # likewise
    assert Patterns("/r", [line, "zzz*"]).verdict(f"/r/{path}", False) == expected
