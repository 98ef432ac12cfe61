"""Whether a model that is not in sight predicts the next token: by the words of the code around it, and by nothing else."""

from __future__ import annotations

import re
from functools import lru_cache

from lintloss.facts.library import models
from lintloss.facts.machine import Machine
from lintloss.facts.phases import task
from lintloss.facts.values import LibObject, Opaque, Ref, Value
from lintloss.facts.words import quick
from lintloss.patterns import regex

NEXT_TOKEN = quick(  # of text in lower case, as the next one
    r"perplex|\bppl\b|next.?token|causal|language.?model|\blm\b|_lm\b|\bgpt|llama|bits_per_(byte|char)|\bbp[bc]\b|autoregress|"
    r"\bexp\([^)]*(loss|nll|nats)"
)
# Models of these kinds restore what they read, read from the other end, or move their input themselves.
OTHERWISE = quick(
    r"mlm|masked.?(lm|language)|mask_(token|id)|\bbert|roberta|electra|auto_?-?encod|\bvae\b|reconstruct|denois|diffusion|"
    r"corrupt|shift_(tokens_)?right|backward_lm|bidirectional|\bbi_?lm\b|pixel"
)
# A second head, a draft of several tokens, streams of codes that take turns: labels two or more away are meant.
AHEAD = quick(
    r"ahead|second(?!s)|skip_?gram|horizon|(?<![_])future(?!_?mask)|\bmtp\b|medusa|eagle|multi.?tok|n_?gram|offset(?!s|_mapping)|"
    r"draft|specul|codebook|codec|interleav|\bnext_?(next|2|two)|two_?token|soft_?prompt|virtual_?tok"
)
LANGUAGE_MODEL = regex(r"LanguageModel|(Neural|Word|Char|RNN|Causal)?LM$|GPT|N?gram", re.IGNORECASE)
BACKWARDS = regex(r"backward|reverse|bwd|enc(oder)?$|\bae$", re.IGNORECASE)


def is_presumed(machine: Machine, model: Value | None) -> bool:
    """Say whether an unknown model is taken for an autoregressive one."""
    if isinstance(model, Ref) and model.cls is not None:
        return LANGUAGE_MODEL.search(model.cls.node.name) is not None and not is_otherwise(model.cls.module.code)
    if not isinstance(model, Opaque) or BACKWARDS.search(model.name):
        return False
    frame = machine.frame
    return task(frame) in {"lm", "unknown"} and _speaks_of_next_tokens(frame.module.code)


def is_of_texts(machine: Machine, model: Value | None) -> bool:
    """Say whether what is scored is a text, which has as many labels a row as tokens: not one class for all of it."""
    is_named = isinstance(model, Ref) and model.cls is not None and LANGUAGE_MODEL.search(model.cls.node.name)
    code = machine.frame.module.code
    return bool(is_named) or task(machine.frame) in {"lm", "seq2seq"} or _speaks_of_next_tokens(code)


@lru_cache(maxsize=256)
def _speaks_of_next_tokens(text: str) -> bool:
    return NEXT_TOKEN.search(text.lower()) is not None and not is_otherwise(text)


@lru_cache(maxsize=256)
def is_otherwise(text: str) -> bool:
    """Say whether code speaks of models that restore what they read, or that move their input themselves."""
    return OTHERWISE.search(text.lower()) is not None


def guesses_next_only(machine: Machine, model: Value | None) -> bool:
    """Say whether a model whose code is known, or a library's, has one head, for the next token."""
    text = machine.frame.module.code
    if isinstance(model, LibObject):
        return models.shifts_labels(model) and not _looks_ahead(text)
    if not isinstance(model, Ref) or model.cls is None or models.reads(machine, model) != "past":
        return False
    own = models.source_of(machine, model.cls)
    return (
        task(machine.frame) == "lm" and _speaks_of_next_tokens(text) and not (_looks_ahead(text) or _looks_ahead(own))
    )


@lru_cache(maxsize=256)
def _looks_ahead(text: str) -> bool:
    return AHEAD.search(text.lower()) is not None
