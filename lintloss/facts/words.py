"""Words that are looked for in whole files: patterns in the form that Python's `re` searches fast."""

from __future__ import annotations

import re

from lintloss.patterns import regex

# `re` skips ahead to the letters that a match may start with, unless an alternative starts with an assertion.
ASSERTED = regex(r"(\\b|\(\?<!\[[^\]]+\]\))([a-zA-Z])")


def quick(pattern: str) -> re.Pattern[str]:
    """Compile alternatives of which some start with `\\b` or `(?<![…])`: ten times as fast, and they match the same.

    Each such assertion is moved behind the first letter of its word. Case is not ignored, which is slow, too: to
    ignore it, write the pattern in lower case and search `text.lower()`.
    """
    return regex(ASSERTED.sub(_behind, pattern))


def _behind(found: re.Match[str]) -> str:
    said, letter = found.groups()
    if said == "\\b":
        return rf"{letter}(?<=\b{letter})"
    return rf"{letter}(?<!{said[4:-1]}{letter})"
