"""The protocol's messages -> the desk, over standard input and output."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

from lintloss import __version__
from lintloss.errors import LintlossError
from lintloss.server.checker import Checker
from lintloss.server.desk import ACTION_KINDS, Desk
from lintloss.server.sheets import Opened, all_opened, opened

PAUSE_SECONDS = 0.2  # of typing, before a changed text is looked at
_CODE_CELLS = lsp.NotebookDocumentSyncOptions(
    notebook_selector=[
        lsp.NotebookDocumentFilterWithCells(
            notebook="jupyter-notebook", cells=[lsp.NotebookCellLanguage(language="python")]
        )
    ]
)


class App:
    """One editor's session."""

    def __init__(self, checker: Checker) -> None:
        # Whole texts, not changes: pygls splits lines at form feeds, too, and would apply a change in the wrong row.
        self.server = LanguageServer(
            "lintloss",
            __version__,
            text_document_sync_kind=lsp.TextDocumentSyncKind.Full,
            notebook_document_sync=_CODE_CELLS,
        )
        self._checker = checker
        self._desk: Desk | None = None
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._said = ""
        self._register()

    def _register(self) -> None:
        self._on(lsp.TEXT_DOCUMENT_DID_OPEN, self._opened)
        self._on(lsp.TEXT_DOCUMENT_DID_CHANGE, self._changed)
        self._on(lsp.TEXT_DOCUMENT_DID_SAVE, self._saved)
        self._on(lsp.TEXT_DOCUMENT_DID_CLOSE, self._closed)
        self._on(lsp.NOTEBOOK_DOCUMENT_DID_OPEN, self._notebook_opened)
        self._on(lsp.NOTEBOOK_DOCUMENT_DID_CHANGE, self._notebook_changed)
        self._on(lsp.NOTEBOOK_DOCUMENT_DID_SAVE, self._saved)
        self._on(lsp.NOTEBOOK_DOCUMENT_DID_CLOSE, self._notebook_closed)
        self._on(lsp.TEXT_DOCUMENT_CODE_ACTION, self._actions, lsp.CodeActionOptions(ACTION_KINDS))
        self._on(lsp.TEXT_DOCUMENT_HOVER, self._hover)
        self._on(lsp.TEXT_DOCUMENT_CODE_LENS, self._lenses)

    def _on(self, message: str, answer: Callable[[Any], object], options: object = None) -> None:
        """Register a handler. pygls marks what it is given, which a bound method does not let it do."""

        def handle(params: Any) -> object:
            return answer(params)

        self.server.feature(message, options)(handle)

    @property
    def desk(self) -> Desk:
        if self._desk is None:
            self._desk = Desk(self._checker, self.server.workspace)
        return self._desk

    def _opened(self, params: lsp.DidOpenTextDocumentParams) -> None:
        self._publish(params.text_document.uri)

    def _notebook_opened(self, params: lsp.DidOpenNotebookDocumentParams) -> None:
        self._publish(params.notebook_document.uri)

    def _changed(self, params: lsp.DidChangeTextDocumentParams) -> None:
        self._publish_soon(params.text_document.uri)

    def _notebook_changed(self, params: lsp.DidChangeNotebookDocumentParams) -> None:
        structure = params.change.cells.structure if params.change.cells else None
        for cell in (structure.did_close or ()) if structure else ():
            self._clear(cell.uri)
        self._publish_soon(params.notebook_document.uri)

    def _saved(self, params: lsp.DidSaveTextDocumentParams | lsp.DidSaveNotebookDocumentParams) -> None:
        self.desk.forget()
        for each in all_opened(self.server.workspace):
            self._publish(each.uri)

    def _closed(self, params: lsp.DidCloseTextDocumentParams) -> None:
        self._clear(params.text_document.uri)

    def _notebook_closed(self, params: lsp.DidCloseNotebookDocumentParams) -> None:
        for cell in params.cell_text_documents:
            self._clear(cell.uri)

    def _clear(self, uri: str) -> None:
        self.server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    def _publish_soon(self, uri: str) -> None:
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()
        self._waiting[uri] = asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._publish, uri)

    def _publish(self, uri: str) -> None:
        found = opened(self.server.workspace, uri)
        if found is None or not self._can_look(found):
            return
        for each in self.desk.diagnostics(found):
            self.server.text_document_publish_diagnostics(each)

    def _can_look(self, found: Opened) -> bool:
        """Look; a configuration that cannot be used is said once, and until it is mended nothing is shown."""
        try:
            looked = self.desk.look(found)
        except LintlossError as failure:
            said = f"lintloss: {failure}"
            if said != self._said:
                self.server.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, said))
            self._said = said
            return False
        self._said = ""
        for error in looked.errors:
            self.server.window_log_message(lsp.LogMessageParams(lsp.MessageType.Error, error))
        return True

    def _is_usable(self, uri: str) -> bool:
        found = opened(self.server.workspace, uri)
        return found is not None and self._can_look(found)

    def _actions(self, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri = params.text_document.uri
        only = [str(getattr(kind, "value", kind)) for kind in params.context.only] if params.context.only else None
        return self.desk.actions(uri, params.range, only) if self._is_usable(uri) else []

    def _hover(self, params: lsp.HoverParams) -> lsp.Hover | None:
        uri = params.text_document.uri
        return self.desk.hover(uri, params.position) if self._is_usable(uri) else None

    def _lenses(self, params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        uri = params.text_document.uri
        return self.desk.lenses(uri) if self._is_usable(uri) else []


def serve(checker: Checker) -> None:
    """Serve one editor until it hangs up. Standard output is the protocol's alone: what else prints goes to stderr."""
    protocol = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    App(checker).server.start_io(stdout=protocol)
