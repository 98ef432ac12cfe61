"""Metrics as classes: whoever uses one gives it batch after batch, and asks for the result at the end."""

from __future__ import annotations

import ast

from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Func, Quantity, Ref, Value
from lintloss.findings import Evidence

UPDATES = frozenset({"update", "update_state", "__call__", "add", "add_batch", "accumulate", "process", "log_batch"})
RESULTS = frozenset(
    {
        "compute",
        "result",
        "get",
        "get_metric",
        "get_metrics",
        "value",
        "average",
        "avg",
        "mean",
        "summarize",
        "finalize",
    }
)
STEPS = frozenset({"forward", "__call__"})  # of modules that keep metrics of their own, as AllenNLP's do


def loop_around(machine: Machine, function: Func) -> Loop | None:
    """Return the loop over batches in which whoever uses a metric updates it, None for other functions."""
    node, owner = function.node, function.self_value
    if isinstance(node, ast.Lambda) or not isinstance(owner, Ref) or owner.cls is None:
        return None
    methods = {each.name for each in owner.cls.node.body if isinstance(each, ast.FunctionDef)}
    is_update = node.name in UPDATES and methods & RESULTS
    if not is_update and not (node.name in STEPS and "get_metrics" in methods):
        return None
    key = ("metric", function.module.path, node.lineno)
    loop = machine.loop_of.get(key)
    if loop is None:
        place = Evidence(function.module.path, machine.anchor(function.module).span(node), "called once per batch")
        loop = machine.loop_of[key] = Loop(key, place, unit="batch")
    return loop


def answers(node: ast.AST, owner: ast.ClassDef | None) -> bool:
    """Say whether a method gives the result of what the updates of its class have added up."""
    if owner is None or getattr(node, "name", "") not in RESULTS:
        return False
    return any(isinstance(each, ast.FunctionDef) and each.name in UPDATES | STEPS for each in owner.body)


def add_state(machine: Machine, owner: Ref, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """`self.add_state("total", default=torch.tensor(0.0))` makes an attribute that every update may add to."""
    name = args[0] if args else kwargs.get("name")
    start = kwargs.get("default", args[1] if len(args) > 1 else None)
    if isinstance(name, Const) and isinstance(name.value, str):
        is_number = isinstance(start, Const | Quantity | Ref)
        machine.put(owner, name.value, start if is_number and start is not None else Const(0.0), 0)
    return Const(None)
