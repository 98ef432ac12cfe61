"""Sliding windows: by how much they move, and whether what two of them share is scored in both."""

from __future__ import annotations

import ast
import re

from lintloss.facts import sampled
from lintloss.facts.library import models, shapes
from lintloss.facts.linear import Atom, Linear
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Overlap
from lintloss.facts.options import settled
from lintloss.facts.values import Opaque, Scoring, Tensor, Value, Window, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

ONE = Linear(const=1)
STRIDES = regex(r"stride|sliding|step|hop|overlap", re.IGNORECASE)
LIMITS = frozenset({"n_positions", "n_ctx", "max_position_embeddings", "model_max_length"})  # of Hugging Face models
CAUSAL_CONTEXT, CONTEXT = 1024, 512  # the shortest in use: GPT-2's, and BERT's


def overlap(machine: Machine, node: ast.AST, scoring: Scoring) -> Overlap | None:
    """Return how the windows that are scored overlap; None where they do not, or where that is not known."""
    found = _overlap(machine, node, scoring)
    return found if found is None or not sampled.are_drawn(machine, found.place) else None


def _overlap(machine: Machine, node: ast.AST, scoring: Scoring) -> Overlap | None:
    """Return how windows overlap that are scored all, or one after the other."""
    if scoring.criterion in {"gather", "index"} or _is_of_one_head(machine, node, scoring):
        return None
    targets = [shapes.tensor(option) for option in options(scoring.target)]
    if not all(target is not None and target.window is not None for target in targets):
        return None
    known = [target for target in targets if target is not None and target.window is not None]
    # `if new < length: labels[:, :-new] = -100`: the windows whose labels are all scored share nothing.
    ignored = [target.window for target in known if target.ignored]
    found = [_of(machine, scoring, target) for target in known if target.ignored or target.window not in ignored]
    if found and all(each is not None for each in found):
        return found[0]
    if len({target.window.source for target in known if target.window is not None}) > 1:
        return None
    # The first window, and a text that is shorter than one, begin at a place of their own.
    return next((each for each in found if each is not None), None)


def _of(machine: Machine, scoring: Scoring, target: Tensor) -> Overlap | None:
    if target.window is None:
        return None
    window, model = target.window, _model_of(scoring.prediction)
    length = window.length
    if scoring.owner == "model" and _may_shift(model):
        length = length - ONE
    strides = _strides(machine, window.lower)
    for index, known in strides.items():
        found = _compare(machine, known, length) or _within_context(machine, known, length, model)
        if found is not None and not found.certain and len(strides) > 1:
            continue  # windows in windows: the outer ones move by more than an inner one scores
        if found is not None and not _context_is_left_out(machine, target, index, (known[0], length)):
            return found
    return None


def _is_of_one_head(machine: Machine, node: ast.AST, scoring: Scoring) -> bool:
    """Say whether each pass scores an output of its own: `criterion(outputs[i].flatten(0, 1), ids[:, i + 1 : …])`.

    Heads that predict one, two, … tokens ahead have targets that move by one, and each is scored once.
    """
    prediction = node.args[0] if isinstance(node, ast.Call) and node.args and scoring.owner == "call" else None
    while isinstance(prediction, ast.Call) and isinstance(prediction.func, ast.Attribute):
        prediction = prediction.func.value
    if not isinstance(prediction, ast.Subscript) or not isinstance(prediction.slice, ast.Name):
        return False
    loops = (loop.statement for loop in machine.loops)
    return any(
        isinstance(each, ast.Name) and each.id == prediction.slice.id
        for loop in loops
        if isinstance(loop, ast.For | ast.AsyncFor)
        for each in ast.walk(loop.target)
    )


def _strides(machine: Machine, lower: Linear) -> dict[Atom, tuple[Linear, Evidence]]:
    """Return by how much the begin of a window grows with each index: by `size + 1` in `i * (size + 1)`, by all terms."""
    found: dict[Atom, tuple[Linear, Evidence]] = {}
    for atom in sorted(lower.atoms, key=repr):
        known = _stride_in(machine, lower, atom)
        if known is not None:
            index, stride, place = known
            found[index] = (found[index][0] + stride if index in found else stride, place)
    return found


def _may_shift(model: Value | None) -> bool:
    """Say whether a model moves its labels, or may do so: of one that nobody knows, a window has one position less."""
    return models.shifts_labels(model) or isinstance(model, Opaque)


def _model_of(value: Value) -> Value | None:
    return value.model if isinstance(value, Tensor) else None


def _stride_in(machine: Machine, lower: Linear, atom: Atom) -> tuple[Atom, Linear, Evidence] | None:
    """Return the index in one term of the begin of a window, and by how much it makes that grow."""
    factor = lower.coefficient(atom)
    if factor < 0:
        return None
    known = _stride_of(machine, atom)
    if known is not None:
        return atom, known[0].times(factor), known[1]
    if atom[:1] == ("*",) and isinstance(atom[1], frozenset):
        sides = list(atom[1])
        for one, other in (sides, sides[::-1]):
            index = next(iter(one.atoms)) if isinstance(one, Linear) and len(one.atoms) == 1 else None
            inner = _stride_of(machine, index) if index is not None else None
            if index is not None and inner is not None and isinstance(other, Linear):
                return index, inner[0].product(other).times(factor), inner[1]
    return None


def _stride_of(machine: Machine, atom: Atom) -> tuple[Linear, Evidence] | None:
    return machine.strides.get(atom)


def _compare(machine: Machine, known: tuple[Linear, Evidence], length: Linear) -> Overlap | None:
    stride, place = known
    words = (text(machine, stride), text(machine, length))
    named = len(stride.terms) == 1 and STRIDES.search(words[0]) is not None and len(length.terms) == 1
    stride, length = settled(machine, stride), settled(machine, length)
    shared = length - stride
    if any(each[:1] == ("end",) for each in shared.atoms):
        return None
    if shared.is_const:
        return Overlap(*words, True, place) if shared.const > 0 else None
    if _is_part(stride, length):
        return Overlap(*words, True, place)
    every_index = stride == ONE  # one window for every index: as many as it has positions score each token
    if (shared.const >= 0 or every_index) and all(factor > 0 for _, factor in shared.terms):
        return Overlap(*words, True, place)
    return Overlap(*words, False, place) if named else None


def _within_context(
    machine: Machine, known: tuple[Linear, Evidence], length: Linear, model: Value | None
) -> Overlap | None:
    """Return the overlap of windows as long as `model.config.n_positions` that move by fewer tokens than any model's."""
    stride, place = known
    step = settled(machine, stride)
    limit = next(iter(length.atoms)) if len(length.terms) == 1 else ()
    shortest = CAUSAL_CONTEXT if models.shifts_labels(model) else CONTEXT
    if not limit or str(limit[-1]).lstrip(".") not in LIMITS or length.coefficient(limit) != 1:
        return None
    if not step.is_const or not 0 < step.const < shortest + length.const:
        return None
    return Overlap(text(machine, stride), text(machine, length), False, place)


def _is_part(stride: Linear, length: Linear) -> bool:
    """Say whether the stride is the length divided by a number."""
    for atom in stride.atoms:
        if atom[:1] in {("FloorDiv",), ("Div",)} and isinstance(atom[1], Linear) and isinstance(atom[2], Linear):
            whole, parts = atom[1], atom[2]
            if parts.is_const and parts.const >= 2 and (length - whole).is_const:
                return True
    return False


def _context_is_left_out(machine: Machine, target: Tensor, atom: Atom, known: tuple[Linear, Linear]) -> bool:
    """Say whether the labels of the context were overwritten: from where the window begins to where the last one ended.

    Args:
        known: the stride and the length of the windows.
    """
    return any(_covers(machine, region, target.window, atom, known) for region in target.ignored)


def _covers(machine: Machine, region: Window, window: Window | None, atom: Atom, known: tuple[Linear, Linear]) -> bool:
    if window is None or region.upper == window.upper:
        return False
    before = window.lower - region.lower  # 1 where labels were moved by hand after they had been overwritten
    if not before.is_const or before.const < 0:
        return False
    if region.upper.coefficient(atom) >= 2:
        return False
    stride, length = (settled(machine, each) for each in known)
    missing = length - stride - settled(machine, region.upper - window.lower)
    return not missing.is_const or missing.const <= 0  # what nobody can tell is left to who wrote it


def text(machine: Machine, number: Linear) -> str:
    """Say a symbolic number in the user's words, as far as its parts have names."""
    parts = [
        _name(machine, atom) if factor == 1 else f"{factor} * {_name(machine, atom)}"
        for atom, factor in sorted(number.terms, key=repr)
    ]
    if number.const or not parts:
        parts.append(str(number.const))
    return " + ".join(parts).replace("+ -", "- ")


def _name(machine: Machine, atom: Atom) -> str:
    if atom[:1] in {("FloorDiv",), ("Div",)} and isinstance(atom[1], Linear) and isinstance(atom[2], Linear):
        return f"{text(machine, atom[1])} // {text(machine, atom[2])}"
    if atom in machine.called:
        return machine.called[atom]
    last = atom[-1] if atom else ""
    return str(last).lstrip(".") if isinstance(last, str) else "n"
