"""Aliases: what a file's imports call by another name, `from itertools import islice as first`."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import lru_cache

from lintloss.facts.survey import called_name
from lintloss.parse import Module

BLOCKS = ("body", "orelse", "handlers", "finalbody")
NONE: Mapping[str, str] = {}


@lru_cache(maxsize=512)
def of(module: Module) -> Mapping[str, str]:
    """Return the last names of what a file imports under others; those that it binds anew are not told apart."""
    if " as " not in module.code:
        return NONE
    found: dict[str, str] = {}
    stack: list[ast.AST] = list(module.tree.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            renamed = ((alias.asname, alias.name.rpartition(".")[2]) for alias in node.names if alias.asname)
            found.update((name, original) for name, original in renamed if name != original)
        for block in BLOCKS:
            stack += getattr(node, block, ())
    return found


def last_name(function: ast.expr, aliases: Mapping[str, str]) -> str:
    """Return the last name of what is called, by the name that its module gives it."""
    name = called_name(function)
    return aliases.get(name, name) if isinstance(function, ast.Name) else name


@lru_cache(maxsize=512)
def _of_torch_nn(module: Module) -> re.Pattern[str] | None:
    names = [name for name, original in of(module).items() if original == "nn" and not name.endswith("nn")]
    return re.compile(rf"\b({'|'.join(map(re.escape, names))})\.") if names else None


def with_plain_nn(module: Module, code: str) -> str:
    """Return code of a module in which `torch.nn` goes by `nn`, as it does in most: `from torch import nn as layers`."""
    pattern = _of_torch_nn(module)
    return pattern.sub("nn.", code) if pattern is not None else code
