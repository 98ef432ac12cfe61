"""Hidden states taken apart along their features: `q, k, v = self.qkv(h).chunk(3, dim=-1)`."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts.library.windows import COMPUTED
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Ref, Tensor, Tuple, Value

PART = "features"  # ends the key of a part, which sits where the whole does


def parts(machine: Machine, node: ast.AST, value: Tensor, axis: int | None) -> Ref | None:
    """Return the parts of what a layer computed; each keeps its positions unless those may be what is cut.

    Along the first axis it is rows that are cut, unless axes were moved already.
    """
    if value.form not in COMPUTED or (value.window is not None and axis in {0, None}):
        return None
    window = None if axis == 1 else value.window  # channels come second in convolutions, positions elsewhere
    part = replace(value, form="hidden", axes=None, window=window, key=(*value.key, PART))
    return machine.new_list(node, part, Const(0))


def part(held: Value, index: int) -> Tensor | None:
    """Return the part that an unpacked name gets, of what `parts` gave; None for lists of other things."""
    if not isinstance(held, Tensor) or held.key[-1:] != (PART,):
        return None
    return replace(held, key=(*held.key, index))


def states(value: Value) -> list[Tensor] | None:
    """Return several tensors that layers computed, written out side by side: `(q, k, v)`; None for anything else."""
    if not isinstance(value, Tuple) or len(value.items) < 2:
        return None
    found = [each for each in value.items if isinstance(each, Tensor) and each.form in COMPUTED]
    return found if len(found) == len(value.items) else None
