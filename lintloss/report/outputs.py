"""Where reports go besides the screen: `--report FORMAT=FILE`, several in one run, and files in UTF-8."""

from __future__ import annotations

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
        raise UsageError(f"--report {option!r} names no file", hint="for example --report sarif=lintloss.sarif")
    load(name)
    return name, path


def write_report(name: str, path: str, findings: Sequence[Finding], run: Run) -> None:
    """Render findings in a format and write them to a file, in UTF-8 with line feeds on every system.

    Raises:
        UsageError: the file cannot be written.
    """
    text = load(name).render(findings, run)
    try:
        with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
    except OSError as failure:
        hint = "name a file in a folder that exists"
        raise UsageError(f"cannot write the report: {failure.strerror or failure}", where=path, hint=hint) from None
