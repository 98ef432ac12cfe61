"""What a script hands to the constructor of another file's class reaches the methods that the script does not call."""

from __future__ import annotations

from pathlib import Path

from tests.checker import check

RUNNER = """
import torch


class Runner:
    def __init__(self, model, criterion, loader):
        self.model, self.criterion, self.loader = model, criterion, loader

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        total_loss = 0
        for source, target in self.loader:
            logits = self.model(source)
            total_loss += self.criterion(logits.flatten(0, 1), target.flatten()).item()
        return total_loss / len(self.loader)
"""
SCRIPT = """
from runner import Runner
from torch import nn


def build(model, loader, launch):
    launch(Runner(model, nn.CrossEntropyLoss(ignore_index=0), loader))
"""


def _severities(folder: Path, script: str) -> list[str]:
    (folder / "runner.py").write_text(RUNNER)
    (folder / "build.py").write_text(script)
    return [each["severity"] for each in check(folder / "runner.py").findings if each["code"] == "LL101"]


def test_criterion_with_an_ignored_id_makes_batches_differ(tmp_path: Path) -> None:
    assert _severities(tmp_path, SCRIPT) == ["error"]


def test_criterion_over_features_says_nothing_of_tokens(tmp_path: Path) -> None:
    assert "error" not in _severities(tmp_path, SCRIPT.replace("nn.CrossEntropyLoss(ignore_index=0)", "nn.MSELoss()"))


def test_a_caller_that_takes_the_whole_budget_leaves_the_findings_of_the_called_file(tmp_path: Path) -> None:
    (tmp_path / "runner.py").write_text(RUNNER)
    many = "\n".join("r = a(b) + a(c, d)" for _ in range(9_900))  # more expressions than are evaluated for one caller
    (tmp_path / "build.py").write_text(
        f"import library\n{SCRIPT}\n{many}\n\nclass Part(library.nn.modules.Base):\n    pass\n"
    )
    checked = check(tmp_path / "runner.py")
    assert "could not be checked" not in checked.stderr
    assert "LL101" in checked.codes()
