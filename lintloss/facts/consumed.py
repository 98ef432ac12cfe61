"""Consumed: a buffer that loses its first items in each pass, `buffer = buffer[stride:]`, begins further on in the text.

Of a buffer that is a block of one row, `[1, T]` as a Hugging Face tokenizer makes it, it is `ids = ids[:, stride:]`.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import bindings, symbolic
from lintloss.facts.expressions import evaluate
from lintloss.facts.linear import ZERO, Linear
from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk
from lintloss.facts.values import Choice, Tensor, Value, join_all, options


def moved_on(machine: Machine, node: ast.Assign, value: Value) -> Value:
    """Return what is left of a buffer: from the second pass of the loop on, it begins at an index of its own.

    Without that the pass after the next would begin at twice the stride, and no two of them would be seen to overlap.
    """
    taken = node.value
    if not machine.loops or len(node.targets) != 1 or not isinstance(taken, ast.Subscript):
        return value
    if _front(taken) is None or machine.text(taken.value) != machine.text(node.targets[0]):
        return value
    if isinstance(taken.value, ast.Name) and _is_fresh(machine, taken.value.id):
        return value
    return shifted(machine, taken, value)


def _is_fresh(machine: Machine, name: str) -> bool:
    """Say whether a name holds something new in each pass, as `ids = ids[:, 1:]` behind `for ids in loader:` does."""
    own = machine.loops[machine.frame.loop_base :]
    loop = own[-1].statement if own else None
    if not isinstance(loop, ast.For | ast.AsyncFor | ast.While):
        return True
    if not isinstance(loop, ast.While) and any(
        isinstance(each, ast.Name) and each.id == name for each in walk(loop.target)
    ):
        return True
    bound = bindings.of(loop).get(name, ())
    return any(each.over is not None or not _reads(each.value, name) for each in bound if each.key is None)


def _reads(value: ast.expr | None, name: str) -> bool:
    return value is None or any(isinstance(each, ast.Name) and each.id == name for each in walk(value))


def _front(taken: ast.Subscript) -> ast.expr | None:
    """Return how many items `buffer[stride:]` or `buffer[:, stride:]` drops; None where it does not cut off the front."""
    cuts = taken.slice.elts if isinstance(taken.slice, ast.Tuple) else [taken.slice]
    last = cuts[-1] if cuts else None
    if not isinstance(last, ast.Slice) or last.upper is not None or last.step is not None:
        return None
    return last.lower if all(map(_is_whole, cuts[:-1])) else None


def _is_whole(cut: ast.expr) -> bool:
    if isinstance(cut, ast.Slice):
        return cut.lower is None and cut.upper is None and cut.step is None
    return isinstance(cut, ast.Constant) and cut.value is ...


def shifted(machine: Machine, taken: ast.Subscript, value: Value) -> Value:
    """Let all that `buffer[stride:]` may be begin where the buffer does, moved on by its strides so far."""
    front = _front(taken)
    if front is None:
        return value
    stride = symbolic.of(machine, front)
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
