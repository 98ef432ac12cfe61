"""Stage: bytes of one file -> a Module: its text, its `ast`, its cells if it is a notebook."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from functools import lru_cache

from lintloss import newer_syntax
from lintloss.patterns import regex
from lintloss.positions import column_of, span_of, split_rows

_STRING_OR_COMMENT = regex(
    r"(\"{3}(?:[^\\]|\\[\s\S])*?\"{3}|'{3}(?:[^\\]|\\[\s\S])*?'{3}|\"(?:[^\"\\\n]|\\[\s\S])*\"|'(?:[^'\\\n]|\\[\s\S])*')"
    r"|#[^\n]*"
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell of a notebook: `index` counts from 0 over all cells, `first_row` is its first row in the module."""

    index: int
    first_row: int
    rows: int


@dataclass(frozen=True, slots=True)
class Broken:
    """Where and why Python cannot read a file or a cell; rows count within the cell if there is one.

    idle: a cell in which no evaluation code is to be missed: the screen would leave it out.
    """

    row: int
    column: int
    message: str
    cell: int | None = None
    idle: bool = False


class UnparsableError(Exception):
    """Nothing of the file can be checked: it is reported as LL001."""

    def __init__(self, broken: Broken) -> None:
        super().__init__(broken.message)
        self.broken = broken


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A parsed file. A notebook is its code cells joined into one module, magics blanked out.

    `lines` are its rows without their ends; `broken` are the cells that could not be read (they are blank in `text`).
    """

    path: str  # as shown to the user
    text: str
    tree: ast.Module
    cells: tuple[Cell, ...] = ()
    lines: tuple[str, ...] = ()
    broken: tuple[Broken, ...] = ()

    @property
    def code(self) -> str:
        """The text without its comments, rows as they are: what asks for words asks here, so that no comment is a fact."""
        return without_comments(self.text)

    def span_of(self, node: ast.expr | ast.stmt) -> tuple[int, int, int, int]:
        """Return (row, column, end row, end column) of a node: 1-based code points, the fields of findings.Span."""
        return span_of(node, self.lines, self.text.isascii())

    def cell_of(self, row: int) -> Cell | None:
        """Return the cell that holds a row of the module."""
        return next((cell for cell in self.cells if cell.first_row <= row < cell.first_row + cell.rows), None)


@lru_cache(maxsize=256)
def without_comments(text: str) -> str:
    """Return source text with its comments cut off; a "#" within a string stays."""
    return _STRING_OR_COMMENT.sub(lambda found: found[1] or "", text) if "#" in text else text


def parse(data: bytes, path: str) -> Module:
    """Read a source file or notebook.

    Raises: UnparsableError: Python (or JSON) cannot read it.
    """
    if path.endswith(".ipynb"):
        from lintloss.cells import parse_notebook

        return parse_notebook(data, path)
    return parse_text(decode(data)[0], path)


def parse_text(text: str, path: str) -> Module:
    if text.count("\r") > text.count("\r\n"):  # Python ends a row at a lone carriage return; who splits a text does not
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Module(path, text, syntax_tree(text), lines=split_rows(text))


def decode(data: bytes) -> tuple[str, str]:
    """Return the text of a source file and its encoding, as PEP 263 and the byte order mark say ("utf-8-sig").

    Raises: UnparsableError: the bytes are not in that encoding, or there is no such encoding.
    """
    marked = data.startswith(b"\xef\xbb\xbf")
    encoding = "utf-8-sig" if marked else "utf-8"
    for row, line in enumerate(data[3 * marked : 3 * marked + 2000].splitlines()[:2], start=1):
        declared = _declared(line, row, encoding) if b"coding" in line else None
        encoding = declared or encoding
        if declared or not (line.lstrip(b" \t\f").startswith(b"#") or not line.strip()):
            break  # the second line is asked only if the first is a comment, or empty
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError as failure:
        raise UnparsableError(_undecodable(data, failure, encoding)) from None


def _declared(line: bytes, row: int, default: str) -> str | None:
    """Return the encoding that a coding line names. The codec is looked up here, so that a wrong name is an LL001."""
    import codecs
    import re

    match = re.match(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", line)
    if match is None:
        return None
    name = match[1].decode("ascii", "replace")
    try:
        found = codecs.lookup(name)
        if not getattr(found, "_is_text_encoding", True):
            raise LookupError
    except LookupError:
        raise UnparsableError(Broken(row, match.start(1) + 1, f"unknown encoding: {name}")) from None
    if default == "utf-8-sig" and found.name != "utf-8":
        raise UnparsableError(Broken(row, match.start(1) + 1, f"encoding problem: {name} with a UTF-8 byte order mark"))
    return default if found.name == "utf-8" else found.name


def _undecodable(data: bytes, failure: UnicodeDecodeError, encoding: str) -> Broken:
    """Say it as Python says it when it is given the file."""
    before = data[: failure.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    row = before.count(b"\n") + 1
    column = len(before.rpartition(b"\n")[2].decode(encoding, "replace")) + 1
    if encoding.startswith("utf-8"):
        byte = f"\\x{data[failure.start]:02x}"
        message = f"non-UTF-8 code starting with '{byte}', but no encoding declared (see PEP 263)"
    else:
        message = f"not {encoding}, which its coding line declares: {failure.reason}"
    return Broken(row, column, message)


def syntax_tree(text: str) -> ast.Module:
    """Parse source text, silently: a warning about an invalid escape is the user's business, not ours to print.

    F-strings of a newer Python are read as empty ones.

    Raises: UnparsableError: as the interpreter running lintloss sees it.
    """
    null = text.find("\0")
    if null >= 0:
        rows = split_rows(text[:null])
        raise UnparsableError(Broken(len(rows), len(rows[-1]) + 1, "source code cannot contain null bytes"))
    try:
        return _parsed(text)
    except SyntaxError as failure:
        newer = newer_syntax.emptied(text)
        if newer is None:
            raise UnparsableError(_broken(failure, text)) from None
        try:
            return _parsed(newer)
        except SyntaxError:
            raise UnparsableError(_broken(failure, text)) from None
    except (RecursionError, MemoryError):
        raise UnparsableError(Broken(1, 1, "nested too deeply for Python's parser")) from None
    except ValueError as failure:  # 3.10: an integer literal too long, a surrogate
        raise UnparsableError(Broken(1, 1, str(failure))) from None


def _parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _broken(failure: SyntaxError, text: str) -> Broken:
    row = max(failure.lineno or 1, 1)
    lines = split_rows(text)
    line = lines[row - 1] if row <= len(lines) else ""
    # `offset` counts code points since 3.10, except that a tokenizer error may point past the line.
    column = min(max(failure.offset or 1, 1), len(line) + 1)
    return Broken(row, column, failure.msg)


__all__ = ["Broken", "Cell", "Module", "UnparsableError", "column_of", "decode", "parse", "parse_text", "syntax_tree"]
