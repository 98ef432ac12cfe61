"""What is open in the editor -> documents to check, and their sheets: a file is one, a notebook has one a cell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from lsprotocol import types as lsp
from pygls import uris
from pygls.workspace import Workspace

from lintloss.server.checker import Document


@dataclass(frozen=True, slots=True)
class Sheet:
    """One text that the editor shows: a file, or (with its index over all cells) a cell of a notebook."""

    uri: str
    text: str
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A document as it is now, and its sheets."""

    uri: str
    document: Document
    sheets: tuple[Sheet, ...]


def opened(workspace: Workspace, uri: str) -> Opened | None:
    """Return what a URI of a file, a notebook or a cell belongs to; None for what is not open (any more)."""
    notebook = workspace.get_notebook_document(notebook_uri=uri) or workspace.get_notebook_document(cell_uri=uri)
    if notebook is not None:
        return _notebook(workspace, notebook)
    text = _texts(workspace).get(uri)
    if text is None:
        return None
    return Opened(uri, Document(path_of(uri), text), (Sheet(uri, text),))


def all_opened(workspace: Workspace) -> Iterator[Opened]:
    """Yield every open file and notebook, each once."""
    found = (opened(workspace, uri) for uri in _texts(workspace))
    yield from {each.uri: each for each in found if each is not None}.values()


def _texts(workspace: Workspace) -> dict[str, str]:
    """Return the open texts by URI; pygls files them under an unquoted one ("my eval.py", not "my%20eval.py")."""
    return {document.uri: document.source for document in workspace.text_documents.values()}


def path_of(uri: str) -> str:
    """Return the path of a URI; a text that was never saved goes by what the editor calls it."""
    return uris.to_fs_path(uri) or uri.rpartition(":")[2]


def _notebook(workspace: Workspace, notebook: lsp.NotebookDocument) -> Opened:
    opened_texts = _texts(workspace)  # code cells alone: text cells are not sent
    kinds = [cell.kind for cell in notebook.cells]
    texts = [opened_texts.get(cell.document, "") for cell in notebook.cells]
    listed = enumerate(zip(notebook.cells, texts, strict=True))
    sheets = [Sheet(cell.document, text, index) for index, (cell, text) in listed]
    cells: list[dict[str, object]] = [
        {"cell_type": "code" if kind == lsp.NotebookCellKind.Code else "markdown", "metadata": {}, "source": text}
        for kind, text in zip(kinds, texts, strict=True)
    ]
    content = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    path = path_of(notebook.uri)
    path = path if path.endswith(".ipynb") else path + ".ipynb"
    return Opened(notebook.uri, Document(path, content), tuple(sheets))
