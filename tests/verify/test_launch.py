"""The command runs as without lintloss: arguments, paths, streams, exit codes, signals; children are seen too."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from .conftest import RUNTIME, Verify, finding, marks

ROOT = Path(__file__).resolve().parents[2]

EVALUATE = textwrap.dedent(
    '''
    """A script."""
    from __future__ import annotations
    import json, os, sys
    import torch
    import torch.nn.functional as F

    def evaluate(batches):
        total = 0.0
        for logits, targets in batches:
            total += F.cross_entropy(logits, targets).item()
        return total / len(batches)

    def data(seed=0):
        torch.manual_seed(seed)
        return [(torch.randn(n, 7), torch.randint(0, 7, (n,))) for n in (6, 6, 1)]

    if __name__ == "__main__":
        print(evaluate(data()))
    '''
).lstrip()
EXPRESSION = "total / len(batches)"


def script(folder: Path, ending: str = "", name: str = "evaluate.py") -> tuple[Path, dict[str, object]]:
    """Write the script with another ending; return it with the finding in it."""
    path = folder / name
    text = EVALUATE if not ending else EVALUATE.replace("    print(evaluate(data()))", textwrap.indent(ending, "    "))
    path.write_text(text)
    row = next(number for number, line in enumerate(text.splitlines(), 1) if EXPRESSION in line)
    column = text.splitlines()[row - 1].index(EXPRESSION) + 1
    return path, finding(path, "LL101", row, column, column + len(EXPRESSION))


def verify_process(findings: list[dict[str, object]], folder: Path, *command: str) -> subprocess.Popen[str]:
    """`lintloss verify` as a process of its own, with a terminal's signals out of the way."""
    source = folder / "findings.json"
    source.write_text(json.dumps(findings))
    code = "import sys; from lintloss.verify import main; sys.exit(main(sys.argv[1:]))"
    options = ["--findings", str(source), "--output-format", "json", "--output-file", str(folder / "out.json")]
    return subprocess.Popen(
        [sys.executable, "-c", code, *options, "--", *command], text=True, cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


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


@pytest.mark.torch
@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("print(evaluate(data()))\nsys.stdout.flush()\nos._exit(3)", 3),
        ("print(evaluate(data()))\nsys.stdout.flush()\nos.kill(os.getpid(), 9)", -9),
        ("print(evaluate(data()))\nsys.exit('no')", 1),
        ("print(evaluate(data()))\nraise KeyboardInterrupt", -2),
    ],
    ids=["os._exit", "kill -9", "sys.exit", "an uncaught interrupt"],
)
def test_what_was_recorded_is_judged(ending: str, status: int, verify: Verify, tmp_path: Path) -> None:
    path, found = script(tmp_path, ending)
    run = verify([found], path)
    assert (run.document["run"]["exit_code"], run.exit_code) == (status, 2)
    assert run.findings[0]["verdict"] == "confirmed"
    assert run.document["run"]["partial"]


@pytest.mark.torch
def test_ctrl_c_ends_the_program_and_the_rest_is_judged(tmp_path: Path) -> None:
    ending = "print(evaluate(data()), flush=True)\nimport time\ntime.sleep(60)"
    path, found = script(tmp_path, ending)
    process = verify_process([found], tmp_path, sys.executable, str(path))
    assert process.stdout is not None
    assert process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    document = json.loads((tmp_path / "out.json").read_text())
    assert process.returncode == 2, errors
    assert document["run"]["exit_code"] == -signal.SIGINT
    assert document["findings"][0]["verdict"] == "confirmed"
    assert errors.count("KeyboardInterrupt") == 1


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


OUTLIVES = """\
import os, shutil
shutil.rmtree(os.path.dirname(os.environ["LINTLOSS_PLAN"]))
import torch
for _ in range(3):
    print(torch.nn.functional.cross_entropy(torch.zeros(1, 2), torch.tensor([0])).item())
"""


@pytest.mark.torch
def test_a_program_outlives_its_ledger(verify: Verify, capfd: pytest.CaptureFixture[str]) -> None:
    """A process that a finished command left behind finds no folder to write to, and goes on."""
    run = verify([], sys.executable, "-c", OUTLIVES)
    seen = capfd.readouterr()
    assert (run.document["run"]["exit_code"], seen.err) == (0, "")
    assert len(seen.out.splitlines()) == 3


@pytest.mark.torch
def test_kept_ledgers_follow_no_change_of_directory_and_are_not_mixed(
    verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    path, found = script(tmp_path, "os.chdir('elsewhere')\nevaluate(data())")
    run = verify([found], path, options=("--keep", "kept"))
    assert (run.findings[0]["verdict"], run.document["run"]["processes"]) == ("confirmed", 1)
    assert list((tmp_path / "kept").glob("*.jsonl"))
    capfd.readouterr()
    assert verify([found], path, options=("--keep", "kept")).exit_code == 2
    assert "kept: --keep: holds what an earlier run recorded" in capfd.readouterr().err


CTRL_C = """\
import signal, sys, time
caught = []
signal.signal(signal.SIGINT, lambda *_: caught.append(1))
print("ready", flush=True)
time.sleep(1.5)
print(f"caught {len(caught)}", flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "forkpty"), reason="there are no terminals here")
def test_an_interrupt_from_the_terminal_comes_once_whatever_stdin_is(tmp_path: Path) -> None:
    (tmp_path / "wait.py").write_text(CTRL_C)
    code = "import sys; from lintloss.verify import main; sys.exit(main(sys.argv[1:]))"
    child, terminal = os.forkpty()
    if not child:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ["PYTHONPATH"] = str(ROOT)
        os.chdir(tmp_path)
        os.execv(sys.executable, [sys.executable, "-c", code, "--", sys.executable, "wait.py"])
    said = b""
    while b"ready" not in said:
        said += os.read(terminal, 1024)
    os.write(terminal, b"\x03")
    try:
        while b"no findings" not in said:
            said += os.read(terminal, 1024)
    except OSError:  # Linux: the other end is closed
        pass
    os.close(terminal)
    os.waitpid(child, 0)
    assert b"caught 1\r\n" in said, said


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
