"""Stage: bytes of one file -> None (it may hold evaluation code) or the reason why nothing can be found in it.

Literal `in` runs at gigabytes a second and `re` at a tenth of one, so `re` runs only where `ppl` or `noqa` is there.
A file passes with any loss word or loader word; no framework word is asked for (numpy and mlx evaluations have none).
"""

from __future__ import annotations

# Commonest first: a file that passes stops at the first hit, one that fails pays for all of them.
_WORDS = (
    b"loss",
    b"Loss",
    b"ntropy",  # cross_entropy, CrossEntropy, crossentropy
    b"riterion",
    b"DataLoader",
    b"drop_last",
    b"drop_remainder",
    b"val_dataloader",
    b"validation_data=",
    b"erplexity",
    b"nll",
    b"NLL",
    b"LOSS",
    b"log_softmax",
    b"LogSoftmax",
    b"logsumexp",
    b"logp",  # logprobs, logp, logps
    b"log_p",
    b"ikelihood",
    b"kl_div",
    b"bits_per",
    b".eval()",  # what is measured there may be no loss
    b"lintloss",  # a suppression may be unused, or wrong
)

_TEST_WORDS = (b"pytest", b"unittest", b"TestCase", b"self.assert", b"absltest", b"torch.testing", b"np.testing")

NO_LOSS_WORD = "no loss, perplexity or loader word in it"
UNIT_TEST = "unit tests: no number of theirs is reported"
EMPTY = "empty"


def screen(data: bytes, path: str = "") -> str | None:
    """Return why `data` cannot have findings of evaluation rules, or None to go on.

    Syntax is not its business: the engine decides whether a screened-out file is still parsed.
    """
    if _is_unit_test(data, path):
        return UNIT_TEST
    for word in _WORDS:
        if word in data:
            return None
    if b"stride" in data and (b"oken" in data or b"window" in data):  # not every convolution
        return None
    if b"__getitem__" in data and b":-1]" in data and b"1:]" in data:  # rows that a data set shifts
        return None
    if (
        b"__getitem__" in data and b"labels" in data and b"padding=" in data
    ):  # rows that are filled up, and their labels
        return None
    if (b"def eval" in data or b"class Eval" in data) and b"/ len(" in data:  # averages what its callers score
        return None
    if (b"ollat" in data or b"Trainer(" in data) and (b"eval_strategy" in data or b"evaluation_strategy" in data):
        return None  # a Trainer's average
    if b"Trainer(" in data and (b".evaluate(" in data or b"eval_dataset" in data):
        return None
    if any(word in data and _has_bounded(word, data) for word in (b"ppl", b"PPL")):
        return None
    if b"noqa" in data and b"LL" in data and _has_own_noqa(data):
        return None
    return NO_LOSS_WORD if data.strip() else EMPTY


def _is_unit_test(data: bytes, path: str) -> bool:
    """A file that is named as test runners want it and uses one; `char_cnn_test.py` may be an evaluation script."""
    name = path.replace("\\", "/").rpartition("/")[2]
    if not (name.startswith("test_") or name.endswith(("_test.py", "_tests.py"))) or b"lintloss" in data:
        return False
    return any(word in data for word in _TEST_WORDS)


def _has_bounded(word: bytes, data: bytes) -> bool:
    """Look for `ppl` that is no part of a word: "applicable" is in the licence header of nearly every file.

    What stands before it is checked by hand: a look-behind would cost `re` its search for the literal, tenfold.
    """
    import re

    ends = re.finditer(word + b"(?![a-z])", data)
    return any(not data[match.start() - 1 : match.start()].isalpha() for match in ends)


def _has_own_noqa(data: bytes) -> bool:
    import re

    return re.search(rb"noqa[^\n]*LL\d", data) is not None


def is_plain_text(data: bytes) -> bool:
    """Say whether Python can at least decode it: no null byte, and UTF-8. Costs a tenth of the screen itself."""
    if b"\0" in data:
        return False
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
