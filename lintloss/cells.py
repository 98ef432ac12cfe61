"""Stage: a notebook's JSON -> one Module of its code cells in order, IPython's own syntax blanked out row by row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from lintloss.parse import Broken, Cell, Module, UnparsableError, syntax_tree
from lintloss.patterns import regex
from lintloss.positions import split_rows
from lintloss.screen import screen

# Cell magics whose body is Python that runs in the notebook; the body of any other is blanked with its first line.
_PYTHON_CELLS = frozenset(("capture", "prun", "time", "timeit", "python", "python3", "pypy"))
_MAGIC_LINE = regex(r"^(\s*)(?:[%!?].*|[\w.*%]+\?{1,2}\s*)$")
# What IPython runs without a mark ("automagic"), where it cannot be Python.
_AUTOMAGIC = regex(
    r"^(\s*)(?:(?:pip3?|conda|mamba) (?:install|uninstall|list|show)\b|"
    r"(?:cd|ls|mkdir|rm|cp|mv|cat|matplotlib|load_ext|run) [^=(]).*$",
    re.MULTILINE,
)
_PRINT_STATEMENT = regex(r"^(\s*print) ((?!>>|=|\()[^#\n]*?)(\s*(?:#.*)?)$", re.MULTILINE)  # of Python 2, on one row
_MAGIC_VALUE = regex(r"^(\s*[\w.,\s()\[\]'\"]*=\s*)([!%].*)$")


def parse_notebook(data: bytes, path: str) -> Module:
    """Join the code cells of a notebook. A cell that is not Python is left out and named in `Module.broken`.

    Raises: UnparsableError: the file is not the JSON of a notebook.
    """
    texts: list[str] = []
    cells: list[Cell] = []
    broken: list[Broken] = []
    row = 1
    for index, source in _code_cells(_load(data)):
        text = _python(source)
        header = _header(text)
        try:
            syntax_tree("\n".join((*header, text)))
        except UnparsableError as failure:
            found = failure.broken
            idle = screen(source.encode("utf-8", "replace")) is not None
            broken.append(Broken(max(found.row - len(header), 1), found.column, found.message, index, idle))
            text, header = "\n" * text.count("\n"), ()
        texts += header
        row += len(header)
        rows = text.count("\n") + 1
        cells.append(Cell(index, row, rows))
        texts.append(text)
        row += rows
    whole = "\n".join(texts) + ("\n" if texts else "")
    return Module(path, whole, syntax_tree(whole), tuple(cells), split_rows(whole), tuple(broken))


def _header(text: str) -> tuple[str, ...]:
    """Return the row to put above a cell that is indented as a whole: IPython takes that off, and columns are to stay."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    if not first[:1].isspace():
        return ()
    try:
        syntax_tree(text)  # an indented comment
    except UnparsableError:
        return ("if True:",)
    return ()


def _load(data: bytes) -> dict[str, Any]:
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UnparsableError(Broken(1, 1, "a notebook is JSON in UTF-8")) from None
    except json.JSONDecodeError as failure:
        raise UnparsableError(Broken(failure.lineno, failure.colno, f"not a notebook: {failure.msg}")) from None
    except RecursionError:
        raise UnparsableError(Broken(1, 1, "not a notebook: nested too deeply")) from None
    if not isinstance(notebook, dict):
        raise UnparsableError(Broken(1, 1, "not a notebook: its JSON is no object"))
    return notebook


def _code_cells(notebook: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield (index over all cells, source) of the code cells; a notebook of another language has none."""
    if _language(notebook) not in ("python", "ipython", ""):
        return
    cells = notebook.get("cells")
    if cells is None:  # nbformat 3
        sheets = notebook.get("worksheets")
        sheets = sheets if isinstance(sheets, list) else []
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells", ())]
    if not isinstance(cells, list):
        raise UnparsableError(Broken(1, 1, "not a notebook: `cells` is no list"))
    for index, cell in enumerate(cells):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", cell.get("input", ""))
            text = "".join(map(str, source)) if isinstance(source, list) else str(source)
            yield index, text.replace("\r\n", "\n").replace("\r", "\n")


def _language(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for table, key in (("kernelspec", "language"), ("language_info", "name")):
        inner = metadata.get(table)
        if isinstance(inner, dict) and isinstance(inner.get(key), str):
            return str(inner[key]).lower()
    return ""


def _python(source: str) -> str:
    """Blank IPython's syntax, keeping every row and the column of what stays."""
    if not (any(mark in source for mark in "%!?") or _AUTOMAGIC.search(source) or _PRINT_STATEMENT.search(source)):
        return source
    lines = source.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    magic = re.match(r"\s*%%\s*(\w+)", lines[first])
    if magic is not None:
        if magic[1] not in _PYTHON_CELLS:
            return "\n" * (len(lines) - 1)
        lines[first] = ""
    text = "\n".join(lines)
    try:  # a row that starts with `%` may be the rest of an expression: only blank what Python cannot read
        syntax_tree(text)
        return text
    except UnparsableError:
        return "\n".join(_without_magics(lines))


def _without_magics(lines: list[str]) -> Iterator[str]:
    continued = False
    for line in lines:
        magic = _MAGIC_LINE.match(line) or _AUTOMAGIC.match(line)
        value = _MAGIC_VALUE.match(line)
        printed = _PRINT_STATEMENT.match(line)
        if continued:  # the rest of a shell command that ends in a backslash
            continued = line.endswith("\\")
            yield ""
        elif magic is not None:
            continued = line.endswith("\\")
            yield f"{magic[1]}pass"
        elif value is not None:
            continued = line.endswith("\\")
            yield f"{value[1]}None"
        elif printed is not None:  # the parenthesis takes the place of the space: columns stay
            yield f"{printed[1]}({printed[2]}){printed[3]}"
        else:
            yield line
