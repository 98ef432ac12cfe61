"""Files for Python 3.12 and newer are checked on an older Python, too: their f-strings hold quotes of their own kind, and rows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from command import run
from lintloss.parse import UnparsableError, syntax_tree

NESTED = 'print(f"{loss["val"]:.3f} → {loss["test"]}"); after = 1\n'
SPREAD = 'print(\n    f"val {\n        mean} of {len(rows)}"); after = 1\n'
EVALUATE = '''\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, names):
    """The mean loss of the next token of a language model, and its perplexity."""
    model.eval()
    total = 0.0
    for ids, labels in loader:
        total += F.cross_entropy(model(ids).flatten(0, 1), labels.flatten(), ignore_index=-1).item()
    print(f"é {names["val"]} perplexity"); return total / len(loader)
'''


@pytest.mark.parametrize("text", [NESTED, SPREAD])
def test_what_stands_behind_keeps_its_place(text: str) -> None:
    (after,) = [node for node in ast.walk(syntax_tree(text)) if isinstance(node, ast.Name) and node.id == "after"]
    row = text.splitlines()[after.lineno - 1]
    assert row.encode()[after.col_offset :].startswith(b"after")


@pytest.mark.parametrize("text", ['print(f"{loss["val"}")\n', 'x = f"{1}" +\n', 'print "loss", f"{x["y"]}"\n'])
def test_what_no_python_reads_stays_broken(text: str) -> None:
    with pytest.raises(UnparsableError):
        syntax_tree(text)


def test_findings_stand_where_the_file_has_them(tmp_path: Path) -> None:
    (tmp_path / "eval.py").write_text(EVALUATE, encoding="utf-8")
    done = run(tmp_path, "check", "--no-cache", "--output-format", "concise", "eval.py")
    column = EVALUATE.splitlines()[-1].index("total / len") + 1
    assert f"eval.py:12:{column}: LL101" in done.stdout
