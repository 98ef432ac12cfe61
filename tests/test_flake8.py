"""The plugin in real flake8, found through the entry point that pyproject.toml declares."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("flake8") is None, reason="flake8 is not installed")
ROOT = Path(__file__).parents[1]
EVALUATION = """\
import torch
import torch.nn.functional as F

@torch.no_grad()
def evaluate(model, loader, pad_id):
\tmodel.eval()
\ttotal = 0.0
\tfor ids in loader:
\t\tlogits = model(ids[:, :-1])
\t\tloss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad_id)
\t\ttotal += loss.item()
\t損失 = "😀"; return total / len(loader)
"""


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that announces lintloss's entry points, whether or not the package is installed here.

    flake8 takes the first distribution of a name, so an installed lintloss is not loaded a second time.
    """
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    section = text.split('[project.entry-points."flake8.extension"]\n')[1].split("\n\n")[0]
    folder = tmp_path_factory.mktemp("plugins")
    info = folder / "lintloss-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lintloss\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[flake8.extension]\n" + section.replace('"', "") + "\n")
    return folder


def flake8(plugins: Path, folder: Path, *words: str, given: str | None = None) -> tuple[int, list[str], str]:
    paths = os.pathsep.join(map(str, (plugins, ROOT, ROOT / "rules")))
    done = subprocess.run(
        [sys.executable, "-m", "flake8", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8"},
        input=given,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def places(lines: list[str]) -> list[str]:
    return [" ".join(line.split(" ")[:2]) for line in lines]


def test_select_ll_reports_columns_as_check_does(plugins: Path, tmp_path: Path) -> None:
    (tmp_path / "my eval.py").write_text(EVALUATION, encoding="utf-8")
    code, lines, errors = flake8(plugins, tmp_path, "--select", "LL", "--format", "%(row)d:%(col)d %(code)s")
    check = [sys.executable, "-m", "lintloss", "check", "--isolated", "--no-cache", "--output-format", "concise", "."]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "rules")))}
    done = subprocess.run(check, cwd=tmp_path, env=environ, capture_output=True, encoding="utf-8", timeout=120)
    assert (code, errors) == (1, "")
    assert lines == ["12:19 LL101"]
    assert done.stdout.startswith("my eval.py:12:19: LL101 ")


def test_runs_without_being_selected_beside_the_other_checks(plugins: Path, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import os\n" + EVALUATION, encoding="utf-8")
    _, lines, _ = flake8(plugins, tmp_path, "a.py")
    codes = {line.split(" ")[1] for line in lines}
    assert {"F401", "LL101"} <= codes


def test_comments_of_both_programs_silence(plugins: Path, tmp_path: Path) -> None:
    for name, comment in {"a.py": "# noqa: LL101", "b.py": "# lintloss: ignore[LL101] all batches are equal"}.items():
        text = EVALUATION.replace("len(loader)", f"len(loader)  {comment}")
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert flake8(plugins, tmp_path, "--select", "LL") == (0, [], "")


def test_our_configuration_holds(plugins: Path, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(EVALUATION, encoding="utf-8")
    (tmp_path / "lintloss.toml").write_text('ignore = ["LL101"]\n')
    assert flake8(plugins, tmp_path, "--select", "LL") == (0, [], "")


def test_broken_configuration_is_an_error_of_one_line(plugins: Path, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(EVALUATION, encoding="utf-8")
    (tmp_path / "lintloss.toml").write_text('selekt = ["LL101"]\n')
    code, lines, errors = flake8(plugins, tmp_path, "--select", "LL")
    said = "\n".join(lines) + errors
    assert code == 1
    assert "selekt" in said and "Traceback" not in said


def test_standard_input_goes_by_its_display_name(plugins: Path, tmp_path: Path) -> None:
    words = ("--select", "LL", "--stdin-display-name", "sub/x.py", "-")
    code, lines, _ = flake8(plugins, tmp_path, *words, given=EVALUATION)
    assert code == 1
    assert places(lines) == ["sub/x.py:12:19: LL101"]


def test_same_lines_from_several_processes(plugins: Path, tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"e{number:02}.py").write_text(EVALUATION, encoding="utf-8")
    alone = flake8(plugins, tmp_path, "--select", "LL", "--jobs", "1")
    assert flake8(plugins, tmp_path, "--select", "LL", "--jobs", "2") == alone
    assert len(alone[1]) == 12


def test_syntax_errors_are_left_to_flake8(plugins: Path, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("loss = (\n")
    _, lines, errors = flake8(plugins, tmp_path, "--select", "LL,E9")
    assert errors == ""
    assert [line.split(" ")[1] for line in lines] == ["E999"]
