"""Named values: what a module calls its values, whether a variable, an entry of a dict or a method goes by the name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from lintloss.facts import bindings
from lintloss.facts.caps import Function, parameters
from lintloss.facts.split_names import is_evaluation
from lintloss.facts.survey import called_name, walk
from lintloss.parse import Module
from lintloss.patterns import regex

Pair = tuple[str, ast.expr]
GROUP = regex(r"(data|sets?|loaders?|iters?|dls?)$", re.IGNORECASE)  # `loaders = {"train": …, "val": …}`
HANDS_OUT = regex(r"(loader|_dl|dataset)$", re.IGNORECASE)


@lru_cache(maxsize=8)
def pairs(module: Module) -> tuple[Pair, ...]:
    """Return (name, value) of what a module names; the name of an attribute is its last part."""
    return tuple(each for node in walk(module.tree) for each in _named(node))


def _named(node: ast.AST) -> Iterator[Pair]:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        yield from _assigned(node.targets[0], node.value)
    elif isinstance(node, ast.Return) and node.value is not None:
        yield from (pair for pair in _entries(node.value) if _is_loader(pair[1]))
    elif isinstance(node, Function) and HANDS_OUT.search(node.name) and parameters(node) in ([], ["self"]):
        returned = bindings.returns(node)
        if len(returned) == 1 and returned[0] is not None:
            yield node.name, returned[0]


def _is_loader(value: ast.expr) -> bool:
    """Say whether a value is a loader made there: what is returned with such an entry is a group of them."""
    return isinstance(value, ast.Call) and called_name(value.func).endswith("Loader")


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[Pair]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, given in zip(target.elts, value.elts, strict=True):
            yield from _assigned(one, given)
        return
    name = name_of(target)
    if not name:
        return
    yield name, value
    if GROUP.search(name):
        yield from _entries(value)


def _entries(value: ast.expr) -> Iterator[Pair]:
    """Yield the entries of `{"train": …, "val": …}` or `dict(train=…, val=…)`."""
    if isinstance(value, ast.Dict):
        for key, each in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, each
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "dict":
        yield from ((each.arg, each.value) for each in value.keywords if each.arg is not None)


def name_of(target: ast.expr) -> str:
    """Return what a target is called; `loaders["val"]` goes by its key."""
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute):
        return target.attr
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        key = target.slice.value
        return key if isinstance(key, str) and GROUP.search(name_of(target.value)) else ""
    if isinstance(target, ast.Tuple) and target.elts:  # `val_loss, val_acc = …`: one name if all are of one split
        names = [name_of(each) for each in target.elts]
        return names[0] if all(is_evaluation(name) for name in names) else ""
    return ""


@lru_cache(maxsize=8)
def bound(module: Module) -> frozenset[str]:
    """Return all names that a module binds, parameters and attributes among them."""
    found = set()
    for node in walk(module.tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(name_of(node))
        elif isinstance(node, ast.arg):
            found.add(node.arg)
    return frozenset(found | {name for name, _ in pairs(module)})
