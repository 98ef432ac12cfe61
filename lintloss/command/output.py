"""What `check` prints: findings in one format on stdout or in a file, others in theirs, everything else on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lintloss.command.check import Outcome, say_error
from lintloss.command.session import Session
from lintloss.findings import Finding
from lintloss.report import SUMMARIZED, Run, choose, load, statistics
from lintloss.report.outputs import read_target, write_report
from lintloss.report.wording import count, summary

if TYPE_CHECKING:
    from lintloss.report.rule_page import RulePage


def report(outcome: Outcome, session: Session, texts: Mapping[str, bytes] | None = None) -> None:
    """Print the findings and what else there is to say.

    Args:
        texts: contents that are not on disk, by path.
    """
    options = session.options
    for error in outcome.errors:
        say_error(error)
    if options.verbose:
        _say_details(outcome)
    run = _run(outcome, session, texts or {})
    for each in options.report:
        name, path = read_target(each)
        # other commands of the same step may have written to the summary page of the job
        append = path == os.environ.get("GITHUB_STEP_SUMMARY")
        write_report(name, path, outcome.findings, _plain(run, session, outcome.findings, name), append=append)
    marks = options.add_ignores is not None
    if options.diff:
        sys.stdout.write(outcome.diff)
        if not options.quiet:
            did = "mark" if marks else "fix"
            sys.stderr.write(f"Would {did} {outcome.fixed} of {count(len(outcome.findings), 'finding')}.\n")
        return
    if marks and not options.quiet:
        sys.stderr.write(f"Marked {count(outcome.fixed, 'finding')} with an ignore comment.\n")
    if options.statistics:
        sys.stdout.write(statistics.render(outcome.findings))
        return
    is_terminal = sys.stdout.isatty() and options.output_file is None
    name = options.output_format or choose(os.environ, is_terminal=is_terminal, shows_evidence=options.show_evidence)
    if options.output_file is not None:
        plain = _plain(run, session, outcome.findings, name)
        write_report(name, options.output_file, outcome.findings, plain)
    elif outcome.findings or name != "full":
        sys.stdout.write(load(name).render(outcome.findings, _with_pages(run, session, outcome.findings, name)))
    elif not options.quiet:
        sys.stdout.write(summary((), run))  # a clean run needs no Rich (60 ms)
    if not options.quiet and (name not in SUMMARIZED or options.output_file is not None):
        sys.stderr.write(summary(outcome.findings, run))


def _run(outcome: Outcome, session: Session, texts: Mapping[str, bytes]) -> Run:
    def source(path: str) -> str:
        from lintloss.source_text import read_for_display  # for excerpts; concise has none

        return texts[path].decode("utf-8-sig", "replace") if path in texts else read_for_display(path)

    return Run(
        root=repository_root(os.getcwd()),
        cwd=os.getcwd(),
        files_checked=outcome.sweep.checked,
        files_screened=len(outcome.sweep.screened),
        errors=outcome.errors,
        suppressed=outcome.sweep.suppressed,
        baselined=outcome.baselined,
        hidden=outcome.hidden,
        fixed=0 if session.options.add_ignores is not None else outcome.fixed,
        color=is_colored(os.environ, is_terminal=sys.stdout.isatty()),
        width=_width(),
        show_evidence=session.options.show_evidence,
        sources=source,
    )


def _plain(run: Run, session: Session, findings: Sequence[Finding], name: str) -> Run:
    """A file gets no colors, and does not depend on how wide a terminal is."""
    return replace(_with_pages(run, session, findings, name), color=False, width=100)


def _with_pages(run: Run, session: Session, findings: Sequence[Finding], name: str) -> Run:
    return replace(run, rules=_pages(session, findings)) if name == "sarif" else run


def _pages(session: Session, findings: Sequence[Finding]) -> tuple[RulePage, ...]:
    from lintloss.report.rule_page import page

    codes = {finding.code for finding in findings} | session.bench(session.config).codes()
    return tuple(page(entry.load()) for entry in session.entries if entry.code in codes)


def is_colored(environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """NO_COLOR and FORCE_COLOR decide where they are set to something, else whether a terminal reads it."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return is_terminal and environ.get("TERM") != "dumb"


def _width() -> int:
    if os.environ.get("COLUMNS", "").isdigit():
        return int(os.environ["COLUMNS"])
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return 100


def repository_root(folder: str) -> str:
    """Return the git repository that a folder is in, else the folder itself."""
    above = folder
    while not os.path.exists(os.path.join(above, ".git")):
        if os.path.dirname(above) == above:
            return folder
        above = os.path.dirname(above)
    return above


def _say_details(outcome: Outcome) -> None:
    for path, reason in outcome.sweep.screened:
        sys.stderr.write(f"lintloss: not looked into: {path}: {reason}\n")
    for finding in outcome.sweep.suppressed:
        sys.stderr.write(f"lintloss: ignored by a comment: {finding.path}:{finding.span.row}: {finding.code}\n")
