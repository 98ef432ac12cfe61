"""A loss that cannot be recorded is reported as unseen: never guessed, and never taken for none."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from .conftest import Verify, finding

pytestmark = pytest.mark.torch

PROGRAM = """
import torch
import torch.nn.functional as F

class Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, labels, smoothing):
        {forward}

@torch.library.custom_op("kernels::loss", mutates_args=())
def kernel(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return torch.logsumexp(logits, -1).sub(logits.gather(-1, labels[:, None]).squeeze(-1)).mean()

def evaluate(batches):
    total = 0.0
    for logits, labels in batches:
        total += {call}.item()
    return total / len(batches)

torch.manual_seed(0)
print(evaluate([(torch.randn(n, 7), torch.randint(0, 7, (n,))) for n in (6, 6, 1)]))
"""
SMOOTHED = "return F.log_softmax(logits, -1).mul(-smoothing).mean() + torch.logsumexp(logits, -1).mean()"
SQUARED = "return (logits.argmax(-1) - labels).float().square().mean()"
CONTAINER = "return F.cross_entropy(logits, labels)"


def program(folder: Path, forward: str, call: str) -> tuple[Path, dict[str, object]]:
    path = folder / "evaluate.py"
    text = PROGRAM.format(forward=forward, call=call).lstrip()
    path.write_text(textwrap.dedent(text))
    row = next(number for number, line in enumerate(text.splitlines(), 1) if "total / len" in line)
    return path, finding(path, "LL101", row, 12, 12 + len("total / len(batches)"))


@pytest.mark.parametrize("forward", [SMOOTHED, SQUARED], ids=["smoothed", "no cross-entropy"])
def test_a_function_that_is_not_proven_is_named(forward: str, verify: Verify, tmp_path: Path) -> None:
    path, found = program(tmp_path, forward, "Loss.apply(logits, labels, 0.1)")
    run = verify([found], path)
    assert run.findings[0]["verdict"] == "undecided" and run.exit_code == 0
    assert "__main__.Loss" in run.findings[0]["explanation"]
    (missed,) = run.document["run"]["unseen"]
    assert missed["what"] == "__main__.Loss" and missed["place"].endswith("evaluate.py:16")
    assert run.document["run"]["criterion_calls"] == 0


def test_a_kernel_is_no_silence(verify: Verify, tmp_path: Path) -> None:
    path, found = program(tmp_path, CONTAINER, "kernel(logits, labels)")
    run = verify([found], path)
    assert run.findings[0]["verdict"] == "undecided"
    assert "ran, and no criterion that can be recorded" in run.findings[0]["explanation"]


def test_a_container_of_criteria_is_seen_through(verify: Verify, tmp_path: Path) -> None:
    path, found = program(tmp_path, CONTAINER, "Loss.apply(logits, labels, 0.1)")
    run = verify([found], path)
    assert run.findings[0]["verdict"] == "confirmed" and run.document["run"]["criterion_calls"] == 3
    assert run.document["run"]["unseen"] == []


def test_every_format_says_it(verify: Verify, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, found = program(tmp_path, SQUARED, "Loss.apply(logits, labels, 0.1)")
    names = ("table", "markdown", "html")
    options = [word for name in names for word in ("--report", f"{name}={tmp_path / name}")]
    verify([found], path, options=tuple(options))
    assert all("not seen: __main__.Loss" in (tmp_path / name).read_text() for name in names)
