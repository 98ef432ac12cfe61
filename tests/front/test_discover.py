"""Which files are checked, in which order, and what is said of those that are not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lintloss.discover import Found, discover
from lintloss.errors import SourceError, UsageError


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(root: Path, *paths: str, text: str = "x = 1\n") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def shown(found: Found) -> list[str]:
    return [source.path for source in found.sources]


def test_python_stubs_and_notebooks_in_path_order(tree: Path) -> None:
    write(tree, "b/c.py", "b.py", "a.pyi", "n.ipynb", "README.md", "b/a.py")
    assert shown(discover(["."])) == ["a.pyi", "b.py", "b/a.py", "b/c.py", "n.ipynb"]


def test_paths_are_shown_as_they_were_given(tree: Path) -> None:
    write(tree, "src/a.py")
    assert shown(discover(["./src/"])) == ["src/a.py"]
    assert shown(discover([str(tree / "src")])) == [str(tree / "src" / "a.py")]


def test_default_folders_are_left_out_of_a_walk_but_not_when_named(tree: Path) -> None:
    write(tree, ".venv/a.py", "node_modules/b.py", "build/c.py", "d.py")
    assert shown(discover(["."])) == ["d.py"]
    assert shown(discover(["build/c.py"])) == ["build/c.py"]
    assert shown(discover(["build"])) == ["build/c.py"]


def test_force_exclude_leaves_out_named_files_and_those_that_are_not_python(tree: Path) -> None:
    write(tree, "build/c.py", "d.py", "README.md")
    found = discover(["build/c.py", "d.py", "README.md", "build"], force_exclude=True)
    assert shown(found) == ["d.py"]
    assert not found.errors


def test_folder_names_above_the_working_folder_exclude_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tree, "build/project/a.py")
    monkeypatch.chdir(tree / "build" / "project")
    assert shown(discover(["a.py"], force_exclude=True)) == ["a.py"]
    assert shown(discover(["."])) == ["a.py"]


def test_a_named_file_is_python_whatever_its_suffix(tree: Path) -> None:
    write(tree, "train")
    assert shown(discover(["train"])) == ["train"]


def test_missing_path_is_an_error_and_the_others_are_found(tree: Path) -> None:
    write(tree, "a.py")
    found = discover(["nope.py", "a.py", "gone/"])
    assert shown(found) == ["a.py"]
    assert [type(error) for error in found.errors] == [UsageError, UsageError]
    assert "nope.py" in str(found.errors[0])


def test_empty_folder_has_no_sources_and_no_errors(tree: Path) -> None:
    found = discover(["."])
    assert (found.sources, found.errors) == ([], [])


def test_each_file_once(tree: Path) -> None:
    write(tree, "src/a.py", "src/pkg/b.py")
    found = discover(["src", "src/pkg", "src/a.py", "./src/a.py"])
    assert shown(found) == ["src/a.py", "src/pkg/b.py"]
    assert [source.named for source in found.sources] == [True, False]


def test_loops_of_folder_links_end(tree: Path) -> None:
    write(tree, "pkg/a.py")
    (tree / "pkg" / "self").symlink_to(tree / "pkg")
    (tree / "pkg" / "up").symlink_to(tree)
    assert shown(discover(["."])) == ["pkg/a.py"]


def test_link_to_a_file_is_checked_and_a_dangling_one_is_kept_to_be_reported(tree: Path) -> None:
    write(tree, "real.py")
    (tree / "link.py").symlink_to("real.py")
    (tree / "dangling.py").symlink_to("gone.py")
    assert shown(discover(["."])) == ["dangling.py", "link.py", "real.py"]


def test_folder_called_like_a_file_is_walked(tree: Path) -> None:
    write(tree, "x.py/a.py")
    assert shown(discover(["."])) == ["x.py/a.py"]
    assert shown(discover(["x.py"])) == ["x.py/a.py"]


def test_pipe_called_like_a_file_is_left_alone(tree: Path) -> None:
    os.mkfifo(tree / "pipe.py")
    assert shown(discover(["."])) == []


def test_folder_that_cannot_be_listed_is_an_error(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tree, "a.py", "locked/b.py")
    listing = os.scandir

    def refuse(path: str) -> os._ScandirIterator[str]:
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = discover(["."])
    assert shown(found) == ["a.py"]
    assert [type(error) for error in found.errors] == [SourceError]
    assert "locked" in str(found.errors[0])


def test_gitignore_of_every_level_is_respected(tree: Path) -> None:
    write(tree, ".gitignore", text="*_pb2.py\n/out/\n")
    write(tree, "pkg/.gitignore", text="!keep_pb2.py\nlocal.py\n")
    write(tree, "a_pb2.py", "out/x.py", "pkg/keep_pb2.py", "pkg/a_pb2.py", "pkg/local.py", "local.py", "pkg/out/y.py")
    assert shown(discover(["."])) == ["local.py", "pkg/keep_pb2.py", "pkg/out/y.py"]


def test_gitignore_above_the_checked_folder_counts_up_to_the_repository(tree: Path) -> None:
    write(tree, ".gitignore", text="b.py\n")
    write(tree, "repo/.gitignore", text="a.py\n")
    write(tree, "repo/src/a.py", "repo/src/b.py")
    (tree / "repo" / ".git").mkdir()
    assert shown(discover(["repo/src"])) == ["repo/src/b.py"]


def test_ignored_file_is_checked_when_it_is_named(tree: Path) -> None:
    write(tree, ".gitignore", text="a.py\n")
    write(tree, "a.py")
    assert shown(discover(["a.py"])) == ["a.py"]


def test_names_with_blanks_and_other_scripts(tree: Path) -> None:
    write(tree, "mein Ordner/prüfung 評価.py")
    assert shown(discover(["."])) == ["mein Ordner/prüfung 評価.py"]
