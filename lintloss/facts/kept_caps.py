"""Kept caps: `self.max_batches`, which the __init__ of a class takes with a default, and which nobody who makes one gives."""

from __future__ import annotations

import ast
import re

from lintloss.facts import bindings, callers
from lintloss.facts.caps import EXPOSED, Cap, Function, assigned, defaults, given_by, is_cap, parameters
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.parse import Module


def of_field(machine: Machine, module: Module, function: Function, name: str) -> Cap | None:
    """Return what an attribute of a method's instance caps: the default of a parameter, if it can be nothing else."""
    owner = bindings.owner(module.tree, function)
    bound = bindings.fields(owner).get(name, ()) if owner is not None else ()
    kept = bindings.only(tuple(each for _, each in bound))
    if owner is None or not isinstance(kept, ast.Name) or EXPOSED.search(name):
        return None
    maker = bound[0][0]
    default = defaults(maker).get(kept.id)
    number = default.value if isinstance(default, ast.Constant) else None
    if maker.name != "__init__" or not is_cap(number):
        return None
    if assigned(maker, kept.id) or _is_set_by_others(machine, module, owner, name):
        return None
    made = callers.calls(machine.project, module, owner.name)
    if not made or given_by(made, parameters(maker)[1:], kept.id):
        return None
    return Cap(f"{kept.id}={number}", "warning")


def _is_set_by_others(machine: Machine, module: Module, owner: ast.ClassDef, name: str) -> bool:
    """Say whether the attribute is set anywhere but in the class, or a class derived from it may give another number."""
    around = list(callers.mentioning(machine.project, module, owner.name, owner.name, module.path))
    sets = re.compile(rf"\.{re.escape(name)}\s*[-+*/]*=[^=]")
    if sum(len(sets.findall(each.code)) for each in around) > 1:
        return True
    classes = (each for where in around for each in walk(where.tree) if isinstance(each, ast.ClassDef))
    return any(called_name(base) == owner.name for each in classes for base in each.bases)
