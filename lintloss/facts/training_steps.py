"""Training steps, as code writes them: gradients are computed, or an optimizer moves the weights.

This is proof that a loop trains. Others ask for less, and mean something else: plain_totals for any word that may be of
training, regions for a file that learns anything at all, objectives for a call that takes a step in whatever engine.
"""

from __future__ import annotations

from lintloss.patterns import regex

STEPS = regex(r"\.backward\(|optim\w*\.step\(|opt\.step\(")
