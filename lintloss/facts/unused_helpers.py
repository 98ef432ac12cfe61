"""Unused helpers: functions of a program that none of its files names, beside others that its scripts import."""

from __future__ import annotations

import ast
import os

from lintloss.facts.bindings import Function
from lintloss.facts.callers import text_of
from lintloss.facts.project import Project
from lintloss.facts.survey import walk
from lintloss.parse import Module

SCRIPT = "__main__"


def is_one(project: Project, module: Module, function: ast.AST | None) -> bool:
    """Say whether nothing names a function of a file from which a script imports other names, one by one.

    Without such a script the file may belong to a library, whose users are not in sight.
    """
    if not isinstance(function, Function) or function not in module.tree.body:
        return False
    name = function.name
    if SCRIPT in module.code or any(_names(each, name) for each in walk(module.tree)):
        return False
    if project.using(module.path, name, [name]):
        return False
    stem = os.path.splitext(os.path.basename(module.path))[0]
    scripts = (each for each in project.using(module.path, stem, [stem]) if SCRIPT in each.code)
    return any(_picks(each, stem) for each in scripts)


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
