"""Variables of PyTorch 0.3, which has no no_grad: gradients are recorded unless an input says that it is volatile."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lintloss.facts.project import Project
from lintloss.parse import Module
from lintloss.patterns import regex

WRAPS = regex(r"\bVariable\(")
VOLATILE = regex(r"\bvolatile\s*=\s*(?!False\b|volatile\b)")
TAKES = regex(r"def (\w+)\([^()]*\bvolatile\b")  # `def to_var(x, volatile=False)`
HANDS_OUT = regex(
    r"\b(torchtext|allennlp|onmt|fairseq|torchnet|fastai|BucketIterator)\b"
)  # of Variables, volatile or not


def wraps(text: str) -> bool:
    return WRAPS.search(text) is not None


def may_be_volatile(modules: Iterable[Module]) -> bool:
    """Say whether some module asks for volatile Variables: as such, or of a function that makes either kind."""
    telling = [each.code for each in modules if "volatile" in each.code]
    if any(VOLATILE.search(text) for text in telling):
        return True
    makers = {name for text in telling for name in TAKES.findall(text)}
    return any(_asks(name, each.code) for name in makers for each in modules)


def _asks(maker: str, text: str) -> bool:
    """Say whether a call gives more than the tensor: `to_var(x, True)`, `to_var(x, not training)`."""
    if maker not in text:
        return False
    given = r"[^()]*,\s*(?!volatile\s*=\s*False\b)\S|[^\n]*,\s*(True|not|volatile)\b(?!\s*=\s*False\b)"
    return re.search(rf"(?<!def )\b{re.escape(maker)}\(({given})", text) is not None


def are_made_by(project: Project, modules: list[Module]) -> bool:
    """Say whether a project makes its Variables itself, and nowhere says volatile; libraries hand out some of their own."""
    if any(HANDS_OUT.search(each.code) for each in modules) or not any(wraps(each.code) for each in modules):
        return False
    return not may_be_volatile([*modules, *project.using(modules[0].path, "volatile", ["volatile"])])
