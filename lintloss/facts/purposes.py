"""Purposes: what those who call a function do with the loss that it returns: they train on it, or add it to another.

The mean that such a function takes of one batch is a training's, whatever its file says. One caller that is neither, or
a call that nobody can place, and nothing is known.
"""

from __future__ import annotations

import ast
from functools import lru_cache

from lintloss.facts import callers, classes, objectives, optional_targets
from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk

Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_trained_on(machine: Machine) -> bool:
    """Say whether all who call the running function, in its file and in others, train on what it returns."""
    frame = machine.frame
    if machine.home or len(machine.frames) < 2 or not isinstance(frame.node, Function):
        return False
    running = classes.running_on(machine, frame)
    owner = running.cls.node.name if running is not None and running.cls is not None else ""
    found: list[tuple[ast.AST, ast.Call]] = []
    for module in callers.mentioning(machine.project, frame.module, frame.node.name, owner):
        found += _calls(module.tree, frame.node.name)
    used = [(function, call) for function, call in found if function is not frame.node]
    return bool(used) and all(
        _serves(function, call, bool(owner)) or optional_targets.are_of_training(machine, function, call)
        for function, call in used
    )


@lru_cache(maxsize=128)
def _calls(tree: ast.Module, name: str) -> tuple[tuple[ast.AST, ast.Call], ...]:
    """Return the calls of a function or method, each with the function around it, innermost."""
    around: dict[ast.Call, ast.AST] = {}
    for outer in (tree, *(each for each in walk(tree) if isinstance(each, Function))):
        for node in walk(outer):
            if isinstance(node, ast.Call) and name in (getattr(node.func, "attr", ""), getattr(node.func, "id", "")):
                around[node] = outer
    return tuple((outer, node) for node, outer in around.items())


def _serves(function: ast.AST, call: ast.Call, is_method: bool) -> bool:
    """Say whether a call is in a function that takes a step of a training, or adds what it gets to another loss."""
    if is_method and not (isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "self"):
        return False  # of an object that may be another one
    return isinstance(function, Function) and (objectives.only_steps(function) or _adds(function, call))


def _adds(function: ast.AST, call: ast.Call) -> bool:
    """Say whether what a call returns is weighed and added to a loss: `loss += self.weight * extra`."""
    names = {
        target.id
        for node in walk(function)
        if isinstance(node, ast.Assign) and node.value is call
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return any(
        isinstance(node, ast.AugAssign)
        and isinstance(node.op, ast.Add)
        and isinstance(node.value, ast.BinOp)
        and isinstance(node.value.op, ast.Mult)
        and any(isinstance(side, ast.Name) and side.id in names for side in (node.value.left, node.value.right))
        for node in walk(function)
    )
