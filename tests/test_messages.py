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
