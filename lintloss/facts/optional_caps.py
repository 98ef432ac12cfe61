"""Optional caps: a number of batches that is None unless somebody asks for fewer, so that the whole data are read."""

from __future__ import annotations

import ast

from lintloss.facts import callers, caps
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk


def is_open(machine: Machine, limit: ast.expr) -> bool:
    """Say whether a cap is a parameter that is None by default, and no call is seen to give a number for it."""
    function = machine.frame.node
    if not isinstance(limit, ast.Name) or not isinstance(function, caps.Function):
        return False
    default = caps.defaults(function).get(limit.id)
    if default is None or not _is_none(default) or caps.assigned(function, limit.id):
        return False
    module = machine.frame.module
    given = caps.passed(machine, module, function, limit.id)
    options = [each for each in given if not _is_none(each)]
    if not all(isinstance(each, ast.Attribute) for each in options):
        return False
    texts = list(callers.mentioning(machine.project, module, function.name, "")) if options else []
    unset = {name for each in texts for name in _unset(each.tree)}
    return all(isinstance(each, ast.Attribute) and each.attr in unset for each in options)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _unset(tree: ast.AST) -> set[str]:
    """Return the options of a command line that are None unless they are given: `add_argument("--max-steps", type=int)`."""
    found = set()
    for node in walk(tree):
        if not isinstance(node, ast.Call) or called_name(node.func) != "add_argument":
            continue
        given = {each.arg: each.value for each in node.keywords}
        if "action" in given or not _is_none(given.get("default", ast.Constant(None))):
            continue
        names = (each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str))
        found |= {each.lstrip("-").replace("-", "_") for each in names if each.startswith("--")}
    return found
