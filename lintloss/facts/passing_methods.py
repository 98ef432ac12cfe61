"""Passing methods: `model.decode(ids)` runs a network of the project, though nobody calls the network itself.

The model is out of sight where it was called. It is one of the project where a network there has a method of that name
which runs layers of its own, and it is scored where a criterion takes what the method gave.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from lintloss.facts import bindings, global_values, gradients, outcomes, provenance
from lintloss.facts.callers import text_of
from lintloss.facts.forward_methods import FORWARD
from lintloss.facts.forwards import MODULE_BASES, Forward
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Lib


def runs_model(machine: Machine, forward: Forward) -> bool:
    """Say whether all networks of the project with such a method run layers in it and record gradients, and one is there.

    Of what is known to be made by a library, they say nothing.
    """
    project = machine.project
    scene = forward.scenes[-1]
    if not outcomes.is_scored(scene.node, scene.statement):
        return False
    modules = (forward.module, *project.defining(forward.module.path, forward.method))
    found = [each for module in modules for each in _methods(module.tree, forward.method)]
    return bool(found) and all(_runs(owner, method) for owner, method in found) and not _is_of_library(machine, forward)


def _is_of_library(machine: Machine, forward: Forward) -> bool:
    """Say whether some caller hands in an object of a library's class, whose method of that name is another."""
    function = forward.node.func
    if not isinstance(function, ast.Attribute):
        return False
    worlds = provenance.Tracer(machine).worlds(provenance.spot_at(forward.module, function.value))
    for spot in (each.spot for world in worlds for each in world if each is not None):
        made = spot.node.func if isinstance(spot.node, ast.Call) else None
        named = made.value if isinstance(made, ast.Attribute) and made.attr == "from_pretrained" else made
        if isinstance(named, ast.Name) and named.id[:1].isupper():
            if isinstance(global_values.global_value(machine, spot.module, named.id), Lib):
                return True
    return False


def _methods(tree: ast.Module, name: str) -> Iterator[tuple[ast.ClassDef, bindings.Function]]:
    """Yield the methods of that name in the networks of a file."""
    for owner in tree.body:
        if isinstance(owner, ast.ClassDef) and any(MODULE_BASES.search(text_of(base)) for base in owner.bases):
            yield from (
                (owner, each) for each in owner.body if isinstance(each, bindings.Function) and each.name == name
            )


def _runs(owner: ast.ClassDef, method: bindings.Function) -> bool:
    """Say whether a method, or another that it calls, calls a layer of its network, and none turns gradients off."""
    methods = {each.name: each for each in owner.body if isinstance(each, bindings.Function)}
    waiting, reached, runs = [method], {method.name}, False
    while waiting:
        each = waiting.pop()
        if gradients.WORDS.search("\n".join(map(text_of, (*each.decorator_list, each)))):
            return False
        called = _called_of_self(each)
        runs |= any(name in FORWARD or (name not in methods and name in _layers(owner)) for name in called)
        waiting += [methods[name] for name in called if name in methods and name not in reached]
        reached |= called
    return runs


def _called_of_self(method: bindings.Function) -> set[str]:
    """Return what a method calls of its own object: `self.head(x)`, and `self(x)` as its forward."""
    calls = [each.func for each in walk(method) if isinstance(each, ast.Call)]
    own = {each.attr for each in calls if isinstance(each, ast.Attribute) and text_of(each.value) == "self"}
    return own | {"forward" for each in calls if isinstance(each, ast.Name) and each.id == "self"}


@lru_cache(maxsize=256)
def _layers(owner: ast.ClassDef) -> frozenset[str]:
    """Return the attributes of a network that are made by calling a class: `self.head = nn.Linear(8, 2)`."""
    made = (
        (name, each.value)
        for name, bound in bindings.fields(owner).items()
        for _, each in bound
        if each.value is not None
    )
    return frozenset(
        name for name, value in made if isinstance(value, ast.Call) and called_name(value.func)[:1].isupper()
    )
