"""Collecting: what a loop puts into a list or a dict, an element in each pass, and over which loops."""

from __future__ import annotations

from dataclasses import replace

from lintloss.facts import left_behind, regularizers, sums
from lintloss.facts.machine import Machine
from lintloss.facts.state import Slot
from lintloss.facts.values import Const, Key, Opaque, Quantity, Ref, Tensor, Value, join
from lintloss.findings import Evidence


def enter(machine: Machine, owner: Key, value: Value) -> None:
    """Collect what a loop puts into a dict, an entry in each pass: `ppl[name] = …`, whose `.values()` may be averaged.

    What was summed or averaged by a loop of its own is the result of a whole set; those are compared, not averaged.
    """
    made = machine.dicts_made.get(owner)
    if made is None or made >= machine.depth or not isinstance(value, Quantity):
        return
    if (value.is_loss or value.is_perplexity) and all(loop in machine.loops for loop in value.loops):
        collect(machine, entered(owner).id, value, made)


def entered(owner: Key) -> Ref:
    """Return the list of what a loop has put into a dict."""
    return Ref((*owner, "@values"), "list")


def lists_of(machine: Machine, owner: Key, value: Value) -> None:
    """Let a list or meter that is made where a dict lacks it be as old as the dict: `if k not in d: d[k] = []`."""
    made = machine.dicts_made.get(owner)
    if made is not None and isinstance(value, Ref) and value.kind == "list":
        machine.put(value, "len", Const(0), made)
    elif made is not None and isinstance(value, Ref) and value.kind == "instance":
        for name, slot in machine.fields(value).items():
            machine.put(value, name, slot.value, made)


def collect(machine: Machine, owner: Key, value: Value, created: int) -> None:
    """Add `value` to the elements of a list made at loop depth `created`."""
    over = tuple(machine.loops[created:])
    if over:
        regularizers.note(machine, machine.frame.statement or machine.frame.node, value)
        left_behind.note_report(machine, machine.frame.statement or machine.frame.node, value)
        machine.list_loops[owner] = over
    guards = sums.open_guards(machine, created)
    value = _guarded(value, guards)
    if isinstance(value, Quantity) and over:
        value = replace(value, fed=sums.fed(machine, value) or value.fed)
    slot = machine.state.heap.get(owner, "elem")
    old = slot.value if slot else None
    machine.state.heap.put(owner, "elem", Slot(value if old is None else join(old, value), created))


def _guarded(value: Value, guards: tuple[Evidence, ...]) -> Value:
    if guards and isinstance(value, Quantity):
        return replace(value, guards=guards)
    return value


def one_of(machine: Machine, ref: Ref, more: Value) -> Value:
    """Return an item of what a list is extended by; of ids, one by one: a stream, not rows."""
    if isinstance(more, Ref):
        return machine.elem(more)
    is_row = isinstance(more, Tensor) and more.window is not None and more.form in {"", "ids"}
    return Opaque((*ref.id, "entry"), "") if is_row else more
