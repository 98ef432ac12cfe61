"""Objectives: functions inside of others whose gradient is taken there, as JAX and MLX train. What they compute trains."""

from __future__ import annotations

import ast
from functools import lru_cache

from lintloss.facts.survey import DEFINITIONS, called_name, walk
from lintloss.parse import Module

GRADIENTS = frozenset({"grad", "value_and_grad"})


def is_one(module: Module, function: ast.AST) -> bool:
    """Say whether a function is made inside of another, which takes its gradient; one of a module may evaluate as well."""
    return "grad(" in module.text and function in _of(module.tree)


@lru_cache(maxsize=64)
def _of(tree: ast.AST) -> frozenset[ast.AST]:
    found: set[ast.AST] = set()
    for outer in walk(tree):
        if not isinstance(outer, DEFINITIONS):
            continue
        inside = walk(outer)[1:]
        named = {
            argument.id
            for call in inside
            if isinstance(call, ast.Call) and called_name(call.func) in GRADIENTS
            for argument in call.args
            if isinstance(argument, ast.Name)
        }
        found.update(each for each in inside if isinstance(each, DEFINITIONS) and each.name in named)
    return frozenset(found)
