"""`lintloss server`: what the language server asks for, answered by the same session that `check` uses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from lintloss.command.check import visible
from lintloss.command.options import Options
from lintloss.command.repair import as_bytes
from lintloss.command.session import Session
from lintloss.errors import UsageError
from lintloss.facts import infer
from lintloss.facts.computed import Computed, computed
from lintloss.findings import Finding, Span
from lintloss.ignores import with_ignores
from lintloss.parse import Module, UnparsableError, parse
from lintloss.report.rule_page import RulePage, page
from lintloss.screen import screen

if TYPE_CHECKING:
    from lintloss.server.checker import Document, Looked


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("server")(server)


def server(
    stdio: Annotated[bool, typer.Option("--stdio", help="Accepted and ignored: it is the only way.")] = False,
) -> int:
    """Serve an editor over standard input and output: findings, fixes, rule pages, what evaluation loops compute."""
    try:
        from lintloss.server.app import serve
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise UsageError(
            f"the server needs {missing.name}, which is not installed", hint="pip install 'lintloss[server]'"
        ) from None
    serve(SessionChecker())
    return 0


class SessionChecker:
    """Looks at documents with a new session each time: configurations and imported files may have changed."""

    def __init__(self) -> None:
        self._pages: dict[str, RulePage | None] = {}

    def look(self, document: Document, others: Sequence[Document]) -> Looked:
        from lintloss.server.checker import Looked

        session = Session(Options())
        folder = os.path.dirname(os.path.abspath(document.path))
        engine = session.engine_of(folder)
        for other in others:
            module = _module(other)
            if module is not None:
                session.project().add(module)
        result = engine.check_bytes(document.path, as_bytes(document.path, document.text), always_parse=True)
        findings = [finding for finding in result.findings if finding.path == document.path]
        loops = () if result.screened else _loops(document, session)
        return Looked(visible(findings, session)[0], loops, tuple(map(str, result.errors)))

    def page(self, code: str) -> RulePage | None:
        if code not in self._pages:
            entries = [entry for entry in Session(Options(isolated=True)).entries if entry.code == code]
            self._pages[code] = page(entries[0].load()) if entries else None
        return self._pages[code]

    def ignoring(self, document: Document, finding: Finding) -> Finding | None:
        marked = with_ignores(document.path, document.text, [finding])
        return next((each for each in marked if each.fix is not None), None)


def _module(document: Document) -> Module | None:
    data = as_bytes(document.path, document.text)
    if screen(data, document.path) is not None and not document.path.endswith(".py"):
        return None
    try:
        return parse(data, document.path)
    except UnparsableError:
        return None


def _loops(document: Document, session: Session) -> tuple[Computed, ...]:
    module = _module(document)
    if module is None:
        return ()
    try:
        seen = infer(module, session.project()).observations
    except Exception:  # a bug of the interpreter, which the check has reported already
        return ()
    return tuple(_in_cell(each, module) for each in computed(seen, document.path))


def _in_cell(each: Computed, module: Module) -> Computed:
    """Count the rows of a notebook's loop within its cell."""
    cell = module.cell_of(each.loop.span.row)
    if cell is None:
        return each
    above, span = cell.first_row - 1, each.loop.span
    moved = Span(span.row - above, span.column, span.end_row - above, span.end_column)
    return replace(each, loop=replace(each.loop, span=moved, cell=cell.index))
