"""Suppressions against findings: which finding is silenced, and what is left of a suppression that silenced nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lintloss.findings import Edit, Finding, Span


@dataclass(frozen=True, slots=True)
class Named:
    """A word in a suppression's list: the rule's code ("" when there is no such rule), as written, and its columns."""

    code: str
    word: str
    column: int
    end_column: int


@dataclass(frozen=True, slots=True, eq=False)
class Suppression:
    """One suppression comment: its own part of the comment, from its `#`.

    rows: the rows whose statements it speaks for; None means the whole file.
    others: it names other tools' codes besides ours.
    wrong: why it (or a part of it) silences nothing; "" when nothing is wrong.
    used: the codes that it silenced, written down as findings are weighed.
    """

    kind: str  # "ignore", "ignore-file" or "noqa"
    span: Span
    line: str
    named: tuple[Named, ...] = ()
    others: bool = False
    rows: frozenset[int] | None = None
    reason: str = ""
    is_blanket: bool = False  # "noqa" without codes
    wrong: str = ""
    used: set[str] = field(default_factory=set)

    def silences(self, code: str, rows: tuple[int, int]) -> bool:
        """Say whether it covers a finding of `code` whose statement is on these rows of the module."""
        if not self.is_blanket and all(each.code != code for each in self.named):
            return False
        if self.rows is not None and self.rows.isdisjoint(range(rows[0], rows[1] + 1)):
            return False
        self.used.add(code)
        return True

    def unused(self, judged: Iterable[str]) -> tuple[Named, ...]:
        """Return what it names in vain, of the codes that were judged at all in this run."""
        judged = set(judged)
        return tuple(each for each in self.named if each.code in judged and each.code not in self.used)

    def without(self, gone: Sequence[Named]) -> Edit:
        """Return the edit that takes these names out, and the whole comment if none is left."""
        kept = [each for each in self.named if each not in gone]
        if not kept and not self.others:
            return Edit(self._whole(), "")
        words = [word for word in re.finditer(r"[\w-]+", self._list()) if word.start() not in self._starts(gone)]
        first, last = self._bounds()
        separator = ", " if ", " in self._list() else "," if "," in self._list() else " "
        span = Span(self.span.row, first, self.span.row, last)
        return Edit(span, separator.join(word[0] for word in words))

    def _bounds(self) -> tuple[int, int]:
        """The columns of the list of codes, other tools' codes included."""
        first = min(each.column for each in self.named)
        last = max(each.end_column for each in self.named)
        before = re.search(r"(?:[\w-]+[\s,]+)*$", self.line[: first - 1])
        after = re.match(r"(?:\s*,\s*[\w-]+|\s+[A-Z]+[0-9]+\b)*", self.line[last - 1 :])
        return first - len(before[0] if before else ""), last + len(after[0] if after else "")

    def _list(self) -> str:
        first, last = self._bounds()
        return self.line[first - 1 : last - 1]

    def _starts(self, gone: Sequence[Named]) -> set[int]:
        first, _ = self._bounds()
        return {each.column - first for each in gone}

    def _whole(self) -> Span:
        """The comment with the blanks before it, or its whole row if it has one to itself."""
        before, after = self.line[: self.span.column - 1], self.line[self.span.end_column - 1 :]
        if before.strip() or after.strip():
            return Span(self.span.row, len(before.rstrip()) + 1, self.span.row, self.span.end_column)
        return Span(self.span.row, 1, self.span.row + 1, 1)


def silenced(finding: Finding, rows: tuple[int, int], suppressions: Sequence[Suppression]) -> bool:
    """Say whether a comment silences the finding; every one that does counts as used."""
    using = [each for each in suppressions if each.silences(finding.code, rows)]
    return bool(using)
