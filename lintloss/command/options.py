"""What one `check` command asks for, typed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from lintloss.command.arguments import Arguments
from lintloss.config import CONFIDENCES, SEVERITIES
from lintloss.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The flags of `check`, by the names that `--help` gives them; None where the configuration decides."""

    paths: tuple[str, ...] = ()
    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[str, ...] = ()
    fix: bool = False
    unsafe_fixes: bool = False
    diff: bool = False
    output_format: str | None = None
    output_file: str | None = None
    report: tuple[str, ...] = ()
    exit_zero: bool = False
    exit_non_zero_on_fix: bool = False
    min_severity: str | None = None
    min_confidence: str | None = None
    show_evidence: bool = False
    statistics: bool = False
    show_files: bool = False
    add_ignores: str | None = None
    baseline: str | None = None
    write_baseline: str | None = None
    config: tuple[str, ...] = ()
    isolated: bool = False
    no_cache: bool = False
    cache_dir: str | None = None
    jobs: int = 0
    force_exclude: bool = False
    respect_gitignore: bool | None = None
    stdin_filename: str | None = None
    watch: bool = False
    quiet: bool = False
    verbose: bool = False

    @classmethod
    def of(cls, arguments: Arguments) -> Options:
        """Give the words of a command line their types.

        Raises: UsageError: a value that does not fit.
        """
        given: dict[str, Any] = dict(arguments.given)
        if given.pop("no_respect_gitignore", False):
            given["respect_gitignore"] = False
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
        }
        if "jobs" in values:
            values["jobs"] = _count(values["jobs"])
        return cls(paths=tuple(arguments.paths), **values).checked()

    def checked(self) -> Options:
        """Return itself.

        Raises: UsageError: a value that does not fit, or two that contradict one another.
        """
        for flag, value, choices in (
            ("--min-severity", self.min_severity, SEVERITIES),
            ("--min-confidence", self.min_confidence, CONFIDENCES),
        ):
            if value is not None and value not in choices:
                raise UsageError(f"{flag} is one of {', '.join(choices)}, not {value!r}")
        if "-" in self.paths and len(self.paths) > 1:
            raise UsageError("`-` (standard input) stands alone", hint="check the files in another run")
        if self.watch and "-" in self.paths:
            raise UsageError("standard input cannot be watched", hint="name a path")
        if self.report or self.output_format is not None:
            self._check_formats()
        for each in self.per_file_ignores:
            if ":" not in each:
                raise UsageError(f"--per-file-ignores is PATTERN:RULE, not {each!r}", hint="as in 'tests/*:LL101'")
        return self

    def _check_formats(self) -> None:
        """Refuse a format that does not exist before any file is read, not after."""
        from lintloss.report import load
        from lintloss.report.outputs import read_target

        for each in self.report:
            read_target(each)
        if self.output_format is not None:
            load(self.output_format)

    def overrides(self) -> dict[str, Any]:
        """Return the configuration keys that the command line decides."""
        patterns = [each.rpartition(":") for each in self.per_file_ignores]
        table = {pattern: [code for known, _, code in patterns if known == pattern] for pattern, _, _ in patterns}
        wanted = {
            "select": None if self.select is None else list(self.select),
            "extend-select": list(self.extend_select) or None,
            "ignore": list(self.ignore) or None,
            "per-file-ignores": table or None,
            "respect-gitignore": self.respect_gitignore,
            "force-exclude": self.force_exclude or None,
            "min-severity": self.min_severity,
            "min-confidence": self.min_confidence,
            "cache-dir": self.cache_dir,
        }
        return {key: value for key, value in wanted.items() if value is not None}


def _count(value: str) -> int:
    try:
        count = (os.cpu_count() or 1) if value == "auto" else int(value)
    except ValueError:
        count = 0
    if count < 1:
        raise UsageError(f"--jobs is a number of processes, not {value!r}", hint="as in --jobs 4, or leave it out")
    return count
