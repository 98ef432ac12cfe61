"""`pedantic = true`: what is exact only while batches have one size becomes a warning; what is proven exact stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lintloss.__main__ import run

CLASSIFICATION = """\
import torch
import torch.nn as nn
from torchvision.models import resnet18


def validate(loader):
    model = resnet18().eval()
    criterion = nn.CrossEntropyLoss()
    total = 0.0
    with torch.no_grad():
        for images, labels in loader:
            total += criterion(model(images), labels).item()
    return total / len(loader)
"""
EXACT = """\
import torch
import torch.nn.functional as F


@torch.no_grad()
def estimate(model, data, steps=20):
    model.eval()
    losses = torch.zeros(steps)
    for step in range(steps):
        starts = torch.randint(len(data) - 65, (16,))
        x = torch.stack([data[i : i + 64] for i in starts])
        y = torch.stack([data[i + 1 : i + 65] for i in starts])
        logits = model(x)
        losses[step] = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1)).item()
    model.train()
    return losses.mean()
"""


def severities(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, list[str]]:
    run(["check", "--no-cache", "--min-severity", "note", "--select", "LL101", "--output-format", "json", *words])
    found: dict[str, list[str]] = {"classify.py": [], "exact.py": []}
    for each in json.loads(capsys.readouterr().out):
        found[Path(each["filename"]).name].append(each["severity"])
    return found


def test_pedantic_raises_only_what_rests_on_equal_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "classify.py").write_text(CLASSIFICATION)
    (tmp_path / "exact.py").write_text(EXACT)
    assert severities(capsys) == {"classify.py": ["note"], "exact.py": ["note"]}
    (tmp_path / "lintloss.toml").write_text("pedantic = true\n")
    assert severities(capsys) == {"classify.py": ["warning"], "exact.py": ["note"]}
    assert severities(capsys, "--config", "pedantic = false") == {"classify.py": ["note"], "exact.py": ["note"]}
