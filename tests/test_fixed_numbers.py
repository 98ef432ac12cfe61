"""What a fixed program reports is the token-weighted number: each is fixed, run with torch, and compared."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lintloss.rule import Bad
from tests import examples

pytestmark = pytest.mark.torch
PAD = 0
HEAD = """\
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


class Bigrams(nn.Module):
    \"\"\"Row t guesses token t + 1 from token t: causal without a mask.\"\"\"

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(7, 7)
        self.causal = True

    def forward(self, ids):
        return self.table(ids)


def collate(rows):
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)


@torch.no_grad()
def evaluate(model: Bigrams, rows):
    loader = DataLoader(rows, batch_size=2, collate_fn=collate)
    model.eval()
"""
LOOP = """\
    for ids in loader:
        logits, targets = model(ids[:, :-1]), ids[:, 1:]
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD{})
"""
MEAN, SUM = LOOP.format(""), LOOP.format(', reduction="sum"')
CASES = {
    "LL101 sum over len(loader)": f"    total = 0.0\n{MEAN}        total += loss.item()\n    return total / len(loader)\n",
    "LL101 list": f"    losses = []\n{MEAN}        losses.append(loss.item())\n    return sum(losses) / len(losses)\n",
    "LL101 stacked": f"    losses = []\n{MEAN}        losses.append(loss)\n    return torch.stack(losses).mean().item()\n",
    "LL101 rows": (
        f"    total, count = 0.0, 0\n{MEAN}        total += loss.item() * ids.size(0)\n"
        "        count += ids.size(0)\n    return total / count\n"
    ),
    "LL101 in place": (
        f"    total = 0.0\n{MEAN}        total += loss.item()\n    total /= len(loader)\n    return total\n"
    ),
    "LL102 sums over batches": f"    total = 0.0\n{SUM}        total += loss.item()\n    return total / len(loader)\n",
    "LL102 means over tokens": (
        f"    total, count = 0.0, 0\n{MEAN}        total += loss.item()\n"
        "        count += (targets != PAD).sum().item()\n    return total / count\n"
    ),
    "LL103 padding is counted": (
        f"    total, count = 0.0, 0\n{SUM}        total += loss.item()\n        count += targets.numel()\n"
        "    return total / count\n"
    ),
    "LL104 perplexities": (
        f"    total = 0.0\n{MEAN}        total += math.exp(loss.item())\n    return math.log(total / len(loader))\n"
    ),
    "LL304 padding is scored": (
        f"    total, count = 0.0, 0\n{SUM.replace(', ignore_index=PAD', '')}        total += loss.item()\n"
        "        count += (targets != PAD).sum().item()\n    return total / count\n"
    ),
    "LL301 the input is the target": (
        "    total, count = 0.0, 0\n    for ids in loader:\n        logits = model(ids)\n"
        "        total += F.cross_entropy(\n"
        "            logits.view(-1, 7), ids.view(-1), ignore_index=PAD, reduction='sum'\n        ).item()\n"
        "        count += (ids != PAD).sum().item()\n    return total / count\n"
    ),
    "LL202 softmax": (
        f"    total, count = 0.0, 0\n{SUM.replace('logits.flatten(0, 1)', 'logits.softmax(-1).flatten(0, 1)')}"
        "        total += loss.item()\n        count += (targets != PAD).sum().item()\n    return total / count\n"
    ),
}
ROWS = [[1, 2, 3, 4, 5], [2, 1], [3, 3, 1], [6, 5, 4, 3, 2, 1], [4, 4]]


def report(code: str) -> tuple[float, float]:
    """Return what the program reports, and the mean over all scored tokens of a model with the same weights."""
    torch = pytest.importorskip("torch", reason="the programs need torch")
    values: dict[str, Any] = {}
    exec(code, values)
    torch.manual_seed(0)
    model = values["Bigrams"]()
    nats = [-math.log(model.table.weight[a].softmax(-1)[b].item()) for row in ROWS for a, b in pairwise(row)]
    return values["evaluate"](model, ROWS), sum(nats) / len(nats)


@pytest.mark.parametrize("name", CASES)
def test_fixed_program_reports_the_token_weighted_number(name: str, tmp_path: Path) -> None:
    code = HEAD + CASES[name]
    before, right = report(code)
    assert not math.isclose(before, right, rel_tol=1e-4), "the program is right as it is"
    examples.materialize(Bad(code=code, why=""), tmp_path)
    fixed = examples.fix_folder(tmp_path, name.partition(" ")[0])
    assert fixed != code, "no fix was made"
    after, right = report(fixed)
    assert math.isclose(after, right, rel_tol=1e-5)
