"""`lintloss new`: a rule file to start from, whose example fails until the rule is written."""

from __future__ import annotations

import os
import sys
from string import Template
from typing import Annotated

import typer

from lintloss.errors import UsageError
from lintloss.patterns import regex
from lintloss.registry import BUILT_IN, entries
from lintloss.registry import known as labels
from lintloss.report.outputs import write_text

CODE = regex(r"[A-Z]{2,}\d{3}")
NAME = regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")
PACK = os.path.join("rules", BUILT_IN)  # of a checkout

_SKELETON = Template('''\
"""$code: WHAT IS WRONG, in a line."""

from __future__ import annotations

from collections.abc import Iterator

from lintloss.facts.observations import Averaging, Observation
from lintloss.rule import Bad, Good, Judgment, Rule


class $cls(Rule):
    """WHAT IS REPORTED, in a sentence.

    Why:
        What happens to the number, and when.

    Instead:
        What to write.

    Fix:
        None, or: safe or unsafe, and why.

    Source:
        Where it is documented.
    """

    code = "$code"
    name = "$name"
    confirmed_by = "WHAT `lintloss verify` COMPARES"

    watches = (Averaging,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report nothing yet: the bad example below fails until this does."""
        yield from ()

    bad = (
        Bad(
            why="THE SPELLING THAT PEOPLE USE",
            code="""\\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total = 0.0
    for inputs, targets in loader:
        logits = model(inputs)
        total += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0).item()
    return total / len(loader)  # <-
""",
        ),
    )
    good = (
        Good(
            why="THE TRAP: LOOKS LIKE IT, AND IS RIGHT",
            code="""\\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for inputs, targets in loader:
        logits = model(inputs)
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0, reduction="sum").item()
        tokens += (targets != 0).sum().item()
    return nats / tokens
""",
        ),
    )
''')


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("new")(new)


def new(
    code: Annotated[str, typer.Argument(help="A code that is free, as LL107.")],
    name: Annotated[str, typer.Argument(help="What is wrong, as batch-averaged-loss.")],
    into: Annotated[str | None, typer.Option(help="The folder of the rule pack.")] = None,
) -> int:
    """Write the file of a new rule, with examples that fail until it works."""
    _check(code, name)
    folder = into or PACK
    if not os.path.isdir(folder):
        raise UsageError("is no folder", where=folder, hint=f"lintloss new {code} {name} --into my_pack")
    path = os.path.join(folder, f"{code.lower()}_{name.replace('-', '_')}.py")
    if os.path.exists(path):
        raise UsageError("exists already", where=path)
    write_text(path, skeleton(code, name))
    sys.stdout.write(f"{path}\n")
    sys.stderr.write("Next: eight bad and eight good examples, then `judge` (CONTRIBUTING.md, Adding a rule).\n")
    return 0


def skeleton(code: str, name: str) -> str:
    """Return the text of a rule file."""
    return _SKELETON.substitute(code=code, name=name, cls="".join(part.capitalize() for part in name.split("-")))


def _check(code: str, name: str) -> None:
    if not CODE.fullmatch(code):
        raise UsageError(f"a code is capital letters and three digits, as LL107, not {code!r}")
    if not NAME.fullmatch(name):
        raise UsageError(f"a name is small words joined by -, as batch-averaged-loss, not {name!r}")
    taken = labels(entries())
    for label in (code, name):
        if label.lower() in taken:
            raise UsageError(f"{label} is taken by {taken[label.lower()]}", hint="`lintloss rule --all` lists them")
