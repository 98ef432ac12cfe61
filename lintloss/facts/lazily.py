"""What is made once, when it is first needed: `if self.meters is None: self.meters = make()` inside a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager

from lintloss.facts import assign
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, options


@contextmanager
def made_once(machine: Machine, node: ast.If) -> Iterator[None]:
    """Run the body of such a test outside of the loops entered since the name was set to None: it is not made anew."""
    depth = _depth(machine, node)
    if depth is None or depth >= machine.depth:
        yield
        return
    loops = machine.loops
    machine.loops = loops[:depth]
    try:
        yield
    finally:
        machine.loops = loops


def _depth(machine: Machine, node: ast.If) -> int | None:
    """Return the loop depth at which a name was set to None that the test asks for and the body sets."""
    test = node.test
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Is) or node.orelse or len(node.body) != 1:
        return None
    if not isinstance(test.comparators[0], ast.Constant) or test.comparators[0].value is not None:
        return None
    made = node.body[0]
    if not isinstance(made, ast.Assign) or not isinstance(test.left, ast.Name | ast.Attribute):
        return None
    if machine.text(made.targets[0]) != machine.text(test.left):
        return None
    slot = assign.slot_of(machine, test.left)
    return slot.depth if slot is not None and Const(None) in options(slot.value) else None
