"""Where a finding stands, in the terms of a reader: repository paths, URIs, rows of text, real rows of a notebook."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from lintloss.findings import Evidence, Finding, Span
from lintloss.fingerprint import fingerprints
from lintloss.lines import split_rows
from lintloss.notebook import CellSource, is_notebook, locate, read_cells

if TYPE_CHECKING:
    from lintloss.report import Run


def repository_path(path: str, run: Run, *, is_windows: bool = os.sep == "\\") -> str:
    """Return a path relative to the run's root with `/`; one outside the root becomes absolute, not `../x`."""
    if run.root:
        absolute = os.path.normpath(os.path.join(run.cwd or run.root, path))
        relative = _relative(absolute, run.root)
        path = absolute if relative is None else relative
    path = path.replace("\\", "/") if is_windows else path
    return path[2:] if path.startswith("./") else path


def _relative(path: str, root: str) -> str | None:
    try:
        relative = os.path.relpath(path, root)
    except ValueError:  # another drive
        return None
    return None if relative == os.pardir or relative.startswith(os.pardir + os.sep) else relative


def as_uri(path: str) -> str:
    """Percent-encode a `/` path as the URI that names it; an absolute one gets the `file` scheme."""
    encoded = quote(os.fsencode(path), safe="/")
    if path.startswith("/"):
        return "file://" + encoded
    if len(path) > 2 and path[1] == ":" and path[2] == "/":
        return f"file:///{path[0]}:" + encoded[4:]  # a drive: its colon came out as %3A
    return encoded


class Texts:
    """The texts that findings point into, each read and split once a report."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._raw: dict[str, str] = {}
        self._cells: dict[str, dict[int, CellSource]] = {}
        self._rows: dict[tuple[str, int | None], Sequence[str]] = {}

    def raw(self, path: str) -> str:
        if path not in self._raw:
            self._raw[path] = self._run.sources(path)
        return self._raw[path]

    def cell(self, path: str, index: int) -> CellSource | None:
        if path not in self._cells:
            try:
                self._cells[path] = {cell.index: cell for cell in read_cells(self.raw(path))}
            except ValueError:  # not the notebook that was checked: it changed or cannot be read
                self._cells[path] = {}
        return self._cells[path].get(index)

    def text(self, path: str, cell: int | None) -> str:
        """Return the text that rows and columns count in: the file's, or the cell's source."""
        if cell is None:
            return self.raw(path)
        found = self.cell(path, cell)
        return found.text if found else ""

    def rows(self, path: str, cell: int | None) -> Sequence[str]:
        """Return the rows of the text without their line endings."""
        key = (path, cell)
        if key not in self._rows:
            self._rows[key] = [row.rstrip("\r\n") for row in split_rows(self.text(path, cell))]
        return self._rows[key]

    def row(self, path: str, cell: int | None, row: int) -> str:
        rows = self.rows(path, cell)
        return rows[row - 1] if 0 < row <= len(rows) else ""

    def region(self, place: Finding | Evidence) -> Span:
        """Return the span in the file as it lies on disk: for a notebook, real lines of its JSON."""
        if place.cell is None or not is_notebook(place.path):
            return place.span
        found = self.cell(place.path, place.cell)
        return locate(self.raw(place.path), found, place.span) if found else Span(1, 1, 1, 1)

    def line_of(self, finding: Finding) -> str:
        """Return the row that a finding begins in: what fingerprints and baselines know it by."""
        return self.row(finding.path, finding.cell, finding.span.row)

    def path_of(self, path: str) -> str:
        """Return a path as the repository knows it."""
        return repository_path(path, self._run)

    def fingerprints(self, findings: Sequence[Finding]) -> tuple[str, ...]:
        """Fingerprint findings by repository path and the text of their line."""
        return fingerprints(findings, self.line_of, self.path_of)
