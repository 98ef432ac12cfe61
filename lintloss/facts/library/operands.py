"""Operands: `left op right` where one side is a tensor, as far as its window and its form survive."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts import label_ids, terms
from lintloss.facts.library import axes, blocks, mixtures, onehot, spread, windows
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Opaque, Ref, Tensor, Tuple, Value
from lintloss.patterns import regex

PAD = regex(r"(?<![a-z])pad(?!d)", re.IGNORECASE)
EPSILONS = regex(r"(^|_)(eps|epsilon|tiny|smooth_eps)$", re.IGNORECASE)


def multiplied(machine: Machine, node: ast.AST, left: Tensor, right: Value) -> Value | None:
    """A distribution times one-hot labels is a distribution; times values it is attention."""
    name = getattr(right, "name", "").lower()
    if left.form == "probs" and ("one_hot" in name or "onehot" in name or "label" in name or name.endswith("_y")):
        return left.with_step(machine.evidence(node, "a distribution over the labels of the support set"))
    if left.form in windows.COMPUTED:
        window = left.window if not (isinstance(right, Tensor) and right.window not in (None, left.window)) else None
        return Tensor("hidden", window, None, machine.key(node), model=left.model)
    if isinstance(right, Tensor) and right.form in windows.COMPUTED:
        return Tensor("hidden", right.window, None, machine.key(node), model=right.model)
    return None


def combined(machine: Machine, node: ast.AST, operator: ast.operator, left: Value, right: Value) -> Value | None:
    """Return `left op right` where one side is a tensor whose window or form survives."""
    known = (
        blocks.combined(machine, node, operator, left, right)
        or onehot.combined(machine, node, operator, left, right)
        or spread.combined(operator, left, right)
        or mixtures.combined(machine, node, operator, left, right)
    )
    if known is not None:
        return known
    if isinstance(operator, ast.MatMult):
        if isinstance(left, Tensor):
            return multiplied(machine, node, left, right)
        return (
            Tensor("hidden", right.window, None, machine.key(node), model=right.model)
            if isinstance(right, Tensor) and right.form in windows.COMPUTED
            else None
        )
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return _two(machine, node, operator, left, right)
    if isinstance(operator, ast.Add) and isinstance(left if isinstance(right, Tensor) else right, Ref | Tuple):
        return _extended(machine, node, left, right)
    side, other = (left, right) if isinstance(left, Tensor) else (right, left)
    if isinstance(side, Tensor) and side.form == "picked":
        return side if isinstance(operator, ast.Add) and _is_tiny(other) else None
    if not isinstance(side, Tensor) or side.form not in windows.COMPUTED:
        return None
    if side.form == "probs":
        return side if isinstance(operator, ast.Add) and _is_tiny(other) else replace(side, form="")
    if side.form == "log_probs":
        return replace(side, form="hidden" if not isinstance(other, Const) else "")
    if isinstance(operator, ast.Div):
        return replace(side, form="") if side is right else terms.cooled(machine, node, side, other)
    return side


def _is_tiny(value: Value) -> bool:
    """Say whether a number is added only to keep a logarithm finite."""
    if isinstance(value, Const):
        return isinstance(value.value, float) and abs(value.value) < 1e-3
    return isinstance(value, Opaque) and EPSILONS.search(value.name) is not None


def _extended(machine: Machine, node: ast.AST, left: Value, right: Value) -> Value | None:
    """`ids[1:] + [-100]`, `[start] + ids`: a list that one id more is put behind or in front of."""
    row, more, before = (left, right, False) if isinstance(left, Tensor) else (right, left, True)
    slot = machine.get(more, "len") if isinstance(more, Ref) else None
    size = len(more.items) if isinstance(more, Tuple) else axes.whole_number(slot.value) if slot is not None else None
    if not isinstance(row, Tensor) or row.form in windows.COMPUTED:
        return None
    if row.window is None or size is None:
        return replace(row, window=None)
    if before:
        return replace(row, window=replace(row.window, lower=row.window.lower.plus(-size)))
    pad = _pad_behind(machine, node) or row.pad
    return replace(row, pad=pad, window=replace(row.window, upper=row.window.upper.plus(size)))


def _pad_behind(machine: Machine, node: ast.AST) -> Value | None:
    """Return what `ids[1:] + [pad_id]` puts behind the last id, where that is called a pad and is not one to ignore."""
    from lintloss.facts.expressions import evaluate

    more = node.right if isinstance(node, ast.BinOp) else None
    if not isinstance(more, ast.List) or not more.elts or not PAD.search(machine.text(more.elts[-1])):
        return None
    pad = evaluate(machine, more.elts[-1])
    return None if label_ids.is_ignored(pad) else pad


def _two(machine: Machine, node: ast.AST, operator: ast.operator, left: Tensor, right: Tensor) -> Value | None:
    if left.form in {"logits", "scores", "hidden", ""} and right.form == "normalizer" and isinstance(operator, ast.Sub):
        return replace(left, form="log_probs").with_step(machine.evidence(node, "becomes log probs here"))
    if left.form == "exp" and right.form == "sum of exp" and right.key[:-1] == left.key:
        step = machine.evidence(node, "becomes probs here: exp divided by its sum")
        return replace(left, form="probs").with_step(step) if isinstance(operator, ast.Div) else None
    if "mask" in {left.form, right.form}:
        side = left if right.form == "mask" else right
        return replace(side, form="" if side.form == "probs" else side.form) if side.form in windows.COMPUTED else None
    computed = [side for side in (left, right) if side.form in windows.COMPUTED]
    if not computed:
        return None
    if len(computed) == 1:
        return replace(computed[0], form="" if computed[0].form in {"probs", "log_probs"} else computed[0].form)
    if left.window is not None and right.window is not None and left.window != right.window:
        return machine.opaque(node)
    form = "logits" if left.form == right.form == "logits" else "hidden"
    if "probs" in {left.form, right.form} or "log_probs" in {left.form, right.form}:
        form = ""
    side = left if left.window is not None else right
    return replace(side, form=form, key=machine.key(node), axes=None if left.axes != right.axes else left.axes)
