"""Evaluation data that is made as the training data is, but for its number of rows, or read from the same entry."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from lintloss.facts.callers import text_of
from lintloss.facts.split_names import is_held_out, is_training, says_held_out
from lintloss.facts.survey import called_name
from lintloss.patterns import regex

ENTRIES = regex(r"(data|set|loader|iter)$", re.IGNORECASE)
SPLIT = regex(r"^train(ing)?$")
STREAM = regex(r"stream|iter|reader|cursor", re.IGNORECASE)
# What says how many rows are read, and not which ones.
NUMBERS = regex(r"(^|_)(num|n|max|limit|size|count|samples?|rows|examples|lines|batch_size)(_|$)", re.IGNORECASE)

Pairs = Sequence[tuple[str, ast.expr]]


def observe(pairs: Pairs) -> Iterator[tuple[ast.AST, str, str]]:
    """Yield what is called validation or test and is the training data: its node, its name, and what it reads."""
    trained = [value for name, value in pairs if is_training(name) and not is_held_out(name)]
    times = Counter(name for name, _ in pairs)
    for name, value in pairs:
        if not says_held_out(name) or is_training(name):
            continue
        if times[name] > 1:  # cut apart, or chosen by an option
            continue
        if any(_is_same_entry(value, other) or _is_twin(value, other) for other in trained):
            yield value, name, " ".join(text_of(value).split())[:70]


def _is_same_entry(value: ast.expr, trained: ast.expr) -> bool:
    """Say whether both are `conf["train_set"]` or `conf.get("train_set")`."""
    key = _entry(value)
    return key is not None and key == _entry(trained)


def _entry(value: ast.expr) -> tuple[str, str] | None:
    """Return the owner and the key of an entry that by its key is training data."""
    if isinstance(value, ast.Subscript):
        owner, key = value.value, value.slice
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "get":
        owner, key = value.func.value, value.args[0] if value.args else ast.Constant(None)
    else:
        return None
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str) or not ENTRIES.search(key.value):
        return None
    return (text_of(owner), key.value) if is_training(key.value) and not is_held_out(key.value) else None


def _is_twin(value: ast.expr, trained: ast.expr) -> bool:
    """Say whether both read the rows of the split "train" from its begin on, and differ in nothing but their number."""
    if not isinstance(value, ast.Call) or not isinstance(trained, ast.Call):
        return False
    mine, theirs = _arguments(value), _arguments(trained)
    if text_of(value.func) != text_of(trained.func) or mine.keys() != theirs.keys():
        return False
    if not any(isinstance(each, ast.Constant) and SPLIT.match(str(each.value)) for each in mine.values()):
        return False
    if any(STREAM.search(text_of(each)) for each in mine.values()):  # each read goes on where the one before ended
        return False
    others = [(mine[key], theirs[key]) for key in mine if text_of(mine[key]) != text_of(theirs[key])]
    return bool(others) and all(_is_number(one) and _is_number(other) for one, other in others)


def _arguments(call: ast.Call) -> dict[object, ast.expr]:
    return {**dict(enumerate(call.args)), **{each.arg: each.value for each in call.keywords}}


def _is_number(node: ast.expr) -> bool:
    """Say whether an argument is named as a number of rows is: `args.num_val_samples`."""
    return NUMBERS.search(called_name(node)) is not None
