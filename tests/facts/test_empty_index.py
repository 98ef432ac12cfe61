"""`x[()]`, all of an array, is an index without parts."""

from __future__ import annotations

from pathlib import Path

from tests.checker import check

PROGRAM = """\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, store, blocks):
    model.eval()
    total = torch.zeros(())
    for ids in blocks:
        logits = model(ids[:, :-1])
        labels = ids[:, 1:][()]
        labels[()] = store
        total += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=0)
    return total / len(blocks)
"""


def test_an_index_without_parts_is_read(tmp_path: Path) -> None:
    program = tmp_path / "run.py"
    program.write_text(PROGRAM)
    assert "could not be checked" not in check(program).stderr
