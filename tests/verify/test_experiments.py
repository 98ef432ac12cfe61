"""The incident's four causes are told apart; what each experiment sees; shapes; that probes leave no trace."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .conftest import RUNTIME, Verify

pytestmark = pytest.mark.torch

INCIDENT = RUNTIME / "incident_causes.py"
ALL = ("--causality", "--untrained", "--copy-oracle", "--next-oracle", "--debug-shapes", "1")


@pytest.mark.parametrize(
    ("cause", "code", "words"),
    [
        ("divisor", "LL102", "divided by batches again"),
        ("padding", "LL102", "all positions (ignored ones counted)"),
        ("shift", "LL301", "the very tokens the model reads"),
        ("mask", "LL306", "moves earlier logits"),
        ("right", None, ""),
    ],
)
def test_the_incidents_causes_are_told_apart(cause: str, code: str | None, words: str, verify: Verify) -> None:
    run = verify([], sys.executable, INCIDENT, cause, "3", options=("--causality",))
    confirmed = [found for found in run.findings if found["verdict"] == "confirmed"]
    assert [found["code"] for found in confirmed] == ([] if code is None else [code])
    assert all(words in found["explanation"] and found["found_at_run_time"] for found in confirmed)
    assert run.exit_code == (0 if code is None else 1)


def test_oracles_see_a_missing_shift_and_leave_no_trace(verify: Verify, capfd: pytest.CaptureFixture[str]) -> None:
    plain = subprocess.run([sys.executable, INCIDENT, "shift", "3"], capture_output=True, text=True, check=True)
    capfd.readouterr()
    run = verify([], sys.executable, INCIDENT, "shift", "3", options=ALL)
    seen = capfd.readouterr()
    assert seen.out == plain.stdout
    tried = {one["experiment"]: one for one in run.document["run"]["experiments"]}
    assert {name: one["passed"] for name, one in tried.items()} == {
        "causality": True, "untrained": True, "copy-oracle": False, "next-oracle": False
    }  # fmt: skip
    assert tried["copy-oracle"]["would_report"] == pytest.approx(0, abs=1e-6)
    assert all(one["limits"] for one in tried.values())
    shapes = [line for line in seen.err.splitlines() if line.startswith("[lintloss]")]
    assert len(shapes) == 2 and "ids (8, 33) logits (264, 61) float32 labels (264,) int64 sum" in shapes[1]


def test_instrumented_source_is_shown(verify: Verify, capfd: pytest.CaptureFixture[str]) -> None:
    verify([], sys.executable, RUNTIME / "ll104_perplexities.py", options=("--show-instrumented",))
    assert "__lintloss_value__(" in capfd.readouterr().err
