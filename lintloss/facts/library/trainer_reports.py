"""What a Trainer reports of an evaluation: the mean of the losses as eval_loss, and what stands beside it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from lintloss.facts import rates, regularizers
from lintloss.facts.callers import text_of
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Const, Opaque, Quantity, Ref, Value, options
from lintloss.parse import Module
from lintloss.patterns import regex

GIVEN = "compute_metrics"
LOGS = frozenset({"log", "log_metrics", "log_metric", "log_dict", "add_scalar"})
# What a function computes, or a log holds, that tells a loss or a part of one.
LOSSES = regex(r"loss|nll|\bce\b|entropy|perplex|ppl|log_?softmax|logsumexp|log_?prob|likelihood")
DEPTH = 3  # functions that call one another
Definition = ast.FunctionDef | ast.AsyncFunctionDef


def note(machine: Machine, node: ast.AST, losses: Iterable[Value]) -> None:
    """Note losses that certainly hold more than their cross entropy: what an option adds is for who sets it to know.

    Where one of them is plain, nobody knows which one an evaluation returns.
    """
    found = [each for loss in losses for each in options(loss)]
    scored = [each for each in found if isinstance(each, Quantity) and each.scoring is not None]
    if all(regularizers.is_certainly_laden(machine, each) for each in scored):
        for each in scored:
            regularizers.note(machine, node, each)


def forget_switches(machine: Machine, owner: Ref) -> None:
    """Let what is set outside of the instance's __init__ be unknown: an evaluation may run with another value than training."""
    if owner.cls is None:
        return
    made = rates.Made(owner.cls, owner)
    held = {name for name, slot in machine.fields(owner).items() if isinstance(slot.value, Const)}
    for name in held | set(_of_class(owner.cls.node)):
        if rates.is_set_elsewhere(machine, made, name):
            machine.put(owner, name, Opaque((*owner.id, "." + name), name))


def _of_class(cls: ast.ClassDef) -> Iterator[str]:
    for each in cls.body:
        targets = (
            each.targets if isinstance(each, ast.Assign) else [each.target] if isinstance(each, ast.AnnAssign) else []
        )
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def logs_parts(method: ast.AST) -> bool:
    """Say whether a method logs a loss, or something that is not spelled out: the parts of what it returns."""
    logs = (each for each in walk(method) if isinstance(each, ast.Call) and called_name(each.func) in LOGS)
    return any(_may_tell(each) for each in logs)


def _may_tell(log: ast.Call) -> bool:
    said = [*log.args, *(word.value for word in log.keywords)]
    is_spelled = any(isinstance(each, ast.Dict) or _is_text(each) for each in said)
    return not is_spelled or any(_names_loss(text_of(each)) for each in said)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _names_loss(text: str) -> bool:
    return LOSSES.search(text.lower()) is not None or regularizers.PENALTY.search(text) is not None


def may_hold_plain(machine: Machine, modules: Iterable[Module]) -> bool:
    """Say whether a `compute_metrics` that is given in one of these files may report the cross entropy by itself.

    One in sight that speaks of no loss does not: it counts hits. Of one out of sight, nothing is known.
    """
    return any(_may_score(machine, module, given) for module in modules for given in _given(module))


def _given(module: Module) -> Iterator[ast.expr]:
    if GIVEN not in module.code:
        return
    for each in walk(module.tree):
        if isinstance(each, ast.keyword | ast.Assign):
            names = {each.arg} if isinstance(each, ast.keyword) else set(map(called_name, each.targets))
            if GIVEN in names:
                yield each.value


def _may_score(machine: Machine, module: Module, given: ast.expr) -> bool:
    if isinstance(given, ast.Constant):
        return False
    names = {called_name(each) for each in walk(given) if isinstance(each, ast.Name | ast.Attribute)}
    found = [one for name in sorted(names) for one in _defined(machine, module, name)]
    if not found and not isinstance(given, ast.Lambda):
        return True
    return _names_loss(text_of(given)) or any(_scores(machine, where, each, DEPTH) for where, each in found)


def _defined(machine: Machine, module: Module, name: str) -> list[tuple[Module, Definition]]:
    files = (module, *(machine.project.defining(module.path, name) if name in module.code else ()))
    return [
        (where, each)
        for where in files
        for each in walk(where.tree)
        if isinstance(each, Definition) and each.name == name
    ]


def _scores(machine: Machine, module: Module, function: Definition, depth: int) -> bool:
    """Say whether a function, or one that it calls, speaks of a loss."""
    if _names_loss(text_of(function)) or depth == 0:
        return True
    called = {each.func.id for each in walk(function) if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)}
    called -= {function.name}
    inner = (one for name in sorted(called) for one in _defined(machine, module, name))
    return any(_scores(machine, where, each, depth - 1) for where, each in inner)
