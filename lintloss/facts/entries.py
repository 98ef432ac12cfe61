"""Entries: what a loop over several data sets takes, and what stands in a dict of them, in the code's words."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts.split_names import is_held_out, is_training
from lintloss.facts.survey import called_name

EACH = object()  # a pick: any entry that is not the training's
Picks = tuple[object, ...]  # what is taken out of a value: an index, a key, ".name" of an attribute
Taken = tuple[ast.expr, Picks]


def trains(name: str) -> bool:
    """Say whether a name is that of training data."""
    return is_training(name) and not is_held_out(name)


def is_taken(key: object, pick: object) -> bool:
    """Say whether a pick may be the entry under a key."""
    return key == pick or (pick is EACH and not (isinstance(key, str) and trains(key)))


def of_dict(node: ast.Dict, picks: Picks) -> list[ast.expr]:
    """Return the entries of a dict that is written out."""
    pairs = zip(node.keys, node.values, strict=True)
    return [value for key, value in pairs if isinstance(key, ast.Constant) and is_taken(key.value, picks[0])]


def of_loop(over: ast.expr, picks: Picks) -> Iterator[Taken]:
    """Yield what a loop binds a name to: the entries of what is written out, or of a dict; nothing where that is unknown.

    picks: which part of each item the name is.
    """
    if isinstance(over, ast.List | ast.Tuple):
        yield from ((each, picks) for each in over.elts)
    elif isinstance(over, ast.Call):
        yield from _of_call(over, picks)


def _of_call(over: ast.Call, picks: Picks) -> Iterator[Taken]:
    name = called_name(over.func)
    if name == "enumerate" and over.args and picks[:1] == (1,):
        yield from of_loop(over.args[0], picks[1:])
    elif name == "zip" and picks and isinstance(picks[0], int) and picks[0] < len(over.args):
        yield from of_loop(over.args[picks[0]], picks[1:])
    elif isinstance(over.func, ast.Attribute) and not over.args:
        if name == "items" and picks[:1] == (1,):
            yield over.func.value, (EACH, *picks[1:])
        elif name == "values":
            yield over.func.value, (EACH, *picks)
