"""What a class takes over from another file is shown where it does so: rows of that file mean nothing in this one."""

from __future__ import annotations

from pathlib import Path

from tests.checker import check

BASE = '''\
import torch


class Evaluation:
    """What every task shares.

    The rows of this file are not those of the file beside it.
    """

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        total = 0.0
        for batch in loader:
            total += self.loss_of(batch).item()
        return total / len(loader)
'''
TASK = """\
import torch.nn.functional as F
from base import Evaluation


class NextWord(Evaluation):
    def __init__(self, model):
        self.model = model

    def loss_of(self, batch):
        logits = self.model(batch[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), ignore_index=0)
"""


def test_an_average_of_a_base_class_is_shown_at_the_class_that_takes_it_over(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(BASE)
    program = tmp_path / "task.py"
    program.write_text(TASK)
    found = [(each["code"], each["location"]["row"]) for each in check(program).findings]
    assert found == [("LL101", TASK.splitlines().index("class NextWord(Evaluation):") + 1)]
