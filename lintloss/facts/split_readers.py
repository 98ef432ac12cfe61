"""Split readers: what a loader or a data set reads, seen through the loader that is put around it."""

from __future__ import annotations

import ast
import re

from lintloss.facts.callers import text_of
from lintloss.facts.caps import Function, parameters
from lintloss.facts.named_values import pairs
from lintloss.facts.split_names import is_held_out, is_training, says_held_out
from lintloss.facts.survey import called_name, walk
from lintloss.parse import Module
from lintloss.patterns import regex

UNCHANGED = {
    "map",
    "shuffle",
    "with_format",
    "remove_columns",
    "rename_column",
    "set_format",
    "flatten_indices",
    "with_transform",
}
NOUN = regex(r"(loaders?|data|sets?|dls?|ds|iters?)$|^(val|valid|validation|test)$", re.IGNORECASE)
PATH = regex(r"(?<![a-z])train(ing)?(?![a-z])", re.IGNORECASE)
FLAGS = {"train", "is_train", "training", "is_training"}
PARTED = regex(
    r"Subset\w*\(|\bsubset\b|random_split|train_test_split|indices|KFold|ShuffleSplit|SplitSampler|RandomSampler",
    re.IGNORECASE,
)


def core(value: ast.expr) -> ast.expr:
    """Return what is read, without the loader and the steps that change no rows."""
    while isinstance(value, ast.Call):
        inner = loaded(value)
        if inner is None and isinstance(value.func, ast.Attribute) and value.func.attr in UNCHANGED:
            inner = value.func.value
        if inner is None:
            break
        value = inner
    return value


def loaded(value: ast.expr) -> ast.expr | None:
    """Return the data set that a loader is made of, where the loader reads all of it."""
    if not isinstance(value, ast.Call) or not text_of(value.func).endswith("DataLoader"):
        return None
    if any(each.arg in {None, "sampler", "batch_sampler"} for each in value.keywords):
        return None
    return value.args[0] if value.args else next((each.value for each in value.keywords if each.arg == "dataset"), None)


def reads_training_file(module: Module, name: str, value: ast.expr) -> bool:
    """Say whether a split is read from the training split, by the very expression that reads that one."""
    if not says_held_out(name):
        return False
    own = _made(module, value)
    call = own
    while isinstance(call, ast.Attribute):  # `read_csv("train.csv").values`
        call = call.value
    if not isinstance(call, ast.Call) or called_name(call.func) == "dict":
        return False
    is_told = NOUN.search(name) is not None and _is_told_to_train(module, call)
    if not is_told and not _names_training(call):
        return False
    text = text_of(own)
    alike = {
        other
        for other, given in pairs(module)
        if given is not value
        and is_training(other)
        and not is_held_out(other)
        and text_of(_made(module, given)) == text
    }
    if not alike:
        return False
    return not (is_told or own is not value) or any(not _is_parted(module, name, value, other) for other in alike)


def _made(module: Module, value: ast.expr) -> ast.expr:
    """Return what is read; of a name that says nothing of a split, what it was bound to."""
    own = core(value)
    if own is value or not isinstance(own, ast.Name) or is_training(own.id) or is_held_out(own.id):
        return own
    given = [each for name, each in pairs(module) if name == own.id]
    return core(given[0]) if len(given) == 1 else own


def _names_training(call: ast.Call) -> bool:
    """Say whether one of the texts in a call names the training, and none another split."""
    paths = [each.value for each in ast.walk(call) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    # of the other split, the training reads the file of the evaluation: `train = memmap("val.bin")`
    return any(PATH.search(path) for path in paths) != any(says_held_out(path) for path in paths)


def _is_told_to_train(module: Module, call: ast.Call) -> bool:
    """Say whether a call is given `train=True`, by its keyword or by its place among the parameters."""
    given = {each.arg: each.value for each in call.keywords}
    for function in _called(module, call):
        names = [each for each in parameters(function) if each not in {"self", "cls"}]
        given.update(zip(names, call.args, strict=False))
    return any(isinstance(each, ast.Constant) and each.value is True for key, each in given.items() if key in FLAGS)


def _called(module: Module, call: ast.Call) -> list[Function]:
    """Return the function of this module that is called, or the constructor of its class."""
    name = called_name(call.func)
    for node in walk(module.tree):
        if isinstance(node, Function) and node.name == name:
            return [node]
        if isinstance(node, ast.ClassDef) and node.name == name:
            return [each for each in node.body if isinstance(each, Function) and each.name == "__init__"]
    return []


def _is_parted(module: Module, name: str, value: ast.expr, other: str) -> bool:
    """Say whether the rows are divided elsewhere: by indices, by a cut, or in place: `val_set.data = val_set.data[n:]`.

    What is assigned to the training's set just as well, `val_set.width = width`, parts the two in nothing.
    """
    if PARTED.search(module.code):
        return True
    own = core(value)
    names = {name, own.id} if isinstance(own, ast.Name) else {name}
    inside = rf"\b({'|'.join(map(re.escape, names))})\b"
    if re.search(rf"{inside}\s*\[|{inside}\s*\.(select|filter|shard|skip|take)\(", module.code):
        return True
    if not re.search(rf"{inside}(\.\w+)+\s*=[^=]", module.code):
        return False
    theirs = _assigned(module, other)
    mine = [pair for each in names for pair in _assigned(module, each).items()]
    return any(path not in theirs or not _is_same(module, statement, theirs[path]) for path, statement in mine)


def _assigned(module: Module, name: str) -> dict[str, ast.Assign]:
    """Return the statements that assign to the attributes of a name, by attribute."""
    found: dict[str, ast.Assign] = {}
    for node in (each for each in walk(module.tree) if isinstance(each, ast.Assign)):
        for target in (part for goal in node.targets for part in ast.walk(goal) if isinstance(part, ast.Attribute)):
            text = text_of(target)
            if isinstance(target.ctx, ast.Store) and text.startswith(f"{name}."):
                found[text.removeprefix(name)] = node
    return found


def _is_same(module: Module, one: ast.Assign, other: ast.Assign) -> bool:
    """Say whether two statements assign the same: none of them several, and no name is bound anew between them."""
    if one is other or text_of(one.value) != text_of(other.value):
        return False
    read = {each.id for each in ast.walk(one.value) if isinstance(each, ast.Name)}
    first, last = sorted((one.lineno, other.lineno))
    stored = (each for each in walk(module.tree) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))
    return not any(each.id in read and first < each.lineno < last for each in stored)
