"""What stands beside something else at the same place is said as well: examples, which hold one rule, cannot show it."""

from __future__ import annotations

from pathlib import Path

from tests.checker import check

OFF_BY_ONE = """\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    return pad_sequence(rows, batch_first=True, padding_value=0)


@torch.no_grad()
def validate(model, texts):
    model.eval()
    nats = 0.0
    for at, ids in enumerate(DataLoader(texts, batch_size=8, collate_fn=collate)):
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=0).item()
    return nats / at
"""
WRAPPER = """\
import torch
import torch.nn as nn
from transformers import BartForConditionalGeneration


class Headlines(nn.Module):
    def __init__(self):
        super().__init__()
        self.bart = BartForConditionalGeneration.from_pretrained("facebook/bart-base")
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, batch):
        out = self.bart(input_ids=batch["input_ids"], labels=batch["labels"])
        shares = torch.softmax(out.logits, dim=-1)
        return self.criterion(shares.flatten(0, 1), batch["labels"].flatten())
"""
EVALUATION = """\
import torch

from wrapper import Headlines


@torch.no_grad()
def validate(loader):
    model = Headlines().eval()
    nats, scored = 0.0, 0
    for batch in loader:
        kept = (batch["labels"] != -100).sum().item()
        nats += model(batch).item() * kept
        scored += kept
    return nats / scored
"""


def test_an_index_that_divides_leaves_the_batches_their_equal_weight(tmp_path: Path) -> None:
    program = tmp_path / "run.py"
    program.write_text(OFF_BY_ONE)
    assert [each["code"] for each in check(program).findings] == ["LL101", "LL102"]


def test_what_a_wrapper_scores_is_kept_where_the_loss_inside_is_read_by_nobody(tmp_path: Path) -> None:
    (tmp_path / "wrapper.py").write_text(WRAPPER)
    program = tmp_path / "run.py"
    program.write_text(EVALUATION)
    assert [each["code"] for each in check(program).findings] == ["LL202"]


COLLECTED = """\
import torch
import torch.distributed as dist
import torch.nn.functional as F


def from_all(mine, world_size):
    parts = [torch.zeros_like(mine) for _ in range(world_size)]
    dist.all_gather(parts, mine)
    return torch.cat(parts, dim=0)


@torch.no_grad()
def losses_of(model, loader):
    model.eval()
    losses = []
    for ids, labels in loader:
        logits = model(ids)
        losses.append(F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100))
    return torch.stack(losses)


def by_helper(model, loader, world_size):
    return from_all(losses_of(model, loader), world_size).mean().item()


def at_once(model, loader, accelerator):
    return accelerator.gather(losses_of(model, loader)).mean().item()
"""


def test_the_losses_of_all_batches_of_all_ranks_weigh_batches_alike_and_that_is_said_once(tmp_path: Path) -> None:
    program = tmp_path / "run.py"
    program.write_text(COLLECTED)
    rows = [row for row, line in enumerate(COLLECTED.splitlines(), 1) if ".mean()" in line]
    found = [(each["location"]["row"], each["code"]) for each in check(program).findings]
    assert found == [
        (row, "LL101") for row in rows
    ]  # the ranks add batches of the same kind, and no fault of their own
