"""What the engine itself observes of a file: that it cannot be read, comments that silence nothing or say no reason.

They are observations like any other, so that LL001 to LL003 are rules like any other.
"""

from __future__ import annotations

from dataclasses import dataclass

from lintloss.facts.observations import Observation
from lintloss.findings import Fix


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable(Observation):
    """Python cannot read this file or notebook cell; `reason` is what it says.

    idle: a cell that holds no evaluation code, as far as its words tell: nothing was missed in it.
    """

    reason: str
    idle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleSuppression(Observation):
    """A suppression comment silences nothing.

    names: the rules that it names in vain, as written. wrong: what is wrong with how it is spelled, if that is why.
    repair: takes them out.
    """

    names: tuple[str, ...] = ()
    wrong: str = ""
    repair: Fix | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnexplainedSuppression(Observation):
    """A suppression comment of ours gives no reason."""

    names: tuple[str, ...] = ()
