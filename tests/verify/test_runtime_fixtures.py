"""Each program of fixtures/runtime: every marked finding gets its verdict, and the right loss to 1e-4."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from .conftest import RUNTIME, Verify, marks

pytestmark = pytest.mark.torch

PROGRAMS = sorted(path for path in RUNTIME.glob("*.py") if not path.name.startswith(("tiny", "incident")))
# Found at run time beside the marked ones, and true: `rolled` shifts rightly and averages over uneven batches.
EXTRA = {"ll301_shift": (("LL101", "confirmed"),)}
NEEDS = {"hf": "transformers", "lightning": "lightning", "accelerate": "accelerate"}


def load(path: Path) -> ModuleType:
    """Import a program without running it: `truth()` is what the tests need of it."""
    spec = importlib.util.spec_from_file_location(f"fixture_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_verdicts_and_numbers(
    path: Path, verify: Verify, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for word, package in NEEDS.items():
        if word in path.stem:
            pytest.importorskip(package, reason=f"{package} is not installed")
    monkeypatch.syspath_prepend(str(path.parent))
    findings, expected = marks(path)
    assert findings, "a program without marks tests nothing"
    command = _command(path)
    run = verify(findings, *command)
    errors = capfd.readouterr().err
    assert run.document["run"]["exit_code"] == 0, errors
    right = load(path).truth()
    said = [(found["code"], found["verdict"], found["explanation"]) for found in run.findings]
    judged = [(code, verdict) for code, verdict, _ in said]
    assert judged == [*((e.code, e.verdict) for e in expected), *EXTRA.get(path.stem, ())], said
    for found, wanted in zip(run.findings, expected, strict=False):
        last = found["last"]
        if "calls" in right:
            assert [call["reference"]["loss"] for call in found["calls"]] == pytest.approx(right["calls"], rel=1e-4)
        loss = right[wanted.part]
        if loss is None:  # what was never scored, or is no held-out data, has no right loss
            assert last["reference"] == {"loss": None, "perplexity": None, "scored_tokens": None}
            assert last["reported"]["loss"] is not None or wanted.code == "LL106"  # which is about gradients
        else:
            assert last["reference"]["loss"] == pytest.approx(loss, rel=1e-4), found["explanation"]
    assert run.exit_code == (1 if any(e.verdict == "confirmed" for e in expected) else 0)


def _command(path: Path) -> tuple[object, ...]:
    if "ddp" in path.stem:
        runner = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
        return (*runner, path)
    return (path,)
