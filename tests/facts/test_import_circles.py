"""Files that take a name from one another: it is nobody's, and the rest of the file is still read."""

from __future__ import annotations

from pathlib import Path

from tests.checker import check

SCRIPT = """
import torch
import torch.nn.functional as F

from first import helper


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total_loss = 0.0
    for ids in loader:
        logits = helper(model(ids[:, :-1]))
        total_loss += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=0).item()
    return total_loss / len(loader)
"""


def test_a_name_that_two_files_import_from_one_another_ends_no_run(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text("from second import helper\n")
    (tmp_path / "second.py").write_text("from first import helper\n")
    (tmp_path / "eval.py").write_text(SCRIPT)
    assert [each["code"] for each in check(tmp_path / "eval.py").findings] == ["LL101"]
