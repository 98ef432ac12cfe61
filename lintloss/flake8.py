"""The flake8 plugin: one file as flake8 hands it over -> our findings as flake8 wants them, columns from 0."""

from __future__ import annotations

import argparse
import ast
import os
from collections.abc import Iterator, Sequence
from functools import cache
from typing import ClassVar

from lintloss import __version__
from lintloss.errors import LintlossError
from lintloss.screen import screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lintloss.command.session import Session

Row = tuple[int, int, str, type]


class Plugin:
    """What flake8 makes one of per file; it asks for `tree`, or flake8 would not take it for a plugin of files."""

    name: ClassVar[str] = "lintloss"
    version: ClassVar[str] = __version__

    def __init__(self, tree: ast.AST, filename: str, lines: Sequence[str]) -> None:
        self._path = filename
        self._text = "".join(lines)

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        """Read our configuration before any file is: flake8 prints this error, and others as a crash of the plugin."""
        from flake8.exceptions import ExecutionError

        try:
            _session()
        except LintlossError as failure:
            raise ExecutionError(f"lintloss: {failure}") from None

    def run(self) -> Iterator[Row]:
        """Yield (row, column from 0, `LL101 message`, the plugin) of each finding."""
        if screen(self._text.encode("utf-8", "replace"), self._path) is not None:
            return
        from lintloss.command.repair import recheck
        from lintloss.report.wording import sentence

        folder = os.path.dirname(os.path.abspath(self._path))
        for finding in recheck(self._path, folder, self._text, _session()):
            yield finding.span.row, finding.span.column - 1, sentence(finding), type(self)


@cache
def _session() -> Session:
    """One for all files of a process: configurations, rules and the modules that files import are read once."""
    from lintloss.command.options import Options
    from lintloss.command.session import Session

    return Session(Options())
