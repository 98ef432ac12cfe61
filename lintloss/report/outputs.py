"""Where reports go besides the screen: `--report FORMAT=FILE`, several in one run, and files in UTF-8."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lintloss.errors import UsageError
from lintloss.findings import Finding
from lintloss.report import Run, load


def read_target(option: str) -> tuple[str, str]:
    """Split `sarif=out.sarif` into a format that exists and a path.

    Raises:
        UsageError: it is not of that form, or there is no such format.
    """
    name, equals, path = option.partition("=")
    if not equals or not path:
        raise UsageError(f"--report is FORMAT=FILE, not {option!r}", hint="as in --report sarif=lintloss.sarif")
    load(name)
    return name, path


def write_report(name: str, path: str, findings: Sequence[Finding], run: Run, *, append: bool = False) -> None:
    """Render findings in a format and write them to a file.

    Raises:
        UsageError: the file cannot be written.
    """
    write_text(path, load(name).render(findings, run), append=append)


def write_text(path: str, text: str, *, append: bool = False) -> None:
    """Write a file in UTF-8 with line feeds on every system, and the folders above it.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        os.makedirs(os.path.dirname(path) or os.curdir, exist_ok=True)
        with open(path, "a" if append else "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
    except OSError as failure:
        raise UsageError(f"cannot be written: {failure.strerror or failure}", where=path) from None
