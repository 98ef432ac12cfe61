"""Methods that forward() runs: itself, and those of its class that it calls, directly or by one another."""

from __future__ import annotations

import ast
import re

from lintloss.facts.callers import text_of

FORWARD = {"forward", "__call__", "call"}


def run_by_forward(node: ast.ClassDef) -> list[ast.FunctionDef]:
    """Return the methods of a class that its forward() runs, none of a class that has no forward()."""
    methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
    waiting = [name for name in methods if name in FORWARD]
    reached: dict[str, ast.FunctionDef] = {}
    while waiting:
        name = waiting.pop()
        reached[name] = methods[name]
        called = re.findall(r"\bself\.(\w+)", "\n".join(map(text_of, _parts(methods[name]))))
        waiting += [each for each in called if each in methods and each not in reached]
    return list(reached.values())


def _parts(method: ast.FunctionDef) -> tuple[ast.AST, ...]:
    return (*method.decorator_list, method)
