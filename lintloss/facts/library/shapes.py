"""Shapes: what a size along an axis counts."""

from __future__ import annotations

import re
from dataclasses import replace

from lintloss.facts.machine import Machine
from lintloss.facts.units import Unit, count
from lintloss.facts.values import (
    UNKNOWN,
    Choice,
    Key,
    LibObject,
    ModelOutput,
    Opaque,
    Quantity,
    Ref,
    Tensor,
    Value,
    Window,
    options,
)
from lintloss.patterns import regex

SIZES = {
    "row": count("example"),
    "pos": Unit.of(position=1, example=-1),
    "position": count("position"),
    "token": count("token"),
}

# Of what is masked, how much: `mask_ratio`, `masking_rates`.
SHARE = regex(r"mask(ed|ing)?_(ratio|rate|prob(abilit(y|ie))?|frac(tion)?|percent(age)?)s?$", re.IGNORECASE)


def tensor(value: Value) -> Tensor | None:
    """Read a value as a tensor: a model's output is its logits, an opaque value a window on itself."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, ModelOutput):
        return value.logits
    if isinstance(value, Opaque) and value.key:
        return Tensor("", Window(value.key), None, value.key, value.name)
    if isinstance(value, Choice):
        return _same_tensor([each for each in value.options if isinstance(each, Tensor)])
    return None


def either(value: Value) -> Tensor | None:
    """Read one of several whole sources, `train if split == "train" else held_out`, as a source of its own.

    Whichever it is, what is cut out of it sits on the same one.
    """
    found = [tensor(option) for option in options(value)]
    whole = [each for each in found if each is not None and each.window is not None and not each.window.is_cut]
    if len(whole) < 2 or len(whole) != len(found) or len({(each.form, each.axes, each.pad) for each in whole}) > 1:
        return None
    source: Key = ("either", *(each.window.source for each in whole if each.window is not None))
    return replace(whole[-1], window=Window(source), key=source)


def typical(value: Value) -> Value:
    """Return, of windows on one source, the last: what a loop makes once its index has moved.

    A row that is filled up only where it is short, is padded.
    """
    if not isinstance(value, Choice):
        return value
    found = [each for each in value.options if isinstance(each, Tensor) and each.window is not None]
    sources = {each.window.source for each in found if each.window is not None}
    if len(found) != len(value.options) or len(sources) != 1:
        return value
    filled = [each for each in found if each.pad is not None and each.window == found[-1].window]
    spared = [each for each in found if each.clean or each.ignored]  # of what is filled up, the padding is taken out
    return spared[-1] if filled and spared else filled[-1] if filled else found[-1]


def handed_on(value: Value) -> Tensor | None:
    """Read what a loop over layers hands on: what they were given at first, and the output of the last one later."""
    if not isinstance(value, Choice):
        return tensor(value)
    found = [each for each in value.options if isinstance(each, Tensor)]
    states = [replace(each, form="hidden") if each.form == "logits" else each for each in found]
    return _same_tensor(states) if len(found) == len(value.options) else tensor(value)


def _same_tensor(values: list[Tensor]) -> Tensor | None:
    """Return the last of several tensors on one window: what a loop over layers hands on."""
    if not values or len({(each.window, each.form) for each in values}) > 1:
        return None
    return values[-1]


def mask(value: Value) -> Tensor | None:
    """Read a value as a mask over tokens: a comparison, or what is called one; None for others."""
    if not isinstance(value, Tensor | Opaque):
        return None
    found = tensor(value)
    if found is None or found.form == "mask":
        return found
    called = "mask" in found.name.lower() and SHARE.search(found.name) is None
    return replace(found, form="mask") if found.form in {"ids", ""} and called else None


def is_called_labels(value: Tensor) -> bool:
    """Say whether a tensor, or what it was cut from, goes by the name that collators fill with -100."""
    return "label" in f"{value.name} {value.window.source if value.window is not None else ()}".lower()


def pooled(value: Value, axis: int | None) -> Tensor | None:
    """Return what is left of hidden states whose positions are averaged or added up: one vector a row."""
    if not isinstance(value, Tensor) or value.form != "hidden" or value.axes is None or axis is None:
        return None
    if not -len(value.axes) <= axis < len(value.axes) or value.axes[axis] not in {"pos", "position"}:
        return None
    left = tuple(name for name in value.axes if name != value.axes[axis])
    key = (*value.key, "pooled")
    return replace(value, window=Window(key).marked("pooled"), axes=left, key=key)


def is_selected(value: Value | None) -> bool:
    """Say whether a boolean index has already left positions out."""
    if not isinstance(value, Tensor):
        return False
    return "masked" in value.key or (value.window is not None and "filtered" in value.window.marks)


def dimension(machine: Machine, value: Value, index: int) -> Value:
    """Return the size along axis `index` as a count.

    Unknown axes follow the custom (rows, positions, …); a flattened tensor has positions first.
    """
    if isinstance(value, Opaque) and value.name == ".shape":
        value = Opaque(value.key[:-1])
        known = machine.get(value.key, "axes")
        if known is not None and isinstance(known.value, Tensor):
            value = known.value
    key = value.id if isinstance(value, Ref) else getattr(value, "key", ())
    axes = value.axes if isinstance(value, Tensor) else None
    if axes is not None:
        if not -len(axes) <= index < len(axes):
            return UNKNOWN
        unit = SIZES.get(axes[index])
        return Quantity(unit, of=(*key, index), counted=value) if unit is not None else Opaque((*key, "size", index))
    if isinstance(value, LibObject) or not key:
        return UNKNOWN
    if index == 0:
        return Quantity(count("example"), of=(*key, 0), counted=value)
    if index == 1:
        one_row = isinstance(value, Tensor) and value.window is not None and value.window.source[-1:] == (("new",),)
        return Quantity(SIZES["position" if one_row else "pos"], of=(*key, 1), counted=value)
    return Opaque((*key, "size", index))


def number(value: Value) -> Quantity | None:
    """Return numel() of a tensor: its positions."""
    found = tensor(value)
    if found is None:
        return None
    if found.axes is not None and "vocab" in found.axes:
        return None
    if found.axes in (("row",), ("token",)):
        return Quantity(SIZES[found.axes[0]], of=found.key, counted=found)
    return Quantity(count("position"), of=found.key, counted=found)
