"""`lintloss check`: discover, sweep, repair, report, and the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lintloss.command.options import Options
from lintloss.command.session import Session
from lintloss.discover import Found
from lintloss.errors import LintlossError
from lintloss.findings import Confidence, Finding, Severity
from lintloss.sweep import Sweep

CLEAN, FINDINGS, FAILED = 0, 1, 2
FAILS_AT = Severity.WARNING


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left to report, and what was set aside on the way."""

    findings: tuple[Finding, ...]
    sweep: Sweep
    errors: tuple[LintlossError, ...] = ()
    hidden: int = 0
    baselined: tuple[Finding, ...] = ()
    fixed: int = 0
    diff: str = ""


def check(options: Options) -> int:
    """Run the command once (or, with --watch, until it is interrupted) and return the exit code."""
    if options.watch:
        from lintloss.command.watch import watch

        return watch(options, lambda: check(replace(options, watch=False)))
    session = Session(options)
    if options.paths == ("-",):
        from lintloss.command.stdin import check_stdin

        return check_stdin(session)
    found = session.discover()
    if options.show_files:
        return _show_files(found)
    _say_what_is_missing(found, options)
    swept = session.sweep(found.sources)
    findings, hidden = visible(swept.findings, session)
    outcome = Outcome(findings, swept, (*found.errors, *swept.errors), hidden)
    if options.baseline or options.write_baseline:
        from lintloss.command.known import with_baseline

        outcome = with_baseline(outcome, options)
    if options.fix or options.diff or options.add_ignores is not None:
        from lintloss.command.repair import repair

        outcome = repair(outcome, session, found.sources)
    from lintloss.command.output import report

    report(outcome, session)
    return exit_code(outcome, options)


def visible(findings: Sequence[Finding], session: Session) -> tuple[tuple[Finding, ...], int]:
    """Leave out what is below the least severity or confidence asked for; return the rest and how many that were."""
    shown = []
    for finding in findings:
        config = session.configurations.of(os.path.dirname(os.path.abspath(finding.path)))
        severity, confidence = Severity[config.min_severity.upper()], Confidence[config.min_confidence.upper()]
        if finding.severity >= severity and finding.confidence >= confidence:
            shown.append(finding)
    return tuple(shown), len(findings) - len(shown)


def exit_code(outcome: Outcome, options: Options) -> int:
    """0: clean, or all fixed. 1: findings that fail. 2: something could not be checked."""
    if outcome.errors:
        return FAILED
    if options.exit_zero:
        return CLEAN
    if any(finding.severity >= FAILS_AT for finding in outcome.findings):
        return CLEAN if options.write_baseline else FINDINGS
    return FINDINGS if (outcome.fixed and options.exit_non_zero_on_fix) or outcome.diff else CLEAN


def _show_files(found: Found) -> int:
    sys.stdout.write("".join(f"{source.path}\n" for source in found.sources))
    for error in found.errors:
        say_error(error)
    return FAILED if found.errors else CLEAN


def _say_what_is_missing(found: Found, options: Options) -> None:
    if not found.sources and not found.errors and not options.force_exclude and not options.quiet:
        where = ", ".join(options.paths) or os.curdir
        sys.stderr.write(f"lintloss: warning: no Python files or notebooks in {where}\n")


def say_error(error: LintlossError) -> None:
    sys.stderr.write(f"lintloss: error: {error}\n")
