"""Data sets that are parted once they are made: by what is assigned to one, taken of it, or done with it."""

from __future__ import annotations

import ast

from lintloss.facts.survey import called_name, walk
from lintloss.parse import Module

LOOKED_AT = frozenset({"len", "print", "iter", "enumerate", "tqdm", "str", "repr", "type", "info", "next", "zip"})
SAMPLERS = frozenset({"sampler", "batch_sampler"})


def is_changed(module: Module, name: str, made: ast.expr) -> bool:
    """Say whether a data set may hold other rows than it was made of: its loaders are given it, and nothing else is."""
    parents = {id(child): node for node in walk(module.tree) for child in ast.iter_child_nodes(node)}
    uses = [each for each in walk(module.tree) if _names(each, name) and each is not made]
    return any(_parts(each, parents) for each in uses)


def _names(node: ast.AST, name: str) -> bool:
    return (isinstance(node, ast.Name) and node.id == name) or (isinstance(node, ast.Attribute) and node.attr == name)


def _parts(use: ast.AST, parents: dict[int, ast.AST]) -> bool:
    """Say whether a use of a data set assigns to it, calls a method of it, takes some of it, or hands it to who may."""
    above = parents.get(id(use))
    if isinstance(above, ast.keyword):
        above = parents.get(id(above))
    if isinstance(above, ast.Call):
        loads = "load" in called_name(above.func).lower() and not any(each.arg in SAMPLERS for each in above.keywords)
        return not loads and called_name(above.func) not in LOOKED_AT
    if isinstance(above, ast.Attribute):
        return not isinstance(above.ctx, ast.Load) or _is_called(above, parents) or _parts_item(above, parents)
    return isinstance(above, ast.Subscript)


def _is_called(node: ast.AST, parents: dict[int, ast.AST]) -> bool:
    above = parents.get(id(node))
    return isinstance(above, ast.Call) and above.func is node


def _parts_item(node: ast.AST, parents: dict[int, ast.AST]) -> bool:
    """Say whether `val_set.rows[…] = …` is written, or an attribute of an attribute."""
    above = parents.get(id(node))
    return isinstance(above, ast.Subscript | ast.Attribute) and not isinstance(above.ctx, ast.Load)
