"""What names say of splits: which data is trained on, which is held out. Read by whole words, snake and camel."""

from __future__ import annotations

import re
from functools import lru_cache

from lintloss.patterns import regex

# No constrained, pretrained or trainable thing, and no trainer; `trainset` and `Xtrain` are written without a joint.
TRAIN = r"(?<!s)train(?!er|ed|able)"
TRAINING = regex(rf"{TRAIN}|(?<![a-z])(tr_|trn(?![a-z]))")
WORD = r"(eval|evaluation|val|valid|validate|validation|test|testing|dev|held_?out|hold_?out)"
HELD_OUT = regex(rf"(?<![a-z]){WORD}(?![a-z])")
OF_HELD_OUT = regex(rf"(?<![a-z]){WORD}(?=loader|data|set|iter|dl|gen|batch|bar|(?![a-z]))")
KINDS = regex(r"(?<![a-z])(?!eval)" + WORD + r"(?![a-z])")


def snake(name: str) -> str:
    """Return a name in lower case, its camel humps parted by underscores."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@lru_cache(maxsize=4096)
def is_training(name: str) -> bool:
    """Say whether a name, or the code of an expression, is that of training data: `train_loader`, `tr_rows`."""
    return TRAINING.search(snake(name)) is not None


@lru_cache(maxsize=4096)
def is_held_out(name: str) -> bool:
    """Say whether it is that of data that is held out for an evaluation: `valLoader`, `dev_set`, `testset`."""
    return OF_HELD_OUT.search(snake(name)) is not None


@lru_cache(maxsize=4096)
def says_held_out(name: str) -> bool:
    """Say whether one word of it names a split that is held out: `dev_loss`, `score_on_test`."""
    return HELD_OUT.search(snake(name)) is not None


@lru_cache(maxsize=4096)
def names_split(name: str) -> bool:
    """Say whether a function is named after such a split: validate(), dev_loss(); eval_epoch() may evaluate any data."""
    return KINDS.search(snake(name)) is not None


def is_evaluation(name: str) -> bool:
    """Say whether a name is that of held-out data, and not of the training's as well."""
    return is_held_out(name) and not is_training(name)
