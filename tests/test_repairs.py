"""Averages that a fix must not touch, and those that it must fix without confusing one with another."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from lintloss.rule import Bad
from tests import examples

HEAD = """\
import torch.nn.functional as F


def evaluate(model, loader):
    model.eval()
"""
LOSS = "F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=0)"
PLAIN = f"""\
{HEAD}    total = 0.0
    for x, y in loader:
        loss = {LOSS}
        total += loss.item()
    return total / len(loader)
"""


def fixed(code: str, folder: Path, rule: str = "LL101") -> str:
    examples.materialize(Bad(code=code, why=""), folder)
    return examples.fix_folder(folder, rule)


def test_the_plain_case_is_fixed(tmp_path: Path) -> None:
    assert "return total / scored_tokens" in fixed(PLAIN, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("total = 0.0", "total = 0.0\n    scored_tokens = total_tokens = 1", id="both names are taken"),
        pytest.param("+= loss.item()", "+= loss.item()\n        print(total)", id="the total is read in the loop"),
        pytest.param("        total +=", "        y = x\n        total +=", id="the labels are others by then"),
        pytest.param("loss.item()", "(loss.item() + 1)", id="the term is more than the loss"),
        pytest.param("total / len", "total / max(1, n) if (n := 0) else total / len", id="the total is read twice"),
        pytest.param("return total", "return (  # nats\n        total)", id="a comment stands in the quotient"),
        pytest.param("ignore_index=0", "ignore_index=0, weight=model.w", id="classes are weighted"),
        pytest.param("y.flatten()", "next(loader).flatten()", id="the labels cannot be written a second time"),
    ],
)
def test_no_fix_where_a_piece_is_missing(old: str, new: str, tmp_path: Path) -> None:
    code = PLAIN.replace(old, new)
    assert code != PLAIN
    after = fixed(code, tmp_path)
    assert after == code or ("# nats" in after and "scored_tokens" in after)


def test_two_totals_of_one_scope_have_counters_of_their_own(tmp_path: Path) -> None:
    code = f"""\
{HEAD}    first, second = 0.0, 0.0
    for x, y in loader:
        first += {LOSS}.item()
    for x, y in loader:
        second += {LOSS}.item()
    return first / len(loader), second / len(loader)
"""
    after = fixed(code, tmp_path)
    assert "return first / scored_tokens, second / second_tokens" in after
    torch = pytest.importorskip("torch", reason="the fixed program needs torch")
    values: dict[str, object] = {}
    exec(after, values)
    x = torch.tensor([[1, 2, 3]])
    loader = [(x, torch.tensor([[1, 2, 0]])), (x, torch.tensor([[3, 2, 1]]))]
    model = torch.nn.Embedding(4, 4)
    got = values["evaluate"](model, loader)  # type: ignore[operator]
    logits = torch.cat([model(x).flatten(0, 1) for x, _ in loader])
    right = torch.nn.functional.cross_entropy(logits, torch.cat([y.flatten() for _, y in loader]), ignore_index=0)
    assert math.isclose(got[0], right.item(), rel_tol=1e-5)
    assert got[0] == got[1]


def test_the_exponential_moves_to_the_division(tmp_path: Path) -> None:
    code = PLAIN.replace("import torch.nn", "import math\n\nimport torch.nn").replace(
        "        total += loss.item()", "        ppl = math.exp(loss.item())\n        total += ppl"
    )
    after = fixed(code, tmp_path, "LL104")
    assert "total += loss.item() * batch_tokens" in after
    assert "return math.exp(total / scored_tokens)" in after


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("2 ** (total / n)", "math.exp(total / n)"),
        ("-2 ** (total / n)", "-math.exp(total / n)"),
        ("pow(2, total / n)", "math.exp(total / n)"),
        ("np.power(2, total / n)", "np.exp(total / n)"),
        ("np.exp2(total / n)", "np.exp(total / n)"),
        ("math.exp(total / n / math.log(2))", "2 ** (total / n / math.log(2))"),
        ("math.exp(total / n / math.log(2)) ** 2", "(2 ** (total / n / math.log(2))) ** 2"),
        ("np.exp(total / n / math.log(2))", "np.exp2(total / n / math.log(2))"),
    ],
)
def test_bases_in_the_way_they_are_written(written: str, right: str, tmp_path: Path) -> None:
    code = f"""\
import math

import numpy as np
{HEAD}    total, n = 0.0, 0
    for x, y in loader:
        total += {LOSS.replace("ignore_index=0", "reduction='sum'")}.item()
        n += y.numel()
    return {{}}
"""
    assert fixed(code.replace("{}", written), tmp_path, "LL501") == code.replace("{}", right)
