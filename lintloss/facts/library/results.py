"""Output classes of Hugging Face that a model of the project fills in itself: `CausalLMOutput(loss=loss, logits=logits)`."""

from __future__ import annotations

import ast

from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Ref, Value
from lintloss.patterns import regex

CLASSES = regex(r"^(transformers|diffusers|mamba_ssm)\b.*\b\w*Output(With\w+)?$")
POSITIONS = ("loss", "logits")


def filled(machine: Machine, node: ast.AST, full: str, args: list[Value], kwargs: dict[str, Value]) -> Value | None:
    """Return the fields of such an output: read as attributes, by key, or by the place among those that are given."""
    if CLASSES.match(full) is None:
        return None
    given = {**dict(zip(POSITIONS, args, strict=False)), **kwargs}
    if "**" in given or not given:
        return None
    held = Ref(machine.key(node, "output"), "dict")
    machine.state.heap.clear(held.id)
    for name, value in given.items():
        machine.put(held, name, value)
    for index, value in enumerate(value for value in given.values() if value != Const(None)):
        machine.put(held, str(index), value)
    return held
