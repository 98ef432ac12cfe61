"""Training mode: a scored pass runs a model that minds it, and nobody above it calls eval()."""

from __future__ import annotations

import ast

from lintloss.facts import above, callers, frameworks, regions, runtimes, unswitched
from lintloss.facts.machine import Machine
from lintloss.facts.scored_passes import Pass
from lintloss.parse import Module


def is_in_training(each: Pass) -> bool:
    forward = each.forward
    return forward.mode == "train" or (forward.mode == "" and forward.stochastic.fresh)


def drops_anyway(each: Pass) -> bool:
    """Say whether a model drops whatever its mode, and nobody calls that what is measured here."""
    names = " ".join(scene.name for scene in each.forward.scenes)
    return each.forward.unswitched.sure != "no" and unswitched.MEANT.search(names) is None


def unswitched_here(machine: Machine, module: Module, found: list[Pass]) -> set[str]:
    """Return the functions and classes of a module that evaluate models of other files, in a file that sets no mode.

    Whether such a model minds its mode, and is left in training mode, the files show that make it and call them.
    """
    if callers.MODE.search(module.code) is not None:
        return set()
    return {
        name
        for each in found
        if each.forward.mode in {"", "train"}
        and each.forward.stochastic.sure == "unknown"
        and not frameworks.is_another(each)
        for name in _top_level(module, each.scene.node)
        if not above.asked_of_callers(machine, each.forward, callers.evaluation_mode)
    }


def _top_level(module: Module, node: ast.AST) -> list[str]:
    """Return the name of the function or class of a module that a function is, or stands in."""
    row = getattr(node, "lineno", 0)
    tops = (
        each for each in module.tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    )
    return [each.name for each in tops if each.lineno <= row <= (each.end_lineno or row)]


def _says_so(call: ast.Call) -> bool:
    """Say whether the call itself asks for evaluation, as Keras models take it: `model(x, training=False)`."""
    return any(
        each.arg == "training" and isinstance(each.value, ast.Constant) and not each.value.value
        for each in call.keywords
    )


def in_training(machine: Machine, group: list[Pass]) -> Pass | None:
    """Return a pass in training mode, if all of a call are; one that is not makes the mode the callers' business."""
    for each in group:
        forward = each.forward
        if _says_so(forward.node):
            return None
        born = forward.mode == "" and forward.stochastic.fresh
        back = regions.is_switched_back(forward)
        minds = forward.stochastic.sure in {"yes", "maybe"} or (back and forward.stochastic.sure == "unknown")
        if not (born or forward.mode == "train") or not minds:
            return None
        if runtimes.runs_in_one(machine, forward):  # it has no modes
            return None
        if back:  # whatever the callers have set
            continue
        if above.asked_of_callers(machine, forward, callers.evaluation_mode):
            return None
        if above.asked_of_callers(machine, forward, callers.is_handed_on):
            return None
    return group[0] if group else None
