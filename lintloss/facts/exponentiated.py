"""Losses that the code itself exponentiates: what comes out is a perplexity, so that each of them is one of tokens."""

from __future__ import annotations

from dataclasses import replace

from lintloss.facts.machine import Machine
from lintloss.facts.observations import Averaging, Exponential


def settle(machine: Machine) -> None:
    """Let averages of losses whose mean is exponentiated be a language model's, where the words of the file say nothing."""
    found = {
        each.exponent.scoring.place
        for each in machine.log.values()
        if isinstance(each, Exponential)
        and each.exponent.scoring is not None
        and each.exponent.scoring.is_cross_entropy
    }
    for key, seen in machine.log.items():
        if not isinstance(seen, Averaging) or seen.setting.task != "unknown" or seen.before.scoring is None:
            continue
        if seen.before.scoring.place is not None and seen.before.scoring.place in found:
            machine.log[key] = replace(seen, setting=replace(seen.setting, task="lm"))
