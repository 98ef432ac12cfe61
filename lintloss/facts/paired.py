"""Decoders that are given the text they are scored against: `decoder(target, memory)`, whatever their attention masks.

A model that reads one text alone may restore it on purpose. One that writes a text beside another that it has read is
to guess each token from those before: where its logits sit on the very target, it copies, with a causal mask or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lintloss.facts import autoregression
from lintloss.facts.library import models
from lintloss.facts.machine import Machine
from lintloss.facts.values import Choice, Key, ModelOutput, Opaque, Ref, Tensor, Tuple, Value, options
from lintloss.patterns import regex

BESIDE = regex(r"mask|len|hidden|state|position|pos$|segment|type|device", re.IGNORECASE)  # what is no text of its own
READS_MEMORY = regex(r"Decoder|\bTransformer\(|memory|cross_?att|enc(oder)?_?(out|hid|state)", re.IGNORECASE)
DRAWN = regex(
    r"\brand(_like)?\(|random\(\) *<|bernoulli|\bnoise|noisy|corrupt|mask_(ratio|prob|rate)|\[MASK\]|infill",
    re.IGNORECASE,
)


def note(machine: Machine, model: Ref, result: Value, given: Iterable[Value]) -> None:
    """Remember which texts a model was given whose forward() was followed to its logits."""
    if isinstance(result, Tensor | Tuple | Choice):
        machine.read_by[model.id] = frozenset(_source(each) for value in given for each in options(value)) - {()}


def _source(value: Value) -> Key:
    """Return what a text, or what was made of one, sits on; () for masks, lengths and the like."""
    if isinstance(value, ModelOutput):
        value = value.logits
    if isinstance(value, Tensor) and value.form not in {"mask", "positions"} and value.window is not None:
        return () if value.form in {"", "ids"} and BESIDE.search(value.name) else value.window.source
    return value.key if isinstance(value, Opaque) and not BESIDE.search(value.name) else ()


def copies(machine: Machine, guess: Tensor, label: Tensor) -> bool:
    """Say whether logits sit on their own labels, of a decoder that has read another text beside them."""
    model, on, at = guess.model, guess.window, label.window
    if not isinstance(model, Ref) or model.cls is None or on is None or at is None:
        return False
    if (on.source, on.lower, on.upper) != (at.source, at.lower, at.upper):
        return False
    given = machine.read_by.get(model.id, frozenset())
    if at.source not in given or len(given) < 2 or not READS_MEMORY.search(models.source_of(machine, model.cls)):
        return False
    codes = [frame.module.code for frame in machine.frames] + [model.cls.module.code]
    made = (machine.project.module(step.path) for step in label.trace)
    codes += [module.code for module in made if module is not None]
    return not any(autoregression.is_otherwise(code) or DRAWN.search(code) for code in codes)
