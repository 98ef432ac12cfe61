"""Recording: a scored pass keeps gradients that nothing needs, and nobody above it turns them off."""

from __future__ import annotations

import ast
import re

from lintloss.facts import above, callers, classes, differentiating, frameworks, gradients, runtimes, strangers
from lintloss.facts.callers import text_of
from lintloss.facts.differentiating import TRAINS
from lintloss.facts.forward_methods import run_by_forward
from lintloss.facts.forwards import Forward
from lintloss.facts.machine import Machine
from lintloss.facts.project import Project
from lintloss.facts.scored_passes import Pass
from lintloss.facts.survey import statements
from lintloss.facts.values import Lib, Ref, options
from lintloss.parse import Module
from lintloss.patterns import regex

HOOK = regex(r"^(validation|valid|val|test|predict|eval|evaluation|inference)_step$")
PLAIN_BASE = regex(r"(^|\.)(object|ABC|Generic|Protocol|Enum)$|^torch\.|(^|\.)nn\.")


def is_recorded(each: Pass) -> bool:
    return each.forward.gradients == gradients.ON


def recorded(machine: Machine, group: list[Pass]) -> Pass | None:
    """Return a pass that records gradients, if all of a call do, or all of those that some callers leave to it."""
    if all(map(is_recorded, group)):
        return group[0] if _records(machine, group) else None
    left = [each for each in above.unlike(machine, group, is_recorded, gradients.WORDS) if _records(machine, [each])]
    return left[0] if left else None


def _records(machine: Machine, group: list[Pass]) -> bool:
    for each in group:
        forward = each.forward
        if frameworks.is_old(machine, each) or differentiating.needs_gradients(machine, forward, each.region):
            return False
        if runtimes.runs_in_one(machine, forward) or _is_hook(machine, forward):
            return False
        if forward.given_to and (strangers.may_have_frozen(forward.given_to) or not machine.trained):
            return False
        if _is_frozen(each.scene.module, forward.text) or _turns_off_itself(forward):
            return False
        if above.asked_of_callers(machine, forward, callers.gradients_off):
            return False
        if above.asked_of_callers(machine, forward, callers.is_handed_on):
            return False
        if each.region.loop is None and above.asked_of_callers(machine, forward, _trains_in_base):
            return False
        if (each.region.loop is None or _is_step(forward)) and above.asked_of_callers(
            machine, forward, _has_no_callers
        ):
            return False  # a step of a loop that is somewhere else
    return True


def _turns_off_itself(forward: Forward) -> bool:
    """Say whether the model's own class turns gradients off, in what its forward() runs: its `sample()` does not count."""
    classes = [option.cls for option in options(forward.model) if isinstance(option, Ref) and option.cls is not None]
    return any(gradients.WORDS.search(text) for cls in classes for text in _run_by_forward(cls.node))


def _run_by_forward(node: ast.ClassDef) -> list[str]:
    """Return the text of forward() and of the methods that it calls; of a class without one, of all of it."""
    methods = run_by_forward(node)
    if not methods or any(gradients.WORDS.search(text_of(each)) for each in node.decorator_list):
        return [text_of(node)]
    return ["\n".join(map(text_of, (*each.decorator_list, each))) for each in methods]


def _is_frozen(module: Module, text: str) -> bool:
    """Say whether a loop over all parameters, or requires_grad_(False), freezes the model somewhere in the file."""
    if "requires_grad" not in module.code:
        return False
    name = text.removesuffix(".forward").rsplit(".", 1)[-1]
    for node in statements(module.tree):
        if isinstance(node, ast.For) and "parameters()" in text_of(node.iter) and _same(text_of(node.iter), name):
            if any(
                re.search(r"requires_grad(_\(| = )False", text_of(each))
                for each in node.body
                if not isinstance(each, ast.If)
            ):
                return True
        if (
            isinstance(node, ast.Expr | ast.Assign)
            and "requires_grad_(False)" in text_of(node)
            and _same(text_of(node), name)
        ):
            return True
    return False


def _same(text: str, name: str) -> bool:
    return re.search(
        rf"(^|[.\s(]){re.escape(name)}(\.module)?\.(eval\(\)\.)?(named_parameters|parameters|requires_grad_)\(", text
    ) is not None or (
        re.search(r"(^|[.\s(])(model|net|network)\.(named_parameters|parameters|requires_grad_)\(", text) is not None
    )


def _trains_in_base(project: Project, asked: callers.Asked) -> bool:
    """Say whether a class over that of a method calls it to train: `loss = self.compute_loss(batch); loss.backward()`."""
    found = (around for each in asked.above for _, around in callers.in_module(each, asked.name))
    functions = (node for around in found for node in around if isinstance(node, ast.FunctionDef))
    return any(TRAINS.search(text_of(each)) for each in functions)


def _is_hook(machine: Machine, forward: Forward) -> bool:
    """Say whether a step of an evaluation, `predict_step(batch, batch_idx)`, may be one that a class out of sight calls."""
    for scene in forward.scenes[1:]:
        cls = above.class_of(scene) if HOOK.search(scene.name) else None
        names = [each.name for each in classes.bases(machine, cls) if isinstance(each, Lib)] if cls is not None else []
        if any(not PLAIN_BASE.search(each) for each in names):
            return True
    return False


def _is_step(forward: Forward) -> bool:
    """Say whether the interpreter started from a method such as valid_step(): one batch of a loop of somebody else."""
    return len(forward.scenes) > 1 and forward.scenes[1].name.endswith("_step")


def _has_no_callers(project: Project, asked: callers.Asked) -> bool:
    """Say whether nobody calls a function but functions of its own name, which hand on what overrides it."""
    sites = callers.sites(project, asked.module, asked.name, asked.owner)
    return all(callers.is_inside(around, asked.name) for _, around in sites)
