"""Unused helpers: functions of a program that none of its files names, beside others that its scripts import."""

from __future__ import annotations

import ast
import os
import re

from lintloss.facts.bindings import Function
from lintloss.facts.callers import text_of
from lintloss.facts.gradients import WORDS
from lintloss.facts.project import Project
from lintloss.facts.survey import walk
from lintloss.parse import Module
from lintloss.patterns import regex

SCRIPT = "__main__"
ALL = regex(r"\b(globals|vars|locals)\(\)")
PLAIN = regex(
    rf"{WORDS.pattern}|^(torch|functools|contextlib|typing|jax)\b|(^|\.)(jit|compile|lru_cache|cache|wraps)\b"
)


def is_one(project: Project, module: Module, function: ast.AST | None) -> bool:
    """Say whether nothing names a function of a file from which a script imports other names, one by one.

    Without such a script the file may belong to a library, whose users are not in sight.
    """
    if not isinstance(function, Function) or function not in module.tree.body:
        return False
    name = function.name
    if SCRIPT in module.code or any(_names(each, name) for each in walk(module.tree)):
        return False
    if ALL.search(module.code) or any(map(_registers, function.decorator_list)):
        return False
    if project.using(module.path, name, [name]):
        return False
    stem = os.path.splitext(os.path.basename(module.path))[0]
    users = list(project.using(module.path, stem, [stem]))
    looks_up = re.compile(
        rf"\b(getattr|vars)\(\s*([\w.]+\.)?{re.escape(stem)}\b|\bgetattr\((importlib\.)?import_module\("
    )
    if any(looks_up.search(each.code) for each in users):
        return False
    return any(_picks(each, stem) for each in users if SCRIPT in each.code)


def _registers(decorator: ast.expr) -> bool:
    """Say whether a decorator may put a function into a table: any but those that are known to hand it back alone."""
    return PLAIN.search(text_of(decorator)) is None


def _names(node: ast.AST, name: str) -> bool:
    """Say whether a node reads a name, or spells it: `__all__`, a table of functions."""
    if isinstance(node, ast.Constant):
        return node.value == name
    return (isinstance(node, ast.Name) and node.id == name) or (isinstance(node, ast.Attribute) and node.attr == name)


def _picks(module: Module, stem: str) -> bool:
    imports = (each for each in walk(module.tree) if isinstance(each, ast.ImportFrom) and each.module is not None)
    return any(
        each.module is not None and each.module.rsplit(".", 1)[-1] == stem and "*" not in text_of(each)
        for each in imports
    )
