"""Labels over which an id to be ignored is written under a mask: is the padding what it covers, and at the right places?"""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts.library import masks
from lintloss.facts.linear import Linear
from lintloss.facts.machine import Machine
from lintloss.facts.pad_marks import IGNORED, LEFT, PAD
from lintloss.facts.survey import walk
from lintloss.facts.values import Blank, Const, Key, LibObject, Opaque, Tensor, Value, Window, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

LABELS = regex(r"^(labels?|targets?)_mask$")
ASKS = regex(r"pad|ignore|mask|label|train|len\(", re.IGNORECASE)  # whether there is any, or to be scored


def noted(machine: Machine, node: ast.AST, labels: Tensor, mask: Value, *, keeps: bool = False) -> Tensor:
    """Return labels that remember the mask under which they were overwritten; `keeps`: where it is false."""
    found = masks.attention(machine, mask) or (mask if isinstance(mask, Tensor) and mask.form == "mask" else None)
    if found is None or found.sense is None or labels.window is None:
        return replace(labels, blanked=None)
    found = replace(found, sense=not found.sense) if keeps else found
    place = machine.evidence(node, "the labels are overwritten under this mask")
    return replace(labels, blanked=Blank(found, labels.window, place))


def inverted(machine: Machine, target: Value) -> Evidence | None:
    """Return where labels are overwritten where a mask says that there is text, None where padding may be meant."""
    found = _of_all(target)
    told = all(each.mask.sense and tells_padding(machine, each.mask, each.over) for each in found)
    return found[0].place if found and told else None


def spared_in_a_branch(machine: Machine, target: Value) -> Evidence | None:
    """Return where one branch writes over the padding of the labels, which another branch leaves as it is.

    Not where the branch asks for that, `if ignore_pad_token:`; one that asks for the model or for the format of the
    data is wrong without it.
    """
    found = [each for each in options(target) if isinstance(each, Tensor)]
    spared = [each for each in found if each.clean and each.blanked is not None]
    padded = [each for each in found if each.pad is not None and not each.clean and not each.ignored]
    if not spared or not padded or len(spared) + len(padded) < len(options(target)):
        return None
    places = [each.blanked.place for each in spared if each.blanked is not None]
    return places[0] if all(_is_apart(machine, place) for place in places) else None


def _is_apart(machine: Machine, place: Evidence) -> bool:
    """Say whether a statement stands in a branch that does not ask about padding."""
    module = machine.project.module(place.path)
    row = place.span.row
    around = [
        each
        for each in (walk(module.tree) if module is not None else ())
        if isinstance(each, ast.If) and each.lineno < row <= (each.end_lineno or 0)
    ]
    return bool(around) and not any(ASKS.search(ast.unparse(each.test)) for each in around)


def _of_all(target: Value) -> list[Blank]:
    """Return how labels were overwritten; nothing where one of several alternatives was not."""
    found = [each.blanked if isinstance(each, Tensor) else None for each in options(target)]
    return [each for each in found if each is not None] if None not in found else []


def lets_padding_through(machine: Machine, target: Value, mask: Tensor, drops: bool) -> bool:
    """Say whether losses are masked where the targets are text: what an attention mask tells, the other way around."""
    windows = [each.window for each in options(target) if isinstance(each, Tensor) and each.window is not None]
    told = masks.attention(machine, mask) is not None and mask.sense is not None and mask.sense == drops
    return told and len(windows) == len(options(target)) and all(tells_padding(machine, mask, each) for each in windows)


def tells_padding(machine: Machine, mask: Tensor, labels: Window) -> bool:
    """Say whether a mask tells text from padding, of the same rows as the labels: not of the prompts alone."""
    if mask.window is None:
        return False
    source = mask.window.source
    if mask.compares and not (mask.pad == Const(0) and source in machine.attended):
        return _is_pad(mask.pad) and source == labels.source
    beside = _batch(source) == _batch(labels.source) != ()
    return beside or _begins(labels.source, machine.attended.get(source))


def _is_pad(value: Value | None) -> bool:
    name = value.name if isinstance(value, Opaque | LibObject) else ""
    return PAD.search(name) is not None and IGNORED.search(name) is None


def _batch(source: Key) -> Key:
    """Return what the entry is one of: `batch["input_ids"]` and `batch["attention_mask"]` belong together."""
    return source[:-1]


def _begins(source: Key, begin: Key | None) -> bool:
    return bool(begin) and source[: len(begin or ())] == begin


def on_the_wrong_side(machine: Machine, target: Value) -> Evidence | None:
    """Return where labels that were moved by one are overwritten under the mask of the ids before them.

    With padding on the left that is where it belongs; a mask that compares ids with a pad id is about padding.
    """
    if LEFT.search(machine.frame.module.code):
        return None
    found = _of_all(target)
    return found[0].place if found and all(_is_behind(machine, each) for each in found) else None


def _is_behind(machine: Machine, blank: Blank) -> bool:
    mask = blank.mask
    told = mask.window is not None and (mask.pad is None or mask.window.source in machine.attended)
    return told and mask.sense is False and tells_padding(machine, mask, blank.over) and is_behind(blank.over, mask)


def chooses_before(machine: Machine, labels: Window, mask: Tensor) -> tuple[str, ...]:
    """Return the marks of labels that were moved by one and are chosen by the mask of the ids before them.

    An attention mask says of each id whether it is padding; with padding on the left that is where it belongs. A mask
    that is only called the labels' own may say of an id whether what follows it is scored: then the cut is right.
    """
    if not is_behind(labels, mask):
        return ()
    if masks.attention(machine, mask) is not None:
        return ("behind",) if LEFT.search(machine.frame.module.code) is None else ()
    beside = mask.window is not None and _batch(mask.window.source) == _batch(labels.source) != ()
    return ("behind", "named") if beside and LABELS.search(mask.name) is not None else ()


def is_behind(labels: Window, mask: Tensor) -> bool:
    """Say whether a mask sits one position before the labels that it is applied to."""
    if mask.window is None or not mask.window.lower.is_const:  # `mask[:, begin:end]` of one as long as the targets
        return False
    fits = mask.window.length == labels.length and mask.window.is_cut and labels.is_cut
    return fits and labels.lower - mask.window.lower == Linear(const=1)
