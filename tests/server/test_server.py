"""The server as an editor meets it: a real client of the protocol, over standard input and output."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

if importlib.util.find_spec("pygls") is None:
    pytest.skip("pygls is not installed (pip install 'lintloss[server]')", allow_module_level=True)

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from tests.command import BAD, ROOT

EVALUATION = BAD.replace("    return", '    mark = "😀損"; return')
ROW = 12  # of the return, from 0
RETURNED = EVALUATION.splitlines()[ROW]
CODE_POINTS = RETURNED.index("total")
UTF16 = CODE_POINTS + 1  # the emoji is a surrogate pair
IDLE = "loss = 1  # lintloss: ignore[LL101] it was once\n"


class Editor:
    """One client and the diagnostics that it was sent, by URI."""

    def __init__(self, client: LanguageClient, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.sent: dict[str, list[lsp.Diagnostic]] = {}
        self.messages: list[str] = []
        self._news = asyncio.Event()
        # pygls marks what it is given, which a bound method does not let it do
        client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self._publish(params))
        client.feature(lsp.WINDOW_SHOW_MESSAGE)(lambda params: self._say(params.message))

    def _publish(self, params: lsp.PublishDiagnosticsParams) -> None:
        self.sent[params.uri] = list(params.diagnostics)
        self._news.set()

    def _say(self, text: str) -> None:
        self.messages.append(text)
        self._news.set()

    async def news(self) -> None:
        """Wait for diagnostics or a message."""
        await asyncio.wait_for(self._news.wait(), 30)
        self._news.clear()

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    async def open(self, name: str, text: str) -> list[lsp.Diagnostic]:
        (self.folder / name).write_bytes(text.encode())
        item = lsp.TextDocumentItem(self.uri(name), "python", 1, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        await self.news()
        return self.sent[self.uri(name)]

    async def change(self, name: str, text: str) -> list[lsp.Diagnostic]:
        document = lsp.VersionedTextDocumentIdentifier(uri=self.uri(name), version=2)
        changes = [lsp.TextDocumentContentChangeWholeDocument(text)]
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, changes))
        await self.news()
        return self.sent[self.uri(name)]

    async def actions(self, name: str, where: lsp.Range, *only: str) -> list[lsp.CodeAction]:
        context = lsp.CodeActionContext([], only=list(only) or None)
        params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(self.uri(name)), where, context)
        found = await self.client.text_document_code_action_async(params)
        assert all(isinstance(each, lsp.CodeAction) for each in found)
        return list(found)

    async def hover(self, name: str, line: int, character: int) -> str:
        where = lsp.HoverParams(lsp.TextDocumentIdentifier(self.uri(name)), lsp.Position(line, character))
        found = await self.client.text_document_hover_async(where)
        return "" if found is None else found.contents.value

    async def lenses(self, name: str) -> list[tuple[int, str]]:
        params = lsp.CodeLensParams(lsp.TextDocumentIdentifier(self.uri(name)))
        found = await self.client.text_document_code_lens_async(params)
        return [(each.range.start.line, each.command.title) for each in found]


def edit(folder: Path, script: Callable[[Editor], Awaitable[None]], *, encodings: list[str] | None = None) -> None:
    """Start the server in a folder, shake hands, run the script, and hang up; the server must end by itself."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "rules")))}

    async def session() -> None:
        client = LanguageClient("test", "1")
        editor = Editor(client, folder)
        await client.start_io(sys.executable, "-m", "lintloss", "server", cwd=folder, env=environ)
        general = lsp.GeneralClientCapabilities(position_encodings=encodings)
        capabilities = lsp.ClientCapabilities(general=general)
        asked = lsp.InitializeParams(capabilities, process_id=os.getpid(), root_uri=folder.as_uri())
        await asyncio.wait_for(client.initialize_async(asked), 30)
        client.initialized(lsp.InitializedParams())
        try:
            await asyncio.wait_for(script(editor), 60)
        finally:
            await asyncio.wait_for(client.shutdown_async(None), 30)
            client.exit(None)
            server: Any = client._server
            code = await asyncio.wait_for(server.wait(), 30)
            await client.stop()
        assert code == 0

    asyncio.run(session())


def at(line: int, character: int) -> lsp.Range:
    return lsp.Range(lsp.Position(line, character), lsp.Position(line, character))


def applied(text: str, action: lsp.CodeAction, uri: str) -> str:
    """Apply a code action as an editor does, counting in UTF-16."""
    assert action.edit is not None and action.edit.changes is not None
    rows = [row.encode("utf-16-le") for row in text.replace("\r\n", "\n").split("\n")]

    def offset(position: lsp.Position) -> int:
        return sum(len(row) + 2 for row in rows[: position.line]) + 2 * position.character

    whole = "\n".encode("utf-16-le").join(rows)
    for one in sorted(action.edit.changes[uri], key=lambda each: -offset(each.range.start)):
        whole = whole[: offset(one.range.start)] + one.new_text.encode("utf-16-le") + whole[offset(one.range.end) :]
    return whole.decode("utf-16-le")


def test_diagnostic_has_severity_page_columns_and_evidence(tmp_path: Path) -> None:
    async def script(editor: Editor) -> None:
        (shown,) = await editor.open("my eval.py", EVALUATION)
        assert shown.code == "LL101" and shown.source == "lintloss"
        assert shown.severity == lsp.DiagnosticSeverity.Error
        assert shown.range.start == lsp.Position(ROW, UTF16)
        assert shown.range.end == lsp.Position(ROW, UTF16 + len("total / len(loader)"))
        assert shown.code_description is not None and shown.code_description.href.endswith("#ll101-batch-averaged-loss")
        places = [(each.location.uri, each.location.range.start.line) for each in shown.related_information or ()]
        assert (editor.uri("my eval.py"), 11) in places, "the line that sums is part of the evidence"

    edit(tmp_path, script)


@pytest.mark.parametrize(
    ("encoding", "column"),
    [("utf-8", len(RETURNED[:CODE_POINTS].encode())), ("utf-32", CODE_POINTS), ("utf-16", UTF16)],
)
def test_columns_are_in_the_units_that_were_agreed_on(encoding: str, column: int, tmp_path: Path) -> None:
    async def script(editor: Editor) -> None:
        (shown,) = await editor.open("a.py", EVALUATION)
        assert shown.range.start.character == column

    edit(tmp_path, script, encodings=[encoding])


def test_form_feeds_tabs_and_crlf_leave_places_true(tmp_path: Path) -> None:
    text = "\x0c\n" + EVALUATION.replace("\n    ", "\n\t").replace("\n", "\r\n")

    async def script(editor: Editor) -> None:
        (shown,) = await editor.open("a.py", text)
        assert shown.range.start == lsp.Position(ROW + 1, UTF16 - 3)

    edit(tmp_path, script)


def test_change_is_followed_and_close_clears(tmp_path: Path) -> None:
    async def script(editor: Editor) -> None:
        assert len(await editor.open("a.py", EVALUATION)) == 1
        assert await editor.change("a.py", "x = 1\n") == []
        assert len(await editor.change("a.py", EVALUATION)) == 1
        (broken,) = await editor.change("a.py", "loss = (\n")
        assert broken.code == "LL001"
        closed = lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(editor.uri("a.py")))
        editor.client.text_document_did_close(closed)
        await editor.news()
        assert editor.sent[editor.uri("a.py")] == []

    edit(tmp_path, script)


def test_hover_shows_the_page_of_the_rule_there_and_nothing_elsewhere(tmp_path: Path) -> None:
    async def script(editor: Editor) -> None:
        await editor.open("a.py", EVALUATION)
        page = await editor.hover("a.py", ROW, UTF16 + 3)
        assert "LL101 batch-averaged-loss" in page and "Why" in page and "Instead" in page
        assert await editor.hover("a.py", 2, 0) == ""

    edit(tmp_path, script)


def test_lens_says_what_the_loop_computes(tmp_path: Path) -> None:
    right = EVALUATION.replace("ignore_index=pad_id)", 'ignore_index=pad_id, reduction="sum")').replace(
        "        total += loss.item()",
        "        total += loss.item()\n        count += (ids[:, 1:] != pad_id).sum().item()",
    )
    right = right.replace("    total = 0.0", "    total, count = 0.0, 0").replace("len(loader)", "count")

    async def script(editor: Editor) -> None:
        await editor.open("a.py", EVALUATION)
        assert await editor.lenses("a.py") == [(8, "nats/token, all batches weighing the same")]
        assert await editor.open("b.py", right) == []
        assert await editor.lenses("b.py") == [(8, "nats/token, all tokens weighing the same")]
        await editor.open("c.py", "for x in range(3):\n    print(x)\n")
        assert await editor.lenses("c.py") == []

    edit(tmp_path, script)


def test_quick_fix_removes_what_is_wrong(tmp_path: Path) -> None:
    async def script(editor: Editor) -> None:
        (shown,) = await editor.open("a.py", IDLE)
        assert shown.code == "LL002" and list(shown.tags or ()) == [lsp.DiagnosticTag.Unnecessary]
        (action,) = await editor.actions("a.py", at(0, 12), "quickfix")
        assert action.is_preferred and list(action.diagnostics or ()) == [shown]
        assert applied(IDLE, action, editor.uri("a.py")) == "loss = 1\n"
        (every,) = await editor.actions("a.py", at(0, 0), "source.fixAll")
        assert applied(IDLE, every, editor.uri("a.py")) == "loss = 1\n"
        assert await editor.actions("a.py", at(0, 12), "refactor") == []

    edit(tmp_path, script)


def test_ignore_action_silences_the_finding(tmp_path: Path) -> None:
    async def script(editor: Editor) -> None:
        await editor.open("a.py", EVALUATION)
        (ignore,) = [each for each in await editor.actions("a.py", at(ROW, UTF16)) if "Ignore LL101" in each.title]
        text = applied(EVALUATION, ignore, editor.uri("a.py"))
        assert "lintloss: ignore[LL101]" in text
        assert await editor.change("a.py", text) == []

    edit(tmp_path, script)


def test_unsaved_text_of_an_imported_file_counts(tmp_path: Path) -> None:
    lines = EVALUATION.splitlines(keepends=True)
    body = (
        "".join(lines)
        .replace("F.cross_entropy(", "score(")
        .replace("import torch.nn.functional as F\n", "from scoring import score\n")
    )
    right = (
        "import torch.nn.functional as F\n\n\ndef score(logits, targets, ignore_index):\n"
        "    return F.cross_entropy(logits, targets, ignore_index=ignore_index)\n"
    )

    async def script(editor: Editor) -> None:
        await editor.open("scoring.py", "def score(logits, targets, ignore_index):\n    return unknown()\n")
        before = await editor.open("a.py", body)
        await editor.change("scoring.py", right)
        item = lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(editor.uri("a.py")))
        editor.client.text_document_did_save(item)
        await editor.news()
        await editor.news()
        after = editor.sent[editor.uri("a.py")]
        assert [each.code for each in before] == []
        assert [each.code for each in after] == ["LL101"]

    edit(tmp_path, script)


def test_configuration_holds_and_a_broken_one_is_said_once(tmp_path: Path) -> None:
    async def script(editor: Editor) -> None:
        (tmp_path / "lintloss.toml").write_text('ignore = ["LL101"]\n')
        assert await editor.open("a.py", EVALUATION) == []
        (tmp_path / "lintloss.toml").write_text('selekt = ["LL101"]\n')
        saved = lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(editor.uri("a.py")))
        editor.client.text_document_did_save(saved)
        await editor.news()
        assert len(editor.messages) == 1 and "selekt" in editor.messages[0]
        (tmp_path / "lintloss.toml").unlink()
        editor.client.text_document_did_save(saved)
        await editor.news()
        assert [each.code for each in editor.sent[editor.uri("a.py")]] == ["LL101"]

    edit(tmp_path, script)


def test_cells_of_a_notebook_show_their_own_findings(tmp_path: Path) -> None:
    head, body = EVALUATION.split("\n\n\n")
    texts = ["# Perplexity", head, body]

    async def script(editor: Editor) -> None:
        cells = [f"vscode-notebook-cell:{tmp_path}/n.ipynb#{index}" for index in range(3)]
        kinds = [lsp.NotebookCellKind.Markup, lsp.NotebookCellKind.Code, lsp.NotebookCellKind.Code]
        listed = [lsp.NotebookCell(kind, cell) for kind, cell in zip(kinds, cells, strict=True)]
        notebook = lsp.NotebookDocument(editor.uri("n.ipynb"), "jupyter-notebook", 1, listed)
        items = [lsp.TextDocumentItem(cell, "python", 1, text) for cell, text in zip(cells, texts, strict=True)][1:]
        editor.client.notebook_document_did_open(lsp.DidOpenNotebookDocumentParams(notebook, items))
        while cells[2] not in editor.sent:
            await editor.news()
        assert [each.code for each in editor.sent[cells[2]]] == ["LL101"]
        assert editor.sent[cells[2]][0].range.start.line == ROW - 4
        assert editor.sent[cells[1]] == []
        asked = lsp.CodeLensParams(lsp.TextDocumentIdentifier(cells[2]))
        lenses = await editor.client.text_document_code_lens_async(asked)
        assert [each.range.start.line for each in lenses] == [4]

    edit(tmp_path, script)


def test_missing_pygls_is_one_line_that_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "pygls.py").write_text("raise ModuleNotFoundError(\"No module named 'pygls'\", name='pygls')\n")
    paths = os.pathsep.join(map(str, (tmp_path, ROOT, ROOT / "rules")))
    environ = {**os.environ, "PYTHONPATH": paths}
    command = [sys.executable, "-m", "lintloss", "server"]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "pip install 'lintloss[server]'" in done.stderr
