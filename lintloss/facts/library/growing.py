"""Arrays that a call makes longer: `losses = np.append(losses, x)`, `losses = torch.cat((losses, x))`."""

from __future__ import annotations

import ast

from lintloss.facts import assign
from lintloss.facts.machine import Machine
from lintloss.facts.values import Quantity, Ref, Tuple, Value, options

Kwargs = dict[str, Value]


def appended(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """np.append(xs, x) is xs with one value more."""
    if len(args) != 2 or not isinstance(args[0], Ref):
        return machine.opaque(node)
    return joined(machine, args[0], args[1]) or machine.opaque(node)


def joined(machine: Machine, before: Value, more: Value) -> Value | None:
    """Return a list that was made longer by numbers; None where it is no list, or where no loss is added."""
    length = machine.get(before, "len") if isinstance(before, Ref) and before.kind in {"list", "tensor"} else None
    if not isinstance(before, Ref) or length is None:
        return None
    added = [each for each in options(_content(machine, more)) if isinstance(each, Quantity)]
    for each in added:
        assign.collect(machine, before.id, each, length.depth)
    return before if added else None


def _content(machine: Machine, value: Value) -> Value:
    if isinstance(value, Tuple) and len(value.items) == 1:
        return value.items[0]
    return machine.elem(value) if isinstance(value, Ref) and value.kind == "list" else value
