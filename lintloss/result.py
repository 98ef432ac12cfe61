"""What came of one file, and the bytes of one: shared by the engine and by what remembers its results."""

from __future__ import annotations

from dataclasses import dataclass

from lintloss.errors import LintlossError, SourceError
from lintloss.findings import Finding


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one file.

    screened: why it was not looked into, or None.
    read: other files that the result depends on, and names that imports looked for (see facts.Project.read).
    used: the suppressions that silenced something, as (path, row, code); those of other files must be told.
    """

    path: str
    findings: tuple[Finding, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    errors: tuple[LintlossError, ...] = ()
    screened: str | None = None
    read: tuple[str, ...] = ()
    used: tuple[tuple[str, int, str], ...] = ()


def read_file(path: str) -> bytes:
    """Read a file.

    Raises: SourceError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as failure:
        raise SourceError(f"cannot be read: {failure.strerror or failure}", where=path) from None
