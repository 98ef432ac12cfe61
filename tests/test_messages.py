"""What a message advises can be done where it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checker import check

LOOP = """\
{indent}for x, y in val_loader:
{indent}    nats += F.cross_entropy(model(x), y, reduction="sum").item()
{indent}    rows += y.size(0)
"""
EVALUATION = "def evaluate(model, val_loader):\n    model.eval()\n    nats = rows = 0\n" + LOOP.format(indent="    ")
TRAINING = (
    "def fit(model, train_loader, val_loader, optimizer):\n    for x, y in train_loader:\n        optimizer.zero_grad()\n"
    "        F.cross_entropy(model(x), y).backward()\n        optimizer.step()\n"
    + EVALUATION.split("\n", 1)[1]
)  # fmt: skip
SCRIPT = (
    "from torchvision import models\nfrom data import val_loader\n\nmodel = models.resnet18()\nmodel.eval()\nnats = rows = 0\n"
    + LOOP.format(indent="")
)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (EVALUATION + "    return nats / rows\n", "decorate evaluate() with `@torch.no_grad()`"),
        (TRAINING + "    return nats / rows\n", "in a `with torch.no_grad():` block"),
        (SCRIPT + "print(nats / rows)\n", "in a `with torch.no_grad():` block"),
    ],
    ids=["a function that evaluates", "a function that trains, too", "no function"],
)
def test_gradients_are_turned_off_where_nothing_trains(code: str, advice: str, tmp_path: Path) -> None:
    path = tmp_path / "evaluation.py"
    path.write_text(f"import torch\nimport torch.nn.functional as F\n\n\n{code}")
    (found,) = check(path).findings
    assert found["code"] == "LL402" and found["message"].endswith(advice)


SAMPLED = """\
@torch.no_grad()
def perplexity(model, rows, steps=100):
    model.eval()
    nats = 0.0
    for _ in range(steps):
        x, y = get_batch(rows)
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item()
    return math.exp(nats / steps)
"""


@pytest.mark.parametrize(
    ("sampler", "claim"),
    [
        ("from data import get_batch", "exact as long as every batch"),
        (
            "def get_batch(rows):\n    row = random.choice(rows)\n    return row[None, :-1], row[None, 1:]",
            "exact as long",
        ),
        (
            "def get_batch(ids, size=64):\n    begins = torch.randint(len(ids) - size, (8,))\n"
            "    rows = torch.stack([ids[i : i + size + 1] for i in begins])\n    return rows[:, :-1], rows[:, 1:]",
            "exact here, because",
        ),
    ],
    ids=["out of sight, a name proves nothing", "rows of any length", "windows of one length"],
)
def test_exact_is_said_of_what_is_proven(sampler: str, claim: str, tmp_path: Path) -> None:
    path = tmp_path / "evaluation.py"
    path.write_text(
        f"import math\nimport random\nimport torch\nimport torch.nn.functional as F\n\n{sampler}\n\n{SAMPLED}"
    )
    (found,) = check(path, options=("--min-severity", "note")).findings
    assert found["code"] == "LL101" and found["severity"] == "note" and claim in found["message"]


def test_the_evidence_says_why_batches_differ(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.py"
    path.write_text(
        "import torch\nimport torch.nn.functional as F\nfrom torch.utils.data import DataLoader\n\n"
        "def collate(rows):\n    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)\n"
        "    return ids[:, :-1], ids[:, 1:]\n\n"
        "@torch.no_grad()\ndef evaluate(model, rows):\n    loader = DataLoader(rows, collate_fn=collate)\n"
        "    model.eval()\n    total = 0.0\n    for x, y in loader:\n"
        "        total += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=0).item()\n"
        "    return total / len(loader)\n"
    )
    (found,) = check(path).findings
    assert found["severity"] == "error"
    assert "the collate function pads rows of different length" in [link["message"] for link in found["evidence"]]
