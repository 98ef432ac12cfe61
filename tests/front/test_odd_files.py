"""Files that a tree may hold and no check may fall over: links in a circle, pipes, lone carriage returns."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lintloss import lines
from lintloss.discover import discover
from lintloss.parse import parse
from lintloss.positions import split_rows
from tests.command import BAD, run


def check(folder: Path, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return run(folder, "check", "--isolated", "--no-cache", *words, stdin=text)


def test_link_to_itself_is_told_and_the_others_are_checked(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD)
    (tmp_path / "circle.py").symlink_to("circle.py")
    (tmp_path / "folder").symlink_to(".")
    done = check(tmp_path, ".")
    assert done.returncode == 2
    assert "lintloss: error: circle.py: cannot be read" in done.stderr
    assert [line.split(" ")[1] for line in done.stdout.splitlines()] == ["LL101"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_named_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    assert [str(error) for error in discover([str(tmp_path / "pipe.py")]).errors] == [
        f"{tmp_path / 'pipe.py'}: a pipe or device is read once (check - < {tmp_path / 'pipe.py'})"
    ]
    assert discover([str(tmp_path)]).errors == []


def test_lone_carriage_returns_end_rows_for_all(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_bytes(BAD.replace("\n", "\r").encode())
    assert check(tmp_path, ".").stdout.startswith("old.py:13:12: LL101")
    fixed = check(tmp_path, "--fix", "--unsafe-fixes", ".")
    assert fixed.returncode == 0, fixed.stderr
    after = (tmp_path / "old.py").read_bytes()
    assert b"return total / scored_tokens\r" in after
    assert b"\n" not in after


@pytest.mark.parametrize("text", ["", "\n", "a", "a\n\n", "a\fb\n", "a\rb\r\nc\n\r", "\x85\u2028\n"])
def test_rows_are_those_of_the_parser(text: str) -> None:
    rows = lines.split_rows(text)
    assert "".join(rows) == text
    ends = tuple(row.rstrip("\r\n") for row in rows)
    assert ends == (split_rows(text) if text and not text.endswith(("\n", "\r")) else split_rows(text)[:-1])


def test_mixed_endings_keep_rows_and_text() -> None:
    module = parse(b"a = 1\rb = 2\r\nc = 3\n", "a.py")
    assert module.text == "a = 1\nb = 2\nc = 3\n"
    assert [node.lineno for node in module.tree.body] == [1, 2, 3]


def test_fixed_standard_input_comes_with_what_is_left(tmp_path: Path) -> None:
    text = BAD.replace("@torch.no_grad()\n", "")
    done = check(tmp_path, "--fix", "--stdin-filename", "eval.py", "-", text=text)
    assert done.returncode == 1
    assert done.stdout == BAD
    assert "eval.py:13:12: LL101" in done.stderr
    assert "1 fixed" in done.stderr


def test_diff_says_how_much_it_would_fix(tmp_path: Path) -> None:
    (tmp_path / "eval.py").write_text(BAD.replace("@torch.no_grad()\n", ""))
    done = check(tmp_path, "--diff", ".")
    assert done.returncode == 1
    assert "+@torch.no_grad()" in done.stdout
    assert done.stderr.strip() == "Would fix 1 of 2 findings."


def test_ignore_comments_are_not_called_fixes(tmp_path: Path) -> None:
    (tmp_path / "eval.py").write_text(BAD)
    done = check(tmp_path, "--add-ignores=known", ".")
    assert done.returncode == 0
    assert "Marked 1 finding with an ignore comment." in done.stderr
    assert "fixed" not in done.stderr


def test_no_command_is_help_without_an_empty_error(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 2
    assert "error:" not in done.stderr
    assert "check" in done.stdout
