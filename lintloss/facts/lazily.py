"""What is made once, when it is first needed: `if self.meters is None: self.meters = make()` inside a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager

from lintloss.facts import places
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
    """Return the loop depth at which a name was set to None, or to what is empty, that the test asks for and the body sets."""
    asked = _asked_for(node.test)
    if asked is None or node.orelse or not all(isinstance(each, ast.Assign) for each in node.body):
        return None
    made = {machine.text(each.targets[0]) for each in node.body if isinstance(each, ast.Assign)}
    if machine.text(asked) not in made:
        return None
    slot = places.slot_of(machine, asked)
    is_empty = not isinstance(node.test, ast.Compare) or not isinstance(node.test.ops[0], ast.Is)
    return slot.depth if slot is not None and (is_empty or Const(None) in options(slot.value)) else None


def _asked_for(test: ast.expr) -> ast.expr | None:
    """Return x of `x is None` and `x.numel() == 0`."""
    if not isinstance(test, ast.Compare) or not isinstance(test.comparators[0], ast.Constant):
        return None
    asked, value = test.left, test.comparators[0].value
    if isinstance(test.ops[0], ast.Is) and value is None:
        return asked if isinstance(asked, ast.Name | ast.Attribute) else None
    if not isinstance(test.ops[0], ast.Eq) or value != 0 or not isinstance(asked, ast.Call):
        return None
    counts = isinstance(asked.func, ast.Attribute) and asked.func.attr == "numel"
    return asked.func.value if counts and isinstance(asked.func, ast.Attribute) else None
