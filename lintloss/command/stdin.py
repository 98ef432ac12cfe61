"""`lintloss check -`: the text on standard input, checked as if it were the file that --stdin-filename names."""

from __future__ import annotations

import os
import sys

from lintloss.command.check import Outcome, exit_code, visible
from lintloss.command.output import report
from lintloss.command.repair import recheck
from lintloss.command.session import Session
from lintloss.sweep import gather


def check_stdin(session: Session) -> int:
    """Check standard input. With --fix the fixed text goes to standard output and the findings to standard error."""
    options = session.options
    path = options.stdin_filename or "-"
    folder = os.path.dirname(os.path.abspath(path))
    data = sys.stdin.buffer.read()
    engine = session.engine_of(folder)
    swept = gather([engine.check_bytes(path, data, always_parse=True)])
    findings, hidden = visible(swept.findings, session)
    outcome = Outcome(findings, swept, swept.errors, hidden)
    if options.fix or options.diff:
        outcome = _fixed(outcome, session, path, data)
    else:
        report(outcome, session, {path: data})
    return exit_code(outcome, options)


def _fixed(outcome: Outcome, session: Session, path: str, data: bytes) -> Outcome:
    from contextlib import redirect_stdout
    from dataclasses import replace

    from lintloss.fix import diff, settle
    from lintloss.source_text import decode

    options = session.options
    folder = os.path.dirname(os.path.abspath(path))
    source = decode(path, data)
    done = settle(
        path,
        source.text,
        outcome.findings,
        lambda text: recheck(path, folder, text, session),
        unsafe=options.unsafe_fixes,
    )
    if options.diff:
        would = replace(outcome, diff=diff(path, source.text, done.text), fixed=len(done.applied))
        report(would, session, {path: data})
        return would
    sys.stdout.buffer.write(source.encode(done.text))
    sys.stdout.flush()
    left = replace(outcome, findings=recheck(path, folder, done.text, session), fixed=len(done.applied))
    with redirect_stdout(sys.stderr):  # standard output has the text
        report(left, session, {path: source.encode(done.text)})
    return left
