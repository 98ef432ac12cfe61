"""`lintloss verify` as it is typed: its options, what is checked first, what stands behind `--`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from front.test_front_door import ROOT, SCRIPT, run
from lintloss.command import checked_first, verify
from lintloss.verify.command import _parser

EVALUATE = """\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from net import model

ROWS = [[1, 2, 3, 4, 5], [6, 7, 8], [9, 10]]


def collate(rows):
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=0)
    return ids[:, :-1], ids[:, 1:]


@torch.no_grad()
def evaluate(dataset):
    loader = DataLoader(dataset, batch_size=2, collate_fn=collate)
    model.eval()
    total = 0.0
    for inputs, targets in loader:
        logits = model(inputs)
        total += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0).item()
    return total / len(loader)


if __name__ == "__main__":
    print(evaluate(ROWS))
"""
SCORED = 4 + 2 + 1
# seeded: with weights of chance the two averages now and then agree, and the finding is refuted
NET = "import torch\n\ntorch.manual_seed(0)\nmodel = torch.nn.Sequential(torch.nn.Embedding(11, 8), torch.nn.Linear(8, 11))\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "eval.py").write_text(EVALUATE)
    (tmp_path / "net.py").write_text(NET)
    return tmp_path


def test_the_options_are_those_that_verify_reads() -> None:
    offered = {f"--{name.replace('_', '-')}" for name in verify.verify.__annotations__} - {
        "--ctx",
        "--paths",
        "--return",
    }
    read = {flag for action in _parser()._actions for flag in action.option_strings} - {"-h", "--help"}
    assert offered == read


def test_help_names_every_option(tmp_path: Path) -> None:
    done = run(tmp_path, "verify", "--help", COLUMNS="160", TERM="dumb", NO_COLOR="1")
    assert done.returncode == 0
    assert "-- COMMAND" in done.stdout
    for action in _parser()._actions:
        assert action.option_strings[-1] in done.stdout
    assert "verify" in run(tmp_path, "--help", NO_COLOR="1").stdout


@pytest.mark.parametrize(
    ("words", "own", "command"),
    [
        (["verify", "a.py", "--", "python", "b.py", "--", "-x"], ["verify", "a.py"], ("python", "b.py", "--", "-x")),
        (["verify", "--debug-shapes", "--", "x"], ["verify", "--debug-shapes=3"], ("x",)),
        (["verify", "--debug-shapes", "5", "--", "x"], ["verify", "--debug-shapes", "5"], ("x",)),
        (["verify"], ["verify"], ()),
    ],
)
def test_words_before_and_behind_the_dashes(words: list[str], own: list[str], command: tuple[str, ...]) -> None:
    assert verify.split(words) == (own, command)


def test_the_files_that_a_command_names(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    (project / "pkg").mkdir()
    (project / "pkg" / "__main__.py").write_text("")
    assert checked_first.own_files(["python", "eval.py", "gone.py"]) == ("eval.py",)
    assert checked_first.own_files(["torchrun", "--nproc-per-node", "2", "eval.py"]) == ("eval.py",)
    assert checked_first.own_files(["python", "-m", "net"]) == ("net.py",)
    assert checked_first.own_files(["python", "-m", "pkg"]) == ("pkg/__main__.py",)
    assert checked_first.own_files(["lm_eval", "--model", "x"]) == ()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["verify"], "no command to run"),
        (["verify", "eval.py"], "no command to run"),
        (["verify", "--findings", "f.json", "eval.py", "--", "x"], "leave out --findings or the paths"),
        (["verify", "--findings", "gone.json", "--", "x"], "gone.json"),
        (["verify", "--output-format", "xml", "--", "x"], "xml"),
        (["verify", "gone.py", "--", "x"], "gone.py"),
    ],
)
def test_what_does_not_fit_is_one_line(project: Path, words: list[str], says: str) -> None:
    done = run(project, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_this_process_imports_no_torch(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "verify", "eval.py", "--", sys.executable, "-c", "pass"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'rules'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    modules = done.stdout.splitlines()[-1].split()
    assert "lintloss.verify.command" in modules
    assert "torch" not in modules


def test_without_torch_one_line_says_what_to_install(project: Path) -> None:
    hidden = project / "hidden"
    hidden.mkdir()
    (hidden / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n")
    (project / "plain.py").write_text("import sys\n\nsys.path.insert(0, 'hidden')\nimport torch\n")
    done = run(project, "verify", "--", sys.executable, "plain.py")
    assert done.returncode == 2
    ours = [line for line in done.stderr.splitlines() if line.startswith("lintloss verify:")]
    assert len(ours) == 1
    assert "torch is not installed for" in ours[0]
    assert "-m pip install torch" in ours[0]


def test_callers_of_the_file_are_not_checked_first(project: Path) -> None:
    """They are read to learn what the file is given, and the command does not run them."""
    (project / "pkg").mkdir()
    (project / "pkg" / "__init__.py").write_text("from .deep import scale\n")
    (project / "pkg" / "deep.py").write_text("scale = 1\n")
    (project / "net.py").write_text(NET + "import pkg\n")
    (project / "caller.py").write_text("from eval import evaluate, ROWS\nevaluate(ROWS)\n")
    others = [str(project / name) for name in ("caller.py", "pkg/deep.py", "net.py", "pkg/__init__.py")]
    imported = checked_first._imported(str(project / "eval.py"), others)
    assert {os.path.relpath(path, project) for path in imported} == {"net.py", "pkg/__init__.py", "pkg/deep.py"}


@pytest.mark.torch
def test_what_the_command_runs_is_checked_first_and_judged(project: Path) -> None:
    pytest.importorskip("torch")
    done = run(project, "verify", "--output-file", "v.json", "--output-format", "json", "--", sys.executable, "eval.py")
    assert "checked eval.py first: 1 finding\n" in done.stderr
    report = json.loads((project / "v.json").read_text())
    (finding,) = [each for each in report["findings"] if each["code"] == "LL101"]
    assert done.returncode == 1
    assert finding["verdict"] == "confirmed"
    assert finding["filename"].endswith("eval.py")
    printed = float(done.stdout)
    assert finding["reported"]["loss"] == pytest.approx(printed, rel=1e-6)
    assert finding["reference"]["scored_tokens"] == SCORED


FACTORIES = """\
import torch

ROWS = [[1, 2, 3, 4, 5], [6, 7, 8], [9, 10]]


def make_model():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Embedding(11, 8), torch.nn.Linear(8, 11))


def make_loader():
    return [torch.tensor([row]) for row in ROWS]
"""
FUNCTION = """\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device, scale=1.0):
    model.eval()
    total = 0.0
    for ids in loader:
        logits = model(ids[:, :-1].to(device))
        total += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).item()
    return scale * total / len(loader)
"""


def function_project(folder: Path, table: str) -> Path:
    (folder / "pkg").mkdir()
    (folder / "pkg" / "__init__.py").write_text("")
    (folder / "pkg" / "eval.py").write_text(FUNCTION)
    (folder / "pkg" / "build.py").write_text(FACTORIES)
    (folder / "pyproject.toml").write_text(f"[tool.lintloss.verify]\n{table}")
    return folder


@pytest.mark.torch
def test_a_function_is_called_with_what_the_factories_make(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    table = 'model = "pkg.build:make_model"\nloader = "pkg.build:make_loader"\narguments = { scale = 1.0 }\n'
    folder = function_project(tmp_path, table)
    done = run(folder, "verify", "pkg/eval.py::evaluate", "--output-file", "v.json", "--output-format", "json")
    assert done.returncode == 1, done.stderr
    (finding,) = [
        each for each in json.loads((folder / "v.json").read_text())["findings"] if each["verdict"] == "confirmed"
    ]
    assert finding["code"] == "LL101"
    assert finding["reported"]["loss"] == pytest.approx(float(done.stdout), rel=1e-6)
    assert finding["reference"]["scored_tokens"] == 4 + 2 + 1


@pytest.mark.parametrize(
    ("table", "word", "says"),
    [
        ('modle = "a:b"\n', "pkg/eval.py::evaluate", "did you mean `model`?"),
        ('model = "build"\n', "pkg/eval.py::evaluate", '"pkg.module:factory"'),
        ("", "pkg/gone.py::evaluate", "no such file"),
        ("", "pkg/eval.py::", "no function's name"),
    ],
)
def test_a_function_that_cannot_be_called_is_one_line(tmp_path: Path, table: str, word: str, says: str) -> None:
    done = run(function_project(tmp_path, table), "verify", word)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
