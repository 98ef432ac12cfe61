"""What the server asks of the program: look at a text as if it stood in its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lintloss.facts.computed import Computed
from lintloss.findings import Finding
from lintloss.report.rule_page import RulePage


@dataclass(frozen=True, slots=True)
class Document:
    """A text as the editor has it, saved or not. A notebook's is its JSON."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen in one document; `errors` are failures of lintloss itself, for the log."""

    findings: tuple[Finding, ...] = ()
    loops: tuple[Computed, ...] = ()
    errors: tuple[str, ...] = ()


class Checker(Protocol):
    """Looks at documents."""

    def look(self, document: Document, others: Sequence[Document]) -> Looked:
        """Check a document; imports of `others` read the editor's text, not the disk's.

        Raises: LintlossError: the configuration cannot be used.
        """

    def page(self, code: str) -> RulePage | None:
        """Return the page of a rule, None where there is no such rule."""

    def ignoring(self, document: Document, finding: Finding) -> Finding | None:
        """Return the finding with the fix that writes its ignore comment, None where no comment can stand."""
