"""Split slices: a data set that takes all rows for training, and for evaluation the first of the very same rows."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings
from lintloss.facts.callers import text_of
from lintloss.facts.caps import Function, defaults, parameters
from lintloss.facts.survey import walk
from lintloss.parse import Module

Found = tuple[ast.AST, str, str]
TRAIN = "train"


def observe(module: Module) -> Iterator[Found]:
    """Yield `self.rows = self.rows[:200]` of what is no training, where the training keeps `self.rows` whole."""
    for cls in (each for each in walk(module.tree) if isinstance(each, ast.ClassDef)):
        made = next((each for each in cls.body if isinstance(each, Function) and each.name == "__init__"), None)
        for node in bindings.own(made) if made is not None else ():
            if not isinstance(node, ast.If) or made is None:
                continue
            split, training, other = _branches(node)
            cut = _cut(other)
            if (
                split not in parameters(made)
                or cut is None
                or not _is_whole(training, cut)
                or _mentions(made, split, node)
            ):
                continue
            name = _made_beside_training(module, cls.name, made, split)
            if name:
                yield cut, name, text_of(cut)


def _branches(node: ast.If) -> tuple[str, list[ast.stmt], list[ast.stmt]]:
    """Return the name that is compared with "train", what is done for training and what otherwise."""
    test = node.test
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.left, ast.Name):
        return "", [], []
    other = test.comparators[0]
    if not isinstance(other, ast.Constant) or other.value != TRAIN:
        return "", [], []
    if isinstance(test.ops[0], ast.Eq):
        return test.left.id, node.body, node.orelse
    return (test.left.id, node.orelse, node.body) if isinstance(test.ops[0], ast.NotEq) else ("", [], [])


def _cut(body: list[ast.stmt]) -> ast.Subscript | None:
    """Return the slice in `rows = rows[:200]`, the only statement of a branch."""
    only = body[0] if len(body) == 1 else None
    value = only.value if isinstance(only, ast.Assign) and len(only.targets) == 1 else None
    if isinstance(only, ast.Assign) and isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice):
        return value if text_of(only.targets[0]) == text_of(value.value) else None
    return None


def _is_whole(training: list[ast.stmt], cut: ast.Subscript) -> bool:
    """Say whether a branch leaves the rows as they are: `rows = rows`, `pass`, or nothing at all."""
    rows = text_of(cut.value)
    return all(isinstance(each, ast.Pass) or text_of(each) == f"{rows} = {rows}" for each in training)


def _mentions(function: Function, split: str, around: ast.If) -> bool:
    """Say whether the split decides elsewhere, too, what is read: `open(f"{split}.json")`."""
    inside = {id(each) for each in ast.walk(around.test)}
    return any(
        isinstance(each, ast.Name) and each.id == split and id(each) not in inside for each in ast.walk(function)
    )


def _made_beside_training(module: Module, name: str, function: Function, split: str) -> str:
    """Return the split that is made of the same file as the training's: two calls differ in the split alone."""
    default = defaults(function).get(split)
    given: dict[str, set[str]] = {}
    for call, _ in bindings.calls(module).get(name, ()):
        words = {each.arg: each.value for each in call.keywords}
        place = parameters(function).index(split) - 1
        chosen = words.get(split) or (call.args[place] if place < len(call.args) else default)
        rest = [text_of(each) for index, each in enumerate(call.args) if index != place]
        rest += sorted(f"{key}={text_of(value)}" for key, value in words.items() if key != split)
        if isinstance(chosen, ast.Constant):
            given.setdefault(str(rest), set()).add(str(chosen.value))
    return next((min(each - {TRAIN}) for each in given.values() if TRAIN in each and len(each) > 1), "")
