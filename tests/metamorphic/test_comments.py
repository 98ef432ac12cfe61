"""A comment is no fact: whatever words stand in one, the findings are the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintloss.rule import Bad, Rule
from tests import examples

# what decides in one place or another where code says it
TELLING = (
    "# padding is on the left; ignore_index=-100; pad_sequence(masked); batch_size=1, default=1, batches of one\n"
    "# unlike bert, a bidirectional encoder that corrupts and reconstructs its input (mlm), distillation\n"
    "# torch.no_grad(), volatile=True, requires_grad = False, streaming=True; policy, reward, advantage, sampler\n"
    "# import tensorflow as tf, keras, fairseq, torchtext, transformers\n"
)
HYGIENE = (
    "# model.eval(), drop_last, valid loss\n"  # in a file beside it, these let the screen pass it to be checked as well
)
BADS = [
    pytest.param(rule, example, id=f"{rule.code}-{example.why}")
    for rule in examples.rules()
    for example in rule.bad[::4]
    if not example.miss
]


@pytest.mark.parametrize(("rule", "example"), BADS)
def test_comments_hide_nothing(rule: type[Rule], example: Bad, tmp_path: Path) -> None:
    examples.materialize(example, tmp_path)
    for path in tmp_path.rglob("*.py"):
        remarks = TELLING + HYGIENE if path.name == examples.MAIN else TELLING
        path.write_text(f"{path.read_text('utf-8')}\n{remarks}", encoding="utf-8")
    also = () if rule.enabled else (rule.code,)
    assert examples.check_folder(tmp_path, also=also) == examples.expected(rule.code, example)
