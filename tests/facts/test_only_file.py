"""A bare import that only a file in some other folder of the project answers: a shell script puts it on the path."""

from __future__ import annotations

import os
from pathlib import Path

from tests.checker import check

SOLVER = """
import torch
from scoring import token_loss


@torch.no_grad()
def validate(model, loader):
    model.eval()
    total = 0
    for index, (frames, target) in enumerate(loader):
        total += token_loss(model(frames), target).item()
    return total / (index + 1)
"""
SCORING = """
import torch.nn.functional as F


def token_loss(logits, target):
    return F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-1)
"""


def _project(root: Path, **scoring: str) -> Path:
    (root / "pyproject.toml").write_text("")
    for folder, text in {"solver": "", **scoring}.items():
        (root / folder).mkdir()
        (root / folder / "scoring.py").write_text(text) if text else None
    (root / "solver" / "solver.py").write_text(SOLVER)
    return root / "solver" / "solver.py"


def _severities(path: Path) -> list[str]:
    return [each["severity"] for each in check(path).findings if each["code"] == "LL101"]


def test_the_only_file_of_that_name_is_meant(tmp_path: Path) -> None:
    assert _severities(_project(tmp_path, speech=SCORING)) == ["warning"]


def test_of_two_files_nobody_knows_which(tmp_path: Path) -> None:
    other = SCORING.replace(", ignore_index=-1", "")
    assert "warning" not in _severities(_project(tmp_path, speech=SCORING, vision=other))


def test_a_file_without_the_name_is_not_meant(tmp_path: Path) -> None:
    assert "warning" not in _severities(_project(tmp_path, speech=SCORING.replace("token_loss", "frame_loss")))


def test_a_pipe_among_the_files_is_none_of_them(tmp_path: Path) -> None:
    program = _project(tmp_path, speech=SCORING)
    os.mkfifo(tmp_path / "speech" / "queue.py")  # to open it would wait for its other end
    assert _severities(program) == ["warning"]
