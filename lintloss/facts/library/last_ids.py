"""Ids that are picked from the end of a row in Python, `row[-1]`, where they stand for one label: `torch.tensor([row[-1]])`."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts.library.windows import NEW
from lintloss.facts.linear import END, Linear
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Key, Opaque, Tensor, Tuple, Value, Window

ADDS = frozenset({"append", "extend", "insert"})
MADE = frozenset({"tensor", "as_tensor", "LongTensor", "array", "asarray"})


def boxed(machine: Machine, values: Value) -> Tensor | None:
    """Read a tensor of one id from the end of a row; None where something else is listed."""
    item = values.items[0] if isinstance(values, Tuple) and len(values.items) == 1 else None
    found: Tensor | None = None
    if isinstance(item, Opaque):
        found = _placed(item.key, item.name)
    elif isinstance(item, Tensor) and item.form in {"", "ids"} and item.window is not None and not item.window.is_cut:
        found = _placed(item.window.source, item.name)
    return None if found is None or _grows_or_shrinks(machine) else found


def beside(machine: Machine, guess: Tensor, label: Tensor) -> Tensor:
    """Let the label at one position sit on the row that the guess at one position was made from, where it was taken there.

    The model was fed that row as a batch of one: `model(row[None])`.
    """
    window = label.window
    if guess.window is None or window is None or "at" not in guess.window.marks:
        return label
    if "at" not in window.marks and not window.is_cut:  # the id itself, or what it was moved to
        found = _placed(window.source, label.name)
        window = found.window if found is not None else window
    elif window.length == Linear(const=1):  # `row[-1:]`
        window = window.marked("at")
    if window is None or "at" not in window.marks or _of_row(window.source) != _of_row(guess.window.source):
        return label
    if _grows_or_shrinks(machine):
        return label
    return replace(label, window=replace(window, source=guess.window.source))


def _grows_or_shrinks(machine: Machine) -> bool:
    """Say whether the function takes items off a list or adds some, which moves its end: `row.pop()`, `del row[-1]`."""
    nodes = list(walk(machine.frame.node))
    cut = any(isinstance(each, ast.Delete) and isinstance(each.targets[0], ast.Subscript) for each in nodes)
    calls = (each.func for each in nodes if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute))
    return cut or any(each.attr == "pop" or (each.attr in ADDS and _is_fed_on(machine, each.value)) for each in calls)


def _is_fed_on(machine: Machine, owner: ast.expr) -> bool:
    """Say whether a list that grows is of ids, by what the text does with it: what is appended is fed to the model."""
    name = ast.unparse(owner)
    made = (each for each in walk(machine.frame.node) if isinstance(each, ast.Call) and called_name(each.func) in MADE)
    return any(name in {ast.unparse(part) for part in ast.walk(each)} for each in made)


def _of_row(source: Key) -> Key:
    return source[:-1] if source[-1:] == (NEW,) else source


def _placed(source: Key, name: str) -> Tensor | None:
    """Read the identity of `row[-1]` as a place on its row."""
    index = _from_end(source[-1]) if source else None
    if index is None:
        return None
    begin = END.plus(index)
    return Tensor("", Window(source[:-1], begin, begin.plus(1)).marked("at", "lone"), None, source, name)


def _from_end(part: object) -> int | None:
    """Read a negative index, of a list or of what is taken for rows."""
    if isinstance(part, str) and part.startswith("-") and part[1:].isdigit():
        return int(part)
    at = part[1] if isinstance(part, tuple) and part[:1] == ("row",) and len(part) == 2 else None
    return at.const if isinstance(at, Linear) and at.is_const and at.const < 0 else None
