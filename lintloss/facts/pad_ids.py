"""Ids of padding that nobody writes out: which of them are known not to be 0, what rows are filled up with by default."""

from __future__ import annotations

import re

from lintloss.facts.machine import Machine
from lintloss.facts.values import Opaque, Value
from lintloss.patterns import regex

# Vocabularies in which the end of a text, which stands in for the padding that they lack, is no token 0 …
ENDS_LATE = regex(
    r"[\"'](openai-community/)?(distil)?gpt2(-medium|-large|-xl)?[\"']|\bGPT2Tokenizer|DialoGPT|gpt-neo-\d|facebook/opt-"
)
STANDS_IN = regex(r"\.pad_token *= *[\w.]*\.eos_token\b|pad_token=[\"']<\|endoftext\|>")
ENDS_FIRST = regex(r"pythia|neox|dolly|stablelm|olmo|mamba", re.IGNORECASE)  # … and in which it is


def is_not_zero(machine: Machine, ignored: Value | None) -> bool:
    """Say whether an id to be ignored is that of the end of a text, by a tokenizer whose first token is another one."""
    if not isinstance(ignored, Opaque) or ignored.key[-1:] != (".pad_token_id",):
        return False
    codes = [module.code for module in machine.loaded()]
    if not any(map(STANDS_IN.search, codes)):
        return False
    return any(map(ENDS_LATE.search, codes)) and not any(map(ENDS_FIRST.search, codes))
