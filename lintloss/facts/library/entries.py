"""Entries taken out of dicts: a batch's, and those of the keyword arguments of a function."""

from __future__ import annotations

import ast

from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Opaque, Tensor, Value

OFF = (Const(0), Const(0.0))
ENCODED = frozenset({"input_ids", "attention_mask"})


def popped(machine: Machine, owner: Opaque, name: str) -> Value:
    """Take an entry out of a batch, which is without it then; the next pass of a loop finds it again."""
    kept = machine.get(owner.key, f"@popped {name}")
    slot = kept or machine.get(owner.key, name)
    value = slot.value if slot is not None else Opaque((*owner.key, name), name)
    machine.put(owner.key, f"@popped {name}", value)
    machine.put(owner.key, name, Const(None))
    return value


def defaulted(machine: Machine, owner: Opaque, name: object) -> bool:
    """Say whether a batch is what a tokenizer made, and has no such entry: `batch.get("labels", ids)` is the ids."""
    held = machine.state.heap.fields(owner.key)
    encoded = all(isinstance(held[each].value, Tensor) for each in ENCODED if each in held)
    return encoded and held.keys() >= ENCODED and name not in held


def is_keywords(machine: Machine, node: ast.Call) -> bool:
    """Say whether a method is called on the `**options` of the running function, of which nobody is seen to pass any."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    spec = getattr(machine.frame.node, "args", None)
    star = spec.kwarg if isinstance(spec, ast.arguments) else None
    return star is not None and isinstance(owner, ast.Name) and owner.id == star.arg


def off_unless_given(machine: Machine, node: ast.Call, spread: Value, name: Value, default: Value) -> Opaque | None:
    """Return what is off by default and may be on in settings that a caller spreads: `Config(**args)`, and in it
    `options.get("label_smoothing", 0.0)`; None for what else is asked for.
    """
    if not isinstance(spread, Opaque) or not spread.key or not isinstance(name, Const) or default not in OFF:
        return None
    if isinstance(node.func, ast.Attribute) and machine.text(node.func.value) == spread.key[-1]:  # its own parameter
        return None
    is_rate = isinstance(default, Const) and isinstance(default.value, float)
    called = str(name.value)
    return Opaque((*spread.key, called), called) if is_rate or "smooth" in called else None
