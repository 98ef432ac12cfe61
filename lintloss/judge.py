"""Stage: observations of one file -> findings: which rules they concern, what those say, the fix, and the cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lintloss.errors import InternalError, LintlossError
from lintloss.findings import Edit, Evidence, Finding, Fix, Span
from lintloss.parse import Module
from lintloss.registry import Choice, Entry
from lintloss.rule import Judgment, Rule

if TYPE_CHECKING:
    from lintloss.facts.observations import Observation
    from lintloss.rule_scope import RuleScope

ISSUES = "https://github.com/lintloss/lintloss/issues"


def internal_error(part: str, path: str, failure: BaseException) -> InternalError:
    return InternalError(
        f"{part} failed with {type(failure).__name__}: {failure}",
        where=path,
        hint=f"a bug of lintloss: report it at {ISSUES}",
    )


class Bench:
    """The rules of a run, loaded when there is something to judge.

    Args:
        pedantic: judgments have the severity that they ask for under `pedantic = true`.
    """

    def __init__(self, entries: Iterable[Entry], choice: Choice, *, pedantic: bool = False) -> None:
        self.pedantic = pedantic
        self._entries = [each for each in entries if each.code in choice]
        self._choice = choice
        self._rules: list[Rule] | None = None
        self._watching: dict[type, list[Rule]] = {}

    def rules(self) -> list[Rule]:
        if self._rules is None:
            loaded = [(each, each.load()) for each in self._entries]
            self._rules = [rule() for entry, rule in loaded if rule.enabled or entry.code in self._choice.asked]
        return self._rules

    def codes(self) -> frozenset[str]:
        return frozenset(rule.code for rule in self.rules())

    def watching(self, kind: type) -> list[Rule]:
        if kind not in self._watching:
            self._watching[kind] = [rule for rule in self.rules() if kind in rule.watches]
        return self._watching[kind]


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding, and the rows of its statement in the module (a finding of a notebook counts rows in its cell)."""

    finding: Finding
    rows: tuple[int, int]


class Judge:
    """Judges the observations of one run of the interpreter.

    Args:
        modules: path -> Module, of every file that an observation or its evidence can be in.
    """

    def __init__(self, bench: Bench, modules: Mapping[str, Module]) -> None:
        self._bench = bench
        self._modules = modules
        self._scopes: dict[tuple[str, tuple[int, int]], RuleScope | None] = {}
        self.errors: list[LintlossError] = []

    def judge(self, observations: Iterable[Observation]) -> list[Judged]:
        found: list[Judged] = []
        for seen in observations:
            for rule in self._bench.watching(type(seen)):
                try:
                    found += [self._finding(rule, seen, judgment) for judgment in rule.judge(seen)]
                except Exception as failure:  # one rule's bug must not take the run with it
                    self.errors.append(internal_error(f"rule {rule.code}", seen.path, failure))
        return list(_worst(found))

    def _finding(self, rule: Rule, seen: Observation, judgment: Judgment) -> Judged:
        finding = Finding(
            path=seen.path,
            code=rule.code,
            name=rule.name,
            span=judgment.span or seen.span,
            message=judgment.message,
            severity=judgment.pedantic if self._bench.pedantic and judgment.pedantic else judgment.severity,
            confidence=judgment.confidence,
            evidence=(*judgment.evidence, *_scored_at(seen, judgment.evidence)),
            fix=self._fix(rule, seen),
            statement_rows=seen.statement_rows,
        )
        return Judged(self._in_cell(finding), seen.statement_rows)

    def _fix(self, rule: Rule, seen: Observation) -> Fix | None:
        repair = getattr(seen, "repair", None)
        if isinstance(repair, Fix):
            return repair
        if type(rule).fix is Rule.fix:
            return None
        try:
            scope = self._scope(seen) if rule.may_fix(seen) else None
            node = scope.node_at(seen.span) if scope else None
            return rule.fix(node, seen, scope) if scope is not None and node is not None else None
        except Exception as failure:  # the finding stands without its fix
            self.errors.append(internal_error(f"the fix of rule {rule.code}", seen.path, failure))
            return None

    def _scope(self, seen: Observation) -> RuleScope | None:
        """Parse the scope with LibCST, once; of one that is too long only the statement."""
        from libcst import ParserSyntaxError

        from lintloss.rule_scope import LONGEST, RuleScope

        module = self._modules.get(seen.path)
        rows = seen.scope_rows
        if rows[1] - rows[0] >= LONGEST:
            rows = seen.statement_rows
        if module is None or rows[1] - rows[0] >= LONGEST:
            return None
        key = (seen.path, rows)
        if key not in self._scopes:
            try:
                newline = "\r\n" if "\r\n" in module.text else "\n"
                self._scopes[key] = RuleScope(module.lines, rows, newline, module.tree)
            except (ParserSyntaxError, RecursionError):  # rows that are no whole statements, syntax newer than LibCST
                self._scopes[key] = None
        return self._scopes[key]

    def _in_cell(self, finding: Finding) -> Finding:
        """Count the rows of a notebook's finding, its evidence and its fix within their cells."""
        evidence = tuple(map(self._evidence_in_cell, finding.evidence))
        module = self._modules.get(finding.path)
        cell = module.cell_of(finding.span.row) if module else None
        if module is None or cell is None:
            return replace(finding, evidence=evidence)
        above = cell.first_row - 1
        first, last = finding.statement_rows or (finding.span.row, finding.span.end_row)
        return replace(
            finding,
            evidence=evidence,
            span=_up(finding.span, above),
            fix=_fix_in_cell(finding.fix, module, above),
            cell=cell.index,
            statement_rows=(first - above, last - above),
        )

    def _evidence_in_cell(self, link: Evidence) -> Evidence:
        module = self._modules.get(link.path)
        cell = module.cell_of(link.span.row) if module and link.cell is None else None
        return replace(link, span=_up(link.span, cell.first_row - 1), cell=cell.index) if cell else link


def _worst(found: Iterable[Judged]) -> Iterable[Judged]:
    """Keep one finding of a rule at a place: a function judged in several contexts is as bad as in its worst."""
    kept: dict[tuple[str, str, int | None, Span], Judged] = {}
    for each in found:
        finding = each.finding
        place = (finding.code, finding.path, finding.cell, finding.span)
        worst = kept.get(place)
        if worst is None or (finding.severity, finding.confidence) > (worst.finding.severity, worst.finding.confidence):
            kept[place] = each
    return kept.values()


def _up(span: Span, rows: int) -> Span:
    return Span(span.row - rows, span.column, span.end_row - rows, span.end_column)


def _fix_in_cell(fix: Fix | None, module: Module, above: int) -> Fix | None:
    """A fix that reaches into another cell is not offered: an Edit has no cell of its own."""
    if fix is None:
        return None
    cells = {cell.index for edit in fix.edits if (cell := module.cell_of(edit.span.row)) is not None}
    if len(cells) > 1:
        return None
    return replace(fix, edits=tuple(Edit(_up(edit.span, above), edit.content) for edit in fix.edits))


def _scored_at(seen: Observation, known: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Say where another file scores, of a comparison that is shown at the call which leads there."""
    from lintloss.facts.observations import Compared

    place = seen.scoring.place if isinstance(seen, Compared) else None
    return (place,) if place is not None and place.path != seen.path and place not in known else ()
