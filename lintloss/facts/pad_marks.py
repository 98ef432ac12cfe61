"""Padding that the code itself speaks of: what it compares with a pad id, or counts with an attention mask, holds some."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace

from lintloss.facts.library import shapes
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Compared
from lintloss.facts.phases import task
from lintloss.facts.values import Const, Key, Opaque, Tensor, Value, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

PAD = regex(r"(?<![a-z])pad(?!d)|padding_(idx|id|value)", re.IGNORECASE)
LEFT = regex(  # where padding stands before the text; where a text that is too long is cut, is another side
    r"((?<!truncation_)(?<!truncate_)side|pad\w*)[\"']?\s*(,|[:=]+)\s*[\"']left[\"']|left_?pad|pad_?left|left_side",
    re.IGNORECASE,
)
IGNORED = regex(r"label|ignore", re.IGNORECASE)  # `pad_token_label_id`: what the criterion ignores


@dataclass(frozen=True, slots=True)
class Mark:
    """Ids of `source` are padded: with `pad`, as `place` says."""

    source: Key
    pad: Value
    place: Evidence
    in_texts: bool = False  # only where the targets are known to be tokens: other labels are numbers, one a row


def note_batches(machine: Machine, source: Key, pad: Value, place: Evidence) -> None:
    """Remember that all that batches hold was filled up."""
    machine.pad_marks.setdefault(source, Mark(source, pad, place, in_texts=True))


def note_compared(machine: Machine, node: ast.AST, ids: Tensor, other: Value, written: ast.expr | None) -> None:
    """Remember `labels != pad_id`."""
    window = ids.window
    if window is None or "filtered" in window.marks or ids.clean or not window.source:
        return
    if isinstance(machine.frame.statement, ast.Assert):  # there is none
        return
    name = machine.text(written) if written is not None else ""
    by_name = PAD.search(name) is not None and IGNORED.search(name) is None
    by_zero = other == Const(0) and task(machine.frame) in {"lm", "seq2seq"}
    if by_name or by_zero:
        _note(machine, window.source, other, machine.evidence(node, "what is no padding is told apart here"))


def note_fed(machine: Machine, ids: Tensor | None, mask: Value | None) -> None:
    """Remember which ids an attention mask belongs to."""
    found = shapes.tensor(mask) if mask is not None else None
    if ids is None or ids.form or ids.window is None or found is None or found.window is None:
        return
    machine.attended[found.window.source] = ids.window.source


def note_counted(machine: Machine, node: ast.AST, mask: Tensor) -> None:
    """Remember `attention_mask.sum()`: who counts what a mask lets through has padding."""
    source = machine.attended.get(mask.window.source) if mask.window is not None else None
    if source is not None:
        _note(
            machine, source, Opaque(source, "padding"), machine.evidence(node, "padding is left out of the count here")
        )


def _note(machine: Machine, source: Key, pad: Value, place: Evidence) -> None:
    machine.pad_marks.setdefault(source, Mark(source, pad, place))


def settle(machine: Machine) -> None:
    """Tell the comparisons which of their targets hold padding; the mask often comes after the criterion."""
    if not machine.pad_marks:
        return
    for key, seen in list(machine.log.items()):
        if isinstance(seen, Compared):
            texts = seen.setting.task in {"lm", "seq2seq"}
            found = [_of(machine, option, texts=texts) for option in options(seen.scoring.target)]
            if found and all(each is not None for each in found):
                machine.log[key] = replace(seen, padding=found[0])


def _of(machine: Machine, target: Value, *, texts: bool) -> Mark | None:
    found = shapes.tensor(target)
    if (
        found is None
        or found.window is None
        or found.clean
        or "filtered" in found.window.marks
        or found.form == "hidden"
    ):
        return None
    source = found.window.source
    texts = (texts or found.window.is_cut) and not _masks_by_itself(machine)
    marks = (mark for mark in machine.pad_marks.values() if texts or not mark.in_texts)
    return next((mark for mark in marks if source[: len(mark.source)] == mark.source), None)


def _masks_by_itself(machine: Machine) -> bool:
    """Say whether an embedding of Keras hands on a mask, which its criteria heed: `Embedding(..., mask_zero=True)`."""
    return any("mask_zero=True" in module.code for module in machine.loaded())
