"""What the program computes, prints, traces and complains of is as in a plain run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import RUNTIME, Verify, marks
from .programs import script


@pytest.mark.torch
def test_a_run_is_bit_identical(verify: Verify, capfd: pytest.CaptureFixture[str]) -> None:
    """Values, random numbers drawn afterwards, and everything printed."""
    for name in ("ll401_modes.py", "ll101_epochs.py", "ll202_probabilities.py"):
        path = RUNTIME / name
        plain = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
        capfd.readouterr()
        verify(marks(path)[0], path)
        seen = capfd.readouterr()
        assert seen.out == plain.stdout
        assert seen.err == plain.stderr


COMPILED = """\
@torch.compile(backend="eager", fullgraph=True)
def batch_loss(logits, targets):
    return F.cross_entropy(logits, targets)

print(sum(batch_loss(*pair).item() for pair in data()) / 3)
print(sum(torch._dynamo.utils.counters["graph_break"].values()))
"""


@pytest.mark.torch
def test_a_compiled_function_of_the_script_stays_one_graph(
    verify: Verify, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without findings, what each function of the script returns is recorded; inside a graph that must leave no trace."""
    path, _ = script(tmp_path, COMPILED)
    plain = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    capfd.readouterr()
    run = verify([], path)
    seen = capfd.readouterr()
    assert (seen.out, seen.err) == (plain.stdout, plain.stderr)
    assert run.document["run"]["criterion_calls"] == 3


BROKEN = """\
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Embedding(7, 4), torch.nn.GRU(4, 7, batch_first=True))

    def forward(self, ids):
        logits = self.body(ids)[0]
        torch._dynamo.graph_break()
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())

torch.manual_seed(0)
model = torch.compile(Model(), backend="eager")
losses = [model(torch.randint(0, 7, (1, length))) for length in (9, 3)]
print((losses[0] + losses[1]).item() / 2)
"""


@pytest.mark.torch
def test_behind_a_graph_break_the_recorder_is_not_compiled(
    verify: Verify, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """There dynamo compiles each function that is called by itself; it fails at one that walks frames."""
    path, _ = script(tmp_path, BROKEN)
    plain = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    capfd.readouterr()
    run = verify([], path)
    seen = capfd.readouterr()
    assert (seen.out, seen.err) == (plain.stdout, plain.stderr)
    ran = run.document["run"]
    assert (ran["criterion_calls"], ran["unseen"]) == (2, [])


TRACED = """\
class Odd:
    def __getattr__(self, name):
        raise KeyError(name)

class Model(torch.nn.Module):
    def forward(self, x):
        return F.linear(F.pad(x, (1, 0)), torch.ones(7, 5))

tokens = Odd()
F.embedding(torch.tensor([[1, 2]]), torch.ones(7, 4))
print(torch.fx.symbolic_trace(Model()).graph)
print(evaluate(data()))
"""


@pytest.mark.torch
def test_a_graph_that_the_program_traces_holds_nothing_of_ours(
    verify: Verify, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """And what its objects answer when they are asked for logits or a pad id brings nothing down."""
    path, _ = script(tmp_path, "import torch.fx\n" + TRACED)
    plain = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    capfd.readouterr()
    run = verify([], path)
    seen = capfd.readouterr()
    assert (seen.out, seen.err) == (plain.stdout, plain.stderr)
    assert run.document["run"]["unseen"] == []


@pytest.mark.torch
def test_argv_main_path_and_directory(verify: Verify, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ending = (
        "evaluate(data())\n"
        "import __main__\n"
        "print(json.dumps([sys.argv, sys.path, os.getcwd(), __file__, __spec__ is None, __name__, __doc__,\n"
        "                  __main__.evaluate is evaluate, type(__loader__).__name__, sorted(globals())]))"
    )
    path, found = script(tmp_path, ending)
    command = [sys.executable, str(path), "--epochs", "3", "a b"]
    plain = subprocess.run(command, capture_output=True, text=True, check=True)
    capfd.readouterr()
    assert verify([found], *command).exit_code == 1
    assert json.loads(capfd.readouterr().out) == json.loads(plain.stdout)


@pytest.mark.torch
def test_traceback_and_status_of_a_crash(verify: Verify, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, found = script(tmp_path, "evaluate(data())\nevaluate([(torch.zeros(2, 3), torch.zeros(5).long())])")
    plain = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    capfd.readouterr()
    run = verify([found], path)
    seen = capfd.readouterr().err
    assert run.exit_code == 2
    assert run.document["run"]["exit_code"] == plain.returncode == 1
    assert seen.startswith(plain.stderr)
    assert "partial" in seen.removeprefix(plain.stderr)
    assert run.findings[0]["calls"][0]["verdict"] == "confirmed"


COMPLAINTS = """\
import logging, threading, traceback, warnings
F.mse_loss(torch.zeros(2, 1), torch.zeros(2))
F.mse_loss(torch.zeros(2, 1), torch.zeros(2))

def fail():
    evaluate([(torch.zeros(2, 3), torch.zeros(5).long())])

thread = threading.Thread(target=fail, name="worker")
thread.start()
thread.join()
try:
    fail()
except ValueError:
    traceback.print_exc()
    logging.exception("a batch failed")
print(evaluate(data()))
warnings.warn("one further up", stacklevel=2)
"""


@pytest.mark.torch
def test_what_a_program_says_of_errors_and_warnings(
    verify: Verify, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each warning names the user's line, and no traceback holds a line of ours, wherever it is printed."""
    path, found = script(tmp_path, COMPLAINTS)
    plain = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    capfd.readouterr()
    verify([found], path)
    seen = capfd.readouterr()
    assert seen.err == plain.stderr
    assert (seen.err.count("UserWarning"), seen.err.count("ValueError: Expected")) == (3, 3)
