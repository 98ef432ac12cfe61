"""Ids to be ignored: what labels are overwritten with so that no criterion scores them, and what other ids leave behind."""

from __future__ import annotations

import re
from dataclasses import replace

from lintloss.facts.values import Const, Lib, Opaque, Quantity, Tensor, Value, join, options
from lintloss.patterns import regex

IGNORED = (-100, -1)
NAME = regex(r"ignore|label_?pad|pad\w*_label", re.IGNORECASE)  # `IGNORE_INDEX`, `pad_token_label_id`
PAD = regex(r"(?<![a-z])pad(?!d)", re.IGNORECASE)


def is_ignored(value: Value) -> bool:
    """Say whether a value is the id that a criterion ignores, by its number or its name, or a tensor full of it."""
    if isinstance(value, Const):
        return isinstance(value.value, int) and value.value in IGNORED
    if isinstance(value, Tensor):
        return value.form == "filled" and value.pad is not None and is_ignored(value.pad)
    return NAME.search(name_of(value)) is not None


def is_token(value: Value) -> bool:
    """Say whether a value is the id of some token: a number that is none to ignore, or what is called a pad id."""
    if isinstance(value, Const):
        return isinstance(value.value, int) and not isinstance(value.value, bool) and value.value >= 0
    return PAD.search(name_of(value)) is not None and not is_ignored(value)


def name_of(value: Value) -> str:
    """Return what is known of a value by its name alone; of what is imported, the last part."""
    return value.name.rsplit(".", 1)[-1] if isinstance(value, Opaque | Lib) else ""


def overwritten(labels: Tensor, value: Value) -> Tensor:
    """Return labels of which some are overwritten.

    With an id to be ignored they hold no padding any more, and with what nobody knows perhaps none. The id of a token
    leaves their padding as it was, or is what they are filled up with from now on.
    """
    if labels.pad is None or not is_token(value):
        return replace(labels, pad=None, clean=True)
    return replace(labels, pad=join(labels.pad, value))


def hidden(ids: Tensor, mask: Value, value: Value) -> Tensor:
    """Return ids of which a mask hides some from the model: `inputs[chosen] = mask_id`, as masked language models are fed.

    Not where the mask asks for the ids that it writes over, `inputs[inputs == -100] = pad_id`.
    """
    if ids.window is None or is_ignored(value) or isinstance(value, Quantity):
        return ids
    masks = (each for each in options(mask) if isinstance(each, Tensor) and each.pad is not None)
    if any(each.window is not None and each.window.source == ids.window.source for each in masks):
        return ids
    return replace(ids, window=ids.window.marked("hidden"))
