"""A small script with one finding, written where a test wants it, with the ending that it wants."""

from __future__ import annotations

import textwrap
from pathlib import Path

from .conftest import finding

ROOT = Path(__file__).resolve().parents[2]

EVALUATE = textwrap.dedent(
    '''
    """A script."""
    from __future__ import annotations
    import json, os, sys
    import torch
    import torch.nn.functional as F

    def evaluate(batches):
        total = 0.0
        for logits, targets in batches:
            total += F.cross_entropy(logits, targets).item()
        return total / len(batches)

    def data(seed=0):
        torch.manual_seed(seed)
        return [(torch.randn(n, 7), torch.randint(0, 7, (n,))) for n in (6, 6, 1)]

    if __name__ == "__main__":
        print(evaluate(data()))
    '''
).lstrip()
EXPRESSION = "total / len(batches)"


def script(folder: Path, ending: str = "", name: str = "evaluate.py") -> tuple[Path, dict[str, object]]:
    """Write the script with another ending; return it with the finding in it."""
    path = folder / name
    text = EVALUATE if not ending else EVALUATE.replace("    print(evaluate(data()))", textwrap.indent(ending, "    "))
    path.write_text(text)
    row = next(number for number, line in enumerate(text.splitlines(), 1) if EXPRESSION in line)
    column = text.splitlines()[row - 1].index(EXPRESSION) + 1
    return path, finding(path, "LL101", row, column, column + len(EXPRESSION))
