"""The command runs as without lintloss, however it is started; children and ranks are seen too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .conftest import Verify, finding
from .programs import script


@pytest.mark.torch
@pytest.mark.parametrize("way", ["module", "shell", "console", "accelerate", "imported", "spawned", "forked"])
def test_children_and_other_ways_to_start(
    way: str, verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, found = script(tmp_path)
    if way == "module":
        command = [sys.executable, "-m", "evaluate"]
    elif way == "shell":
        shell = tmp_path / "run.sh"
        shell.write_text(f'#!/bin/sh\ncd "{tmp_path}" && exec "{sys.executable}" evaluate.py\n')
        shell.chmod(0o755)
        command = [str(shell), "x"]
    elif way == "console":  # as pip writes them
        console = tmp_path / "evaluate-it"
        lines = [
            "import sys",
            f"sys.path.insert(0, {str(tmp_path)!r})",
            "import evaluate",
            "sys.exit(print(evaluate.evaluate(evaluate.data())))",
        ]
        console.write_text("\n".join([f"#!{sys.executable}", *lines, ""]))
        console.chmod(0o755)
        command = [str(console), "--flag"]
    elif way == "accelerate":
        pytest.importorskip("accelerate")
        options = ["--cpu", "--num_processes=1", "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no"]
        command = [sys.executable, "-m", "accelerate.commands.launch", *options, "evaluate.py"]
    else:
        other = tmp_path / "start.py"
        context = f"multiprocessing.get_context({'spawn' if way == 'spawned' else 'fork'!r})"
        calls = {"imported": "print(evaluate.evaluate(evaluate.data()))"}
        started = f"p = {context}.Process(target=work); p.start(); p.join(); assert p.exitcode == 0"
        other.write_text(
            "import multiprocessing, evaluate\n"
            "def work():\n    evaluate.evaluate(evaluate.data())\n"
            f"if __name__ == '__main__':\n    {calls.get(way, started)}\n"
        )
        command = [sys.executable, str(other)]
    run = verify([found], *command)
    assert (run.findings[0]["verdict"], run.exit_code) == ("confirmed", 1)


@pytest.mark.torch
def test_the_script_makes_the_number_of_what_is_flagged_elsewhere(
    verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    losses = tmp_path / "losses.py"
    losses.write_text("import torch.nn.functional as F\n\ndef loss_of(pair):\n    return F.cross_entropy(*pair)\n")
    path, _ = script(tmp_path, "from losses import loss_of\nprint(sum(loss_of(pair).item() for pair in data()) / 3)")
    (found,) = verify([finding(losses, "LL101", 4, 12, 34)], path).findings
    assert (found["verdict"], found["formula"]) == ("confirmed", "mean of batch means")


@pytest.mark.torch
def test_two_evaluations_of_a_shell_script_stay_apart(verify: Verify, tmp_path: Path) -> None:
    _, found = script(tmp_path, "print(evaluate(data(int(sys.argv[1]))))")
    shell = tmp_path / "both.sh"
    shell.write_text(f'cd "{tmp_path}"\nfor seed in 1 2; do "{sys.executable}" evaluate.py $seed; done\n')
    run = verify([found], "sh", str(shell))
    losses = [one["reported"]["loss"] for one in run.findings[0]["calls"]]
    assert run.document["run"]["processes"] == len(losses) == len(set(losses)) == 2


RANKS = """\
rank = int(os.environ["RANK"])
torch.distributed.init_process_group("gloo")
mean = torch.tensor(evaluate(data(rank)[: 3 - rank]))
torch.distributed.all_reduce(mean)
print(mean.item() / 2)
torch.distributed.destroy_process_group()
"""


@pytest.mark.torch
@pytest.mark.parametrize("launcher", ["accelerate", "deepspeed"])
def test_launchers_of_several_processes(
    launcher: str, verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ranks are seen, on the CPU, and what is printed is known for a mean over them."""
    pytest.importorskip(launcher, reason=f"{launcher} is not installed")
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    path, found = script(tmp_path, RANKS)
    options = {
        "accelerate": ["--multi_gpu", "--num_processes=2", "--num_machines=1", "--mixed_precision=no",
                       "--dynamo_backend=no"],
        "deepspeed": ["--num_accelerators=2"],
    }  # fmt: skip
    module = {"accelerate": "accelerate.commands.launch", "deepspeed": "deepspeed.launcher.runner"}
    run = verify([found], sys.executable, "-m", module[launcher], *options[launcher], str(path))
    assert run.document["run"]["ranks"] == 2
    assert (run.findings[0]["verdict"], run.exit_code) == ("confirmed", 1)
    assert run.findings[0]["formula"] == "mean over ranks of batch means"


@pytest.mark.torch
def test_a_killed_rank_leaves_what_was_recorded(
    verify: Verify, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ending = "print(evaluate(data(1)))\nif os.environ['RANK'] == '1':\n    os.kill(os.getpid(), 9)"
    path, found = script(tmp_path, ending)
    runner = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    run = verify([found], sys.executable, *runner, str(path))
    ran = run.document["run"]
    assert (run.exit_code, ran["exit_code"], ran["ranks"], ran["partial"]) == (2, 1, 2, True)
    assert run.findings[0]["verdict"] == "confirmed"
    assert "verdicts are partial" in capfd.readouterr().err


@pytest.mark.torch
def test_pytest_is_a_command(verify: Verify, tmp_path: Path) -> None:
    _, found = script(tmp_path)
    test = tmp_path / "test_it.py"
    test.write_text("import evaluate\ndef test_it():\n    assert evaluate.evaluate(evaluate.data()) > 0\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(test)]
    assert verify([found], *command).findings[0]["verdict"] == "confirmed"


def test_an_empty_python_path_stays_one(verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "")
    code = "import os, sys; sys.exit(os.getcwd() in sys.path)"
    assert verify([], sys.executable, "-c", code).document["run"]["exit_code"] == 0


def test_the_users_sitecustomize_runs(verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import os; os.environ['SEEN'] = __file__")
    monkeypatch.setenv("PYTHONPATH", str(own))
    code = f"import os, sys; assert os.environ['SEEN'].startswith({str(own)!r}); assert {str(own)!r} in sys.path"
    code += "; assert not any('inject' in entry for entry in sys.path)"
    assert verify([], sys.executable, "-c", code).document["run"]["exit_code"] == 0


def test_without_torch_one_line_says_what_to_install(
    verify: Verify, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "evaluate.py"
    path.write_text("import sys\nsys.path[:] = [e for e in sys.path if 'site-packages' not in e]\nimport torch\n")
    run = verify([], path)
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("lintloss")]
    assert run.exit_code == 2
    assert len(lines) == 1 and "pip install torch" in lines[0]


def test_a_program_without_torch_imports_none(verify: Verify, capfd: pytest.CaptureFixture[str]) -> None:
    code = "import sys; print(sorted({'torch', 'numpy', 'lintloss', 'ast', 'asyncio'} & set(sys.modules)))"
    verify([], sys.executable, "-c", code)
    assert capfd.readouterr().out.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--findings", "missing.json", "--", "true"], "missing.json"),
        (["--", "no-such-command-here"], "no-such-command-here"),
        ([], "no command"),
        (["--frobnicate", "--", "true"], "frobnicate"),
        (["--report", "docx=x", "--", "true"], "docx"),
        (["--output-file", "/dev/null/v.json", "--", "true"], "/dev/null/v.json: cannot be written"),
        (["--keep", "/dev/null/kept", "--", "true"], "/dev/null/kept: --keep"),
    ],
    ids=[
        "no such findings",
        "no such command",
        "no command",
        "unknown option",
        "unknown format",
        "no place for a file",
        "no place to keep",
    ],
)
def test_usage_errors_are_one_line_and_exit_2(
    arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    from lintloss.verify import main

    assert main(arguments) == 2
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1 and said in lines[0]
