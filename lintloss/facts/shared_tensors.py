"""What is added to a tensor in place, `loss += penalty`, is in it under each of its names: in those of the callers as well.

Names that hold one object hold one value, by identity. What arithmetic or a method makes of a loss is an object of its
own; a number that was read from it, by `item()`, is no tensor, and `+=` binds its name anew.
"""

from __future__ import annotations

from dataclasses import replace

from lintloss.facts import terms
from lintloss.facts.machine import Machine
from lintloss.facts.state import Slot
from lintloss.facts.values import Choice, Quantity, Term, Tuple, Value, join, options

SHARING = frozenset({"detach", "detach_", "view", "reshape", "squeeze", "contiguous", "requires_grad_"})
READING = frozenset({"item", "float", "tolist", "numpy"})


def made(machine: Machine, name: str, given: Value | None, result: Value) -> Value:
    """Return what a library's method or function made of a loss that it hands back: an object of its own, mostly."""
    if result is not given or name in SHARING or not _is_loss(result):
        return result
    own = replace(result)
    if name in READING:
        machine.numbers[id(own)] = own
    return own


def computed(result: Value, left: Value, right: Value) -> Value:
    """Return what arithmetic made of two values; what has the value of one of them is another object."""
    return replace(result) if (result is left or result is right) and _is_loss(result) else result


def changed(machine: Machine, before: Value, after: Value) -> None:
    """Let all that holds a loss hold it with the term that is added to it in place."""
    if not _is_loss(before) or not _terms(after) - _terms(before) or _is_number(machine, before):
        return
    code = machine.frame.module.code
    if "torch" not in code or "jax" in code:  # arrays elsewhere are never changed in place by `+=`
        return
    for frame in machine.frames:
        is_sure = frame is machine.frame or not machine.guards  # of a branch that runs, the callers learn both ends
        for name, slot in frame.state.names.items():
            value = _renewed(slot.value, before, after if is_sure else join(before, after))
            if value is not slot.value:
                frame.state.names[name] = Slot(value, slot.depth)
    machine.state.heap.renew(before, after)


def _renewed(held: Value, before: Value, after: Value) -> Value:
    """Return a value, or a tuple of values, with the loss in it renewed."""
    if held is before:
        return after
    if isinstance(held, Tuple) and any(each is before for each in held.items):
        return Tuple(tuple(after if each is before else each for each in held.items))
    return held


def _is_loss(value: Value) -> bool:
    """Say whether a value is a criterion's one number, on some path at least, and no total."""
    return isinstance(value, Quantity | Choice) and any(
        terms.is_one_loss(each) and isinstance(each, Quantity) and not each.loops for each in options(value)
    )


def _is_number(machine: Machine, value: Value) -> bool:
    return any(id(each) in machine.numbers for each in (value, *options(value)))


def _terms(value: Value) -> set[Term]:
    found = (each.scoring for each in options(value) if isinstance(each, Quantity))
    return {term for scoring in found if scoring is not None for term in scoring.extra}
