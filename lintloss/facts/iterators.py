"""Iterators of the project: classes whose `__next__` stacks windows of one length never yield a shorter one."""

from __future__ import annotations

import ast

from lintloss.facts import padding
from lintloss.facts.machine import Machine
from lintloss.facts.values import Ref, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

STACKED = regex(
    r"stack\(\s*\[[^\]]*\[\s*(\w+)\s*:\s*\1\s*\+\s*[\w.]+\s*\]"
)  # stack([ids[s : s + length] for s in starts])


def of_windows(machine: Machine, node: ast.Call) -> Evidence | None:
    """Return where the class of `next(it)` stacks windows of one length, None where it is no such call or class."""
    if not isinstance(node.func, ast.Name) or node.func.id != "next" or len(node.args) != 1:
        return None
    from lintloss.facts import classes

    slot = machine.read(node.args[0].id) if isinstance(node.args[0], ast.Name) else None
    for option in options(slot.value) if slot is not None else ():
        cls = option.cls if isinstance(option, Ref) else None
        step = classes.method(machine, option, "__next__") if isinstance(option, Ref) and cls is not None else None
        if step is None or padding.pads(step.module, step.node):
            continue
        if STACKED.search(padding.text_of(step.module, step.node)):
            return padding.at(machine, step.module, step.node, "each batch is stacked from windows of one length")
    return None
