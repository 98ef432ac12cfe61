"""Consumed: a buffer that loses its first items in each pass, `buffer = buffer[stride:]`, begins further on in the text."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import symbolic
from lintloss.facts.expressions import evaluate
from lintloss.facts.linear import ZERO, Linear
from lintloss.facts.machine import Machine
from lintloss.facts.values import Choice, Tensor, Value, join_all, options


def moved_on(machine: Machine, node: ast.Assign, value: Value) -> Value:
    """Return what is left of a buffer: from the second pass of the loop on, it begins at an index of its own.

    Without that the pass after the next would begin at twice the stride, and no two of them would be seen to overlap.
    """
    taken = node.value
    if not machine.loops or len(node.targets) != 1 or not isinstance(taken, ast.Subscript):
        return value
    if not _drops_front(taken) or machine.text(taken.value) != machine.text(node.targets[0]):
        return value
    return shifted(machine, taken, value)


def _drops_front(taken: ast.Subscript) -> bool:
    cut = taken.slice
    return isinstance(cut, ast.Slice) and cut.lower is not None and cut.upper is None and cut.step is None


def shifted(machine: Machine, taken: ast.Subscript, value: Value) -> Value:
    """Let all that `buffer[stride:]` may be begin where the buffer does, moved on by its strides so far."""
    if not isinstance(taken.slice, ast.Slice) or taken.slice.lower is None:
        return value
    stride = symbolic.of(machine, taken.slice.lower)
    if stride == ZERO or stride.const < 0 or any(factor < 0 for _, factor in stride.terms):  # `held[-most:]`
        return value
    name = machine.text(taken.value)
    atom = ("stepped", *machine.frame.key, name, "[:]")
    found: list[Value] = []
    for each in options(value):
        if not isinstance(each, Tensor) or each.window is None:
            return value
        lower = each.window.lower - stride
        lower = lower if lower.coefficient(atom) else lower + Linear.of(atom)
        marks = each.window.marks - {"leap"}
        window = replace(each.window, lower=lower, marks=marks)
        # one identity, and one trace, however often it was cut: else each pass would make another value
        found.append(replace(each, window=window, key=(*window.source, *atom), name=name, trace=each.trace[-1:]))
    machine.strides[atom] = (stride, machine.evidence(taken, "moved on here"))
    return join_all(found) if isinstance(value, Choice) else found[0]


def deleted(machine: Machine, target: ast.expr) -> None:
    """Run `del buffer[:stride]` as `buffer = buffer[stride:]`, where the buffer holds ids."""
    from lintloss.facts import assign

    cut = target.slice if isinstance(target, ast.Subscript) else None
    if not isinstance(target, ast.Subscript) or not isinstance(cut, ast.Slice) or not machine.loops:
        return
    if cut.upper is None or cut.lower is not None or cut.step is not None:
        return
    rest = ast.Subscript(target.value, ast.Slice(cut.upper), ast.Load())
    ast.fix_missing_locations(ast.copy_location(rest, target))
    value = evaluate(machine, rest)
    if any(isinstance(each, Tensor) for each in options(value)):
        assign.store(machine, target.value, shifted(machine, rest, value))
