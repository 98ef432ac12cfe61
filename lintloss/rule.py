"""The contract of a rule file: one class that holds code, page, examples, the check and the fix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from lintloss.findings import Confidence, Evidence, Fix, Severity, Span

if TYPE_CHECKING:
    import libcst as cst

    from lintloss.facts.observations import Observation
    from lintloss.rule_scope import RuleScope

MARK = "# <-"  # ends the line of an example that the rule must report; stripped before the example is run


@dataclass(frozen=True, slots=True)
class Bad:
    """Code that the rule must report, on the lines that end in MARK and on no other.

    `files` are further modules of the example's project, by path. `severity` is what must be reported.
    `fixed` is the whole text after the fix (None: not fixable here). `miss` records a known miss, `unfixed` a
    fix that is promised and not made yet: the tests turn red once the rule does it.
    """

    code: str
    why: str
    severity: Severity = Severity.WARNING
    fixed: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    miss: bool = False
    unfixed: bool = False


@dataclass(frozen=True, slots=True)
class Good:
    """Code on which the whole catalogue must stay silent (a note is silence); `why` names the trap.

    `alarm` records a known false alarm: the test turns red once it is gone.
    """

    code: str
    why: str
    files: Mapping[str, str] = field(default_factory=dict)
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Judgment:
    """What a rule makes of one observation: how bad, how sure, in which words, on what evidence."""

    severity: Severity
    confidence: Confidence
    message: str
    evidence: tuple[Evidence, ...] = ()
    span: Span | None = None  # tighter than the observation's own; None keeps that
    pedantic: Severity | None = None  # how bad it is under `pedantic = true`; None: as bad as otherwise


class Rule:
    """One rule. Its docstring is its page: a summary line, then Why, Instead, Fix and Source sections.

    `watches` names the observations it reads. `judge` decides on facts alone, before any LibCST tree exists;
    only where it answers, and `may_fix` does not rule a fix out, is the scope's LibCST tree built, and `fix` then edits
    the node that the fact is anchored to.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    since: ClassVar[str] = "0.1.0"
    enabled: ClassVar[bool] = True  # on without being selected
    confirmed_by: ClassVar[str]  # how `lintloss verify` confirms or refutes it
    watches: ClassVar[tuple[type[Observation], ...]] = ()
    bad: ClassVar[tuple[Bad, ...]]
    good: ClassVar[tuple[Good, ...]]

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Yield a judgment for an observation that is wrong (or worth a note)."""
        raise NotImplementedError

    def may_fix(self, seen: Observation) -> bool:
        """Say, by the facts alone, whether a fix is worth looking for: to load LibCST takes 200 ms."""
        return True

    def fix(self, node: cst.CSTNode, seen: Observation, scope: RuleScope) -> Fix | None:
        """Return the edits that repair `node`, the LibCST node at the observation's span, or None."""
        return None
