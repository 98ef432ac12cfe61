"""Property: no Python file makes the interpreter fail, and what is said of one is the same however it is checked.

The standard library is code that nobody wrote with this linter in mind, and every machine has it.
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from lintloss.__main__ import run

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
FILES = 150
LONGEST = 60_000  # bytes: the longest files are data, and would be most of the time


def _sources() -> Iterator[Path]:
    for here, folders, names in os.walk(LIBRARY):
        folders[:] = sorted(name for name in folders if name not in {"site-packages", "__pycache__", "lib2to3"})
        yield from (Path(here, name) for name in sorted(names) if name.endswith(".py"))


def _sample() -> list[str]:
    """Take files from all over the library, the same ones each time; broken on purpose are some of its tests' data."""
    fit = [path for path in _sources() if "bad" not in path.name and path.stat().st_size < LONGEST]
    return [str(path) for path in fit[:: max(1, len(fit) // FILES)][:FILES]]


def _check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["check", "--isolated", "--no-cache", "--output-format", "json", *arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_the_standard_library_is_checked_without_failure_and_always_alike(capsys: pytest.CaptureFixture[str]) -> None:
    sample = _sample()
    assert len(sample) == FILES
    code, said, errors = _check(capsys, "--jobs", "1", *sample)
    assert code in {0, 1}, errors
    assert "failed with" not in said + errors
    assert "internal" not in errors
    assert _check(capsys, "--jobs", "2", *reversed(sample)) == (code, said, errors)


def test_what_is_said_of_a_file_does_not_depend_on_others(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trees are shared between files, and forgotten: neither may show."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "metrics.py").write_text(METRICS)
    (tmp_path / "evaluate.py").write_text(EVALUATE)
    alone = _check(capsys, "--jobs", "1", "evaluate.py")
    assert "LL101" in alone[1]
    for kept in (10**6, 0):
        monkeypatch.setattr("lintloss.facts.project.KEPT", kept)
        assert _check(capsys, "--jobs", "1", "evaluate.py", "metrics.py")[1] == alone[1]
        assert _check(capsys, "--jobs", "1", "metrics.py", "evaluate.py")[1] == alone[1]


METRICS = """import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence

PAD_ID = 0


def collate(rows):
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD_ID)
    return ids[:, :-1], ids[:, 1:]


def batch_loss(model, inputs, targets):
    logits = model(inputs)
    return F.cross_entropy(logits.reshape(-1, logits.size(-1)), targets.reshape(-1), ignore_index=PAD_ID)
"""
EVALUATE = """import math

import torch
from torch.utils.data import DataLoader

from metrics import batch_loss, collate


@torch.no_grad()
def evaluate(model, dataset):
    loader = DataLoader(dataset, batch_size=32, collate_fn=collate)
    model.eval()
    total = 0.0
    for inputs, targets in loader:
        total += batch_loss(model, inputs, targets).item()
    return math.exp(total / len(loader))
"""
