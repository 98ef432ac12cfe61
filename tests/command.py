"""Run `lintloss` in a process of its own, as a terminal does, without what CI would tell it; and programs to run it on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CI_NAMES = ("GITHUB_ACTIONS", "GITLAB_CI", "CI")

# The mean over batches that score unequal numbers of tokens: LL101 in the last row.
BAD = """\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad_id):
    model.eval()
    total = 0.0
    for ids in loader:
        logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad_id)
        total += loss.item()
    return total / len(loader)
"""


def run(folder: Path, *words: str, stdin: str | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder; what `environ` gives stands above what the tests were started with."""
    inherited = {name: value for name, value in os.environ.items() if name not in CI_NAMES}
    environ = {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "rules"))), "PYTHONUTF8": "1", **environ}
    return subprocess.run(
        [sys.executable, "-m", "lintloss", *words],
        cwd=folder,
        env={**inherited, **environ},
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
