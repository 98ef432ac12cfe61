"""The hooks as pre-commit runs them, on a scratch repository with staged files of every kind.

Builds and installs lintloss into pre-commit's own environments, so it takes a minute, and needs a package index (it is
skipped without). `try-repo` makes a new environment each time; the tests of what hooks do share one, with a
configuration as a user writes it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import BAD, ROOT

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("pre_commit") is None, reason="pre-commit is not installed"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
]
GOOD = "def add(a, b):\n    return a + b\n"
IDLE = "def add(a, b):\n    return a + b  # lintloss: ignore[LL101] it was a loss once\n"


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This working tree, committed: pre-commit installs commits, and what is tested is what lies here."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git repository, so pre-commit cannot clone it")
    folder = tmp_path_factory.mktemp("published")
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "as it lies here")
    return folder


@pytest.fixture(scope="module", autouse=True)
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """pre-commit builds lintloss from a package index: without one there is nothing to test."""
    folder = tmp_path_factory.mktemp("index")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "hatchling"]
    done = subprocess.run([*command, "--retries=1"], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        pytest.skip(f"no package index can be reached: {done.stderr.strip().splitlines()[-1]}")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of pre-commit's environments: shared, so that lintloss is built once."""
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    return tmp_path


def pre_commit(scratch: Path, home: Path, *arguments: str) -> tuple[int, str]:
    git(scratch, "add", "--all")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("GIT", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", *arguments],
        cwd=scratch,
        env={**environ, "PRE_COMMIT_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=540,
    )
    return done.returncode, done.stdout


def run_hook(scratch: Path, home: Path, published: Path, hook: str) -> tuple[int, str]:
    """Run one hook on what is staged, as `git commit` does, with the configuration that the README shows."""
    revision = git(published, "rev-parse", "HEAD").strip()
    hooks = f"repos:\n  - repo: {published}\n    rev: {revision}\n    hooks:\n      - id: {hook}\n"
    (scratch / ".pre-commit-config.yaml").write_text(hooks)
    return pre_commit(scratch, home, "run", "--verbose")


def stage_every_kind(scratch: Path) -> None:
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": BAD}]
    notebook = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)
    for name, text in {
        "my eval.py": BAD,
        "good.py": GOOD,
        "note book é.ipynb": notebook,
        "README.md": "text about loss\n",
        "data.bin": "loss\0",
    }.items():
        (scratch / name).write_text(text, encoding="utf-8")


def test_try_repo_on_files_of_every_kind(scratch: Path, home: Path, published: Path) -> None:
    stage_every_kind(scratch)
    code, output = pre_commit(scratch, home, "try-repo", str(published), "lintloss", "--verbose")
    assert code == 1, output
    assert "my eval.py:13:" in output
    assert "note book é.ipynb:cell 0:13:" in output
    assert "good.py" not in output
    assert "README.md" not in output


def test_bad_file_and_bad_notebook_stop_the_commit(scratch: Path, home: Path, published: Path) -> None:
    stage_every_kind(scratch)
    code, output = run_hook(scratch, home, published, "lintloss")
    assert code == 1, output
    assert [line.split(": LL101")[0] for line in output.splitlines() if ": LL101" in line] == [
        "my eval.py:13:12",
        "note book é.ipynb:cell 0:13:12",
    ]


@pytest.mark.parametrize("hook", ["lintloss", "lintloss-fix"])
def test_good_and_other_files_pass(hook: str, scratch: Path, home: Path, published: Path) -> None:
    (scratch / "good.py").write_text(GOOD)
    (scratch / "README.md").write_text("text\n")
    code, output = run_hook(scratch, home, published, hook)
    assert code == 0, output


def test_commit_without_python_passes(scratch: Path, home: Path, published: Path) -> None:
    (scratch / "README.md").write_text("text\n")
    code, output = run_hook(scratch, home, published, "lintloss")
    assert code == 0, output
    assert "no files to check" in output


def test_excluded_file_passes_although_it_is_named(scratch: Path, home: Path, published: Path) -> None:
    (scratch / "bad.py").write_text(BAD)
    (scratch / "pyproject.toml").write_text('[tool.lintloss]\nextend-exclude = ["bad.py"]\n')
    code, output = run_hook(scratch, home, published, "lintloss")
    assert code == 0, output


def test_hook_that_fixes_fails_when_it_has_fixed(scratch: Path, home: Path, published: Path) -> None:
    (scratch / "my sum.py").write_text(IDLE)
    code, output = run_hook(scratch, home, published, "lintloss-fix")
    assert code == 1, output
    assert "1 fixed" in output
    assert (scratch / "my sum.py").read_text() == GOOD


def test_environment_of_the_hook_has_no_torch(scratch: Path, home: Path, published: Path) -> None:
    (scratch / "good.py").write_text(GOOD)
    run_hook(scratch, home, published, "lintloss")
    installed = {path.name for path in home.glob("**/site-packages/*")}
    assert "lintloss" in installed
    assert not {name for name in installed if name == "torch" or name.startswith("torch-")}
