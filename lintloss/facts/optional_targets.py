"""Optional targets: a forward() computes its loss only where it is given targets, and only the training gives it some."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings, callers, objectives
from lintloss.facts.bindings import Function
from lintloss.facts.caps import parameters
from lintloss.facts.forward_methods import FORWARD
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.parse import Module


def are_of_training(machine: Machine, forward: ast.AST, call: ast.Call) -> bool:
    """Say whether a call in a forward() runs under `if targets is not None:`, and no loop but those that train gives any."""
    if not isinstance(forward, Function) or forward.name not in FORWARD:
        return False
    name = _asked_for(forward, call)
    home = next((each for each in _modules(machine) if any(node is forward for node in walk(each.tree))), None)
    if not name or home is None:
        return False
    owner = bindings.owner(home.tree, forward)
    if owner is None:
        return False
    at = parameters(forward).index(name) - 1
    runs = [
        run
        for other in callers.mentioning(machine.project, home, owner.name, owner.name)
        for run in _runs(other, owner)
    ]
    given = [loop for loop, run in runs if len(run.args) > at or any(word.arg in {name, None} for word in run.keywords)]
    return bool(given) and all(objectives.steps(loop) for loop in given)


def _modules(machine: Machine) -> Iterator[Module]:
    yield from (frame.module for frame in reversed(machine.frames))


def _asked_for(forward: Function, call: ast.Call) -> str:
    """Return the parameter, None unless it is given, without which a call in a function is not reached."""
    optional = dict(zip(reversed(forward.args.args), reversed(forward.args.defaults), strict=False))
    names = {
        each.arg for each, default in optional.items() if isinstance(default, ast.Constant) and default.value is None
    }
    for branch in (each for each in walk(forward) if isinstance(each, ast.If)):
        test = ast.unparse(branch.test)
        name = test.removesuffix(" is not None")
        if name in names and name != test and any(node is call for part in branch.body for node in walk(part)):
            return name
    return ""


def _runs(module: Module, owner: ast.ClassDef) -> Iterator[tuple[ast.stmt | None, ast.Call]]:
    """Yield the calls of what a module makes of a class, `net = Net(…)`, each with the innermost loop around it."""
    scopes = (module.tree, *(each for each in walk(module.tree) if isinstance(each, Function)))
    for scope in scopes:
        made = {
            name
            for name, bound in bindings.of(scope).items()
            if any(isinstance(each.value, ast.Call) and called_name(each.value.func) == owner.name for each in bound)
        }
        loops = [each for each in bindings.own(scope) if isinstance(each, ast.For)]
        for node in bindings.own(scope):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in made:
                around = [each for each in loops if each.lineno <= node.lineno <= (each.end_lineno or 0)]
                yield (around[-1] if around else None), node
