"""The screen answers on bytes; what it lets through costs time, what it keeps out is never seen again."""

from __future__ import annotations

import pytest

from lintloss.screen import EMPTY, NO_LOSS_WORD, UNIT_TEST, is_plain_text, screen

PASS = [
    "val_loss = total / n",
    "from torch.nn import CrossEntropyLoss",
    "F.cross_entropy(x, y)",
    "keras.metrics.sparse_categorical_crossentropy",
    "optax.softmax_cross_entropy_with_integer_labels",
    "criterion(x, y)",
    "def perplexity(x): ...",
    "ppl = math.exp(nats)",
    "PPL = 2 ** bits",
    "print(f'{ppl:.2f}')",
    "eval_ppl",
    "ppl2 = 1",
    "F.nll_loss",
    "nlls.append(x)",
    "logits.log_softmax(-1).gather(2, ids)",
    "torch.logsumexp(x, -1)",
    "logprobs = 1",
    "log_probs = 1",
    "kl_div(p, q)",
    "DataLoader(data, drop_last=True)",
    "for start in range(0, len(tokens), stride): ...",
    "x = 1  # lintloss: ignore[LL101]",
    "x = 1  # noqa: LL101",
    "x = 1  # noqa: E501,LL101",
]
REJECT = [
    "# applicable law, supplied, applied",
    "ripple = 1",
    "conv(x, stride=2)",
    "import os",
    "x = 1  # noqa: E501",
    "x = 1  # noqa",
]


@pytest.mark.parametrize("text", PASS)
def test_passes(text: str) -> None:
    assert screen(text.encode()) is None


@pytest.mark.parametrize("text", REJECT)
def test_rejects_with_the_reason(text: str) -> None:
    assert screen(text.encode()) == NO_LOSS_WORD


def test_empty_file_has_its_own_reason() -> None:
    assert screen(b" \n") == EMPTY


def test_text_that_python_cannot_decode_is_told() -> None:
    assert is_plain_text(b"x = 1")
    assert is_plain_text("é".encode())
    assert not is_plain_text(b"\xe9")
    assert not is_plain_text(b"a\0b")


UNIT_TESTS = [
    ("tests/test_loss.py", "import pytest\nloss = 1\n"),
    ("trainer_test.py", "class LossTest(unittest.TestCase): ..."),
    ("a\\test_trainer.py", "class T(Base):\n    def test_loss(self): self.assertEqual(loss, 1)"),
]
EVALUATIONS = [
    ("word_cnn_test.py", "loss = 1"),
    ("test_epoch.py", "def test_epoch(model): return loss"),
    ("tests/evaluate.py", "import pytest\nloss = 1"),
    ("latest_run.py", "import pytest\nloss = 1"),
    ("test_loss.py", "import pytest\nx = 1  # lintloss: ignore[LL101]"),
]


@pytest.mark.parametrize(("path", "text"), UNIT_TESTS)
def test_unit_tests_report_no_number(path: str, text: str) -> None:
    assert screen(text.encode(), path) == UNIT_TEST


@pytest.mark.parametrize(("path", "text"), EVALUATIONS)
def test_a_script_that_evaluates_may_be_named_test(path: str, text: str) -> None:
    assert screen(text.encode(), path) is None
