"""`--fix`, `--diff` and `--add-ignores`: edits of the findings that are shown, then a second look at what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lintloss.command.check import Outcome, visible
from lintloss.command.session import Session
from lintloss.discover import Source
from lintloss.errors import LintlossError, SourceError
from lintloss.findings import Finding
from lintloss.fix import Outcome as Fixed
from lintloss.fix import fix_file
from lintloss.ignores import with_ignores
from lintloss.parse import decode as declared
from lintloss.result import read_file
from lintloss.source_text import decode


def repair(outcome: Outcome, session: Session, sources: list[Source]) -> Outcome:
    """Apply what was asked for and return what is left; with --diff nothing is written and all of it is left."""
    options = session.options
    diffs: list[str] = []
    errors: list[LintlossError] = []
    applied = 0
    for source in sources:
        mine = [finding for finding in outcome.findings if finding.path == source.path]
        if not mine:
            continue
        try:
            fixed, diff = _repair_file(source, mine, session)
        except SourceError as failure:
            errors.append(failure)
            continue
        applied += len(fixed.applied)
        diffs.append(diff)
    if options.diff:
        return replace(outcome, diff="".join(diffs), fixed=applied, errors=(*outcome.errors, *errors))
    if not applied:
        return replace(outcome, errors=(*outcome.errors, *errors))
    swept = Session(options).sweep(sources)  # a fresh one: the project remembers the files as they were
    findings, hidden = visible(swept.findings, session)
    known = set(outcome.baselined)
    left = tuple(finding for finding in findings if finding not in known)
    kept = tuple(error for error in outcome.errors if error not in outcome.sweep.errors)
    return replace(
        outcome, findings=left, sweep=swept, hidden=hidden, fixed=applied, errors=(*kept, *swept.errors, *errors)
    )


def _repair_file(source: Source, findings: Sequence[Finding], session: Session) -> tuple[Fixed, str]:
    options = session.options
    if options.add_ignores is not None:
        text = decode(source.path, read_file(source.path)).text
        marked = with_ignores(source.path, text, findings, options.add_ignores)
        return fix_file(source.path, marked, lambda text: (), dry_run=options.diff)
    return fix_file(
        source.path,
        findings,
        lambda text: recheck(source.path, source.folder, text, session),
        unsafe=options.unsafe_fixes,
        dry_run=options.diff,
    )


def recheck(path: str, folder: str, text: str, session: Session) -> tuple[Finding, ...]:
    """Check a changed text as if it stood in the file."""
    engine = session.engine_of(folder)
    result = engine.check_bytes(path, as_bytes(path, text), always_parse=True)
    return visible([finding for finding in result.findings if finding.path == path], session)[0]


def as_bytes(path: str, text: str) -> bytes:
    """Encode a text as its file is: the engine reads bytes, and a coding line holds for what we hand over, too."""
    data = text.encode("utf-8", "surrogatepass")
    return data if path.endswith(".ipynb") else text.encode(declared(data)[1], "surrogatepass")
