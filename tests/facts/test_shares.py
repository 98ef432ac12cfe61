"""Steps are shared out among calls: what got too few of them once is tried again where more are left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checker import check

MODEL = """\
import torch.nn as nn


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, rows):
"""
LAYER = "        rows = rows + self.layer(rows) * 0.5 - self.layer(rows)\n"
SCORES = """\
import torch.nn.functional as F


def score(logits, targets, pad):
    loss = F.cross_entropy(logits, targets, ignore_index=pad, reduction="sum")
    return loss, targets.ne(pad).sum().item()
"""
PROGRAM = """\
import torch

from scores import score
from tower import Tower


def train(model, loader, optimizer, pad):
    model.train()
    for source, targets in loader:
        optimizer.zero_grad()
        logits = model(source)
        CALLS
        loss, words = score(logits, targets, pad)
        loss.backward()
        optimizer.step()


def evaluate(model, loader, pad):
    model.eval()
    total = 0.0
    with torch.no_grad():
        for source, targets in loader:
            loss, words = score(model(source), targets, pad)
            total += loss.item()
    return total / len(loader)


def main(loader, held_out, pad):
    model = Tower()
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(3):
        train(model, loader, optimizer, pad)
        print(evaluate(model, held_out, pad))


if __name__ == "__main__":
    main(torch.load("train.pt"), torch.load("valid.pt"), 0)
"""


@pytest.mark.parametrize("calls", [20, 35, 50])
def test_a_helper_of_the_training_is_tried_again_in_the_evaluation(tmp_path: Path, calls: int) -> None:
    (tmp_path / "tower.py").write_text(MODEL + LAYER * 10 + "        return rows\n")
    (tmp_path / "scores.py").write_text(SCORES)
    program = tmp_path / "run.py"
    program.write_text(PROGRAM.replace("CALLS", "; ".join(["logits = logits + model(source)"] * calls)))
    assert [each["code"] for each in check(program).findings] == ["LL102"]
