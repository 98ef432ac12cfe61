"""Stage: bytes of one file -> a Module: its text, its `ast`, its cells if it is a notebook."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell of a notebook: `index` counts from 0 over all cells, `first_row` is its first row in the module."""

    index: int
    first_row: int
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A parsed file. A notebook is its code cells joined into one module, magics blanked out."""

    path: str  # as shown to the user
    text: str
    tree: ast.Module
    cells: tuple[Cell, ...] = ()
