"""The errors that a person sees: each says what is wrong, where, and what to type next."""

from __future__ import annotations


class LintlossError(Exception):
    """A failure with a place and a hint; the command line prints it on one line and exits 2.

    Args:
        what: what is wrong, without a final full stop.
        where: the path (with `:line` when known) it is about.
        hint: what to do next, something that can be typed where possible.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.what}{hint}"


class UsageError(LintlossError):
    """The command line asks for something that does not exist or does not fit."""


class ConfigError(LintlossError):
    """A configuration file or value cannot be used."""


class InternalError(LintlossError):
    """lintloss itself failed on one file; the others, and the other rules on this one, are not affected."""


class SourceError(LintlossError):
    """A file named on the command line cannot be read or decoded; the others are still checked."""
