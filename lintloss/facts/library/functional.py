"""Models of JAX, which hold no weights: `model.apply(params, ids)` and `state.apply_fn(params, ids)` run them."""

from __future__ import annotations

import ast
import re

from lintloss.facts import forwards
from lintloss.facts.library import outputs
from lintloss.facts.machine import Machine
from lintloss.facts.values import LibObject, Opaque, Ref, Value
from lintloss.patterns import regex

Kwargs = dict[str, Value]
NAMES = frozenset({"apply", "apply_fn"})
WEIGHTS = regex(r"param|variables|weights|state|\bvars\b", re.IGNORECASE)
KEYS = regex(r"rng|(^|_)keys?$|None", re.IGNORECASE)  # Haiku's second argument
BESIDE = frozenset({"params", "rngs", "rng", "mutable", "method", "capture_intermediates"})


def called(machine: Machine, node: ast.Call, receiver: Value, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Run a model on what follows its weights; None where the first argument holds none."""
    from lintloss.facts import calls, classes

    given = [machine.text(each) for each in node.args]
    skipped = 1 if given and WEIGHTS.search(given[0]) else 0
    if not skipped and "params" not in kwargs:
        return None
    skipped += len(given) > skipped + 1 and KEYS.search(given[skipped]) is not None
    inputs = args[skipped:]
    rest = {name: value for name, value in kwargs.items() if name not in BESIDE}
    if not inputs and not rest:
        return None
    with forwards.by_framework(machine):  # no gradients are recorded, and no mode is switched
        if isinstance(receiver, Ref) and receiver.kind == "instance":
            known = "method" not in kwargs and classes.method(machine, receiver, "__call__") is not None
            return calls.call(machine, node, receiver, inputs, rest) if known else None
        is_known = isinstance(receiver, Opaque | LibObject)
        return outputs.of_call(machine, node, receiver, inputs, rest) if is_known else None
