"""The hooks as pre-commit runs them: `try-repo` on a scratch repository with staged files of every kind.

Builds and installs lintloss into pre-commit's own environment, so it needs a package index and a minute.
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

ROOT = Path(__file__).parents[1]
pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("pre_commit") is None, reason="pre-commit is not installed"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
]
BAD = """\
import torch
import torch.nn.functional as F

@torch.no_grad()
def evaluate(model, loader, pad_id):
    model.eval()
    total = 0.0
    for ids in loader:
        logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad_id)
        total += loss.item()
    return total / len(loader)
"""
GOOD = "def add(a, b):\n    return a + b\n"


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of pre-commit's environments: shared, so that lintloss is built once."""
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    return tmp_path


def try_repo(scratch: Path, home: Path, hook: str) -> tuple[int, str]:
    git(scratch, "add", "--all")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GITHUB_", "PYTHON"))}
    command = [sys.executable, "-m", "pre_commit", "try-repo", str(ROOT), hook, "--verbose"]
    done = subprocess.run(
        command,
        cwd=scratch,
        env={**environ, "PRE_COMMIT_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=540,
    )
    return done.returncode, done.stdout


def test_bad_file_and_bad_notebook_stop_the_commit(scratch: Path, home: Path) -> None:
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": BAD}]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (scratch / "my eval.py").write_text(BAD)
    (scratch / "good.py").write_text(GOOD)
    (scratch / "nb.ipynb").write_text(json.dumps(notebook, indent=1))
    (scratch / "README.md").write_text("text\n")
    code, output = try_repo(scratch, home, "lintloss")
    assert code == 1, output
    assert "my eval.py:12:" in output
    assert "nb.ipynb:cell 0:12:" in output
    assert "good.py" not in output


@pytest.mark.parametrize("hook", ["lintloss", "lintloss-fix"])
def test_good_and_other_files_pass(hook: str, scratch: Path, home: Path) -> None:
    (scratch / "good.py").write_text(GOOD)
    (scratch / "README.md").write_text("text\n")
    code, output = try_repo(scratch, home, hook)
    assert code == 0, output


def test_commit_without_python_passes(scratch: Path, home: Path) -> None:
    (scratch / "README.md").write_text("text\n")
    code, output = try_repo(scratch, home, "lintloss")
    assert code == 0, output
    assert "no files to check" in output


def test_excluded_file_passes_although_it_is_named(scratch: Path, home: Path) -> None:
    (scratch / "bad.py").write_text(BAD)
    (scratch / "pyproject.toml").write_text('[tool.lintloss]\nextend-exclude = ["bad.py"]\n')
    code, output = try_repo(scratch, home, "lintloss")
    assert code == 0, output


def test_hook_that_fixes_fails_when_it_has_fixed(scratch: Path, home: Path) -> None:
    (scratch / "eval.py").write_text(BAD.replace("@torch.no_grad()\n", ""))
    code, output = try_repo(scratch, home, "lintloss-fix")
    assert code == 1, output
    assert "no_grad" in (scratch / "eval.py").read_text()


def test_environment_of_the_hook_has_no_torch(scratch: Path, home: Path) -> None:
    (scratch / "good.py").write_text(GOOD)
    try_repo(scratch, home, "lintloss")
    installed = {path.name for path in home.glob("**/site-packages/*")}
    assert "lintloss" in installed
    assert not {name for name in installed if name == "torch" or name.startswith("torch-")}
