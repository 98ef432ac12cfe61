"""However a program ends, and whatever becomes of the ledger: what was recorded is judged, and nobody's run is harmed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import Verify
from .programs import ROOT, script


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
