"""Template methods: an evaluation loop in a base class of another file calls the steps that the checked file defines."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import classes
from lintloss.facts.library.lightning import STEP
from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk
from lintloss.facts.values import Class, Func, Ref, Value
from lintloss.parse import Module
from lintloss.patterns import regex

TRAINS = regex(r"_*(init_*|train|fit|learn)")
LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.GeneratorExp)


def templates(machine: Machine, module: Module, owner: Class, instance: Value | None) -> Iterator[Func]:
    """Yield the methods that a class takes over from others and that loop over a step of its own."""
    if not isinstance(instance, Ref) or not owner.node.bases:
        return
    own = {
        each.name
        for each in owner.node.body
        if isinstance(each, ast.FunctionDef) and machine.relevance.is_root(module, each)
    }
    for base in classes.bases(machine, owner)[1:] if own else ():
        if isinstance(base, Class):
            yield from _looping(machine, base, own, instance)


def _looping(machine: Machine, base: Class, own: set[str], instance: Ref) -> Iterator[Func]:
    for node in base.node.body:
        if not isinstance(node, ast.FunctionDef) or TRAINS.match(node.name):
            continue
        bound = classes.method(machine, instance, node.name)
        if bound is not None and bound.node is node and own & _called_on_self(node):
            yield bound


def _called_on_self(node: ast.FunctionDef) -> set[str]:
    """Return the methods of its own object that a method with a loop calls."""
    nodes = walk(node)
    if not STEP.match(node.name) and not any(isinstance(each, LOOPS) for each in nodes):
        return set()
    called = (each.func for each in nodes if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute))
    return {each.attr for each in called if isinstance(each.value, ast.Name) and each.value.id == "self"}
