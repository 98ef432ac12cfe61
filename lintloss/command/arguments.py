"""`check` arguments by hand: argparse costs 12 ms and running typer 150, more than checking a clean file does.

Only words are told apart here; `Options.of` gives them their types. `lintloss check --help` is Typer's (cli.py), which
a test holds to this table.
"""

from __future__ import annotations

import os

from lintloss.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SWITCHES = {
    "--fix": "fix",
    "--unsafe-fixes": "unsafe_fixes",
    "--diff": "diff",
    "--exit-zero": "exit_zero",
    "--exit-non-zero-on-fix": "exit_non_zero_on_fix",
    "--show-evidence": "show_evidence",
    "--statistics": "statistics",
    "--show-files": "show_files",
    "--isolated": "isolated",
    "--no-cache": "no_cache",
    "--force-exclude": "force_exclude",
    "--respect-gitignore": "respect_gitignore",
    "--no-respect-gitignore": "no_respect_gitignore",
    "--watch": "watch",
    "--quiet": "quiet",
    "--verbose": "verbose",
}
VALUES = {
    "--output-format": "output_format",
    "--output-file": "output_file",
    "--min-severity": "min_severity",
    "--min-confidence": "min_confidence",
    "--baseline": "baseline",
    "--write-baseline": "write_baseline",
    "--cache-dir": "cache_dir",
    "--jobs": "jobs",
    "--stdin-filename": "stdin_filename",
}
LISTS = {  # may be given several times; those in COMMAS also take a,b
    "--select": "select",
    "--extend-select": "extend_select",
    "--ignore": "ignore",
    "--per-file-ignores": "per_file_ignores",
    "--report": "report",
    "--config": "config",
}
OPTIONAL = {"--add-ignores": "add_ignores"}  # a value only after `=`
SHORT = {"-q": "--quiet", "-v": "--verbose", "-w": "--watch", "-j": "--jobs", "-o": "--output-file"}
COMMAS = frozenset(("select", "extend_select", "ignore", "per_file_ignores"))
FLAGS = {**SWITCHES, **VALUES, **LISTS, **OPTIONAL}


class Arguments:
    """The words of one `check` command: paths, and what each flag was given."""

    __slots__ = ("given", "paths", "wants_help")

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.given: dict[str, bool | str | list[str]] = {}
        self.wants_help = False

    def add(self, field: str, value: str) -> None:
        words = [word.strip() for word in value.split(",")] if field in COMMAS else [value]
        known = self.given.setdefault(field, [])
        if isinstance(known, list):
            known.extend(word for word in words if word)


def parse(words: Sequence[str]) -> Arguments:
    """Tell the words after `check` apart.

    Raises: UsageError: a flag that does not exist, or lacks its value, or may not have one.
    """
    out = Arguments()
    left = list(expand(words))[::-1]
    while left:
        word = left.pop()
        if word == "--":
            out.paths.extend(left[::-1])
            break
        if word in ("--help", "-h"):
            out.wants_help = True
        elif word == "-" or not word.startswith("-"):
            out.paths.append(word)
        else:
            _flag(word, left, out)
    return out


def _flag(word: str, left: list[str], out: Arguments) -> None:
    flag, equals, value = word.partition("=")
    if not word.startswith("--") and word[:2] in SHORT and len(word) > 2:  # -j4
        flag, equals, value = word[:2], "=", word[2:].removeprefix("=")
    flag = SHORT.get(flag, flag)
    if flag not in FLAGS:
        raise UsageError(f"there is no option {flag}", hint=_nearest(flag))
    field = FLAGS[flag]
    if flag in SWITCHES:
        if equals:
            raise UsageError(f"{flag} takes no value", hint=f"write {flag}")
        out.given[field] = True
        return
    if flag in OPTIONAL:
        out.given[field] = value
        return
    if not equals:
        if not left:
            raise UsageError(f"{flag} needs a value", hint=f"write {flag} VALUE")
        value = left.pop()
    if flag in LISTS:
        out.add(field, value)
    else:
        out.given[field] = value


def expand(words: Iterable[str]) -> Iterable[str]:
    """Put the rows of FILE in the place of `@FILE`, one argument a row; a path that starts with @ stays one."""
    for word in words:
        if not word.startswith("@") or os.path.exists(word):
            yield word
            continue
        try:
            with open(word[1:], encoding="utf-8") as file:
                rows = file.read().splitlines()
        except (OSError, UnicodeDecodeError):
            raise UsageError("cannot read this file of arguments", where=word[1:], hint=f"from {word}") from None
        yield from (row.strip() for row in rows if row.strip())


def _nearest(flag: str) -> str:
    import difflib

    near = difflib.get_close_matches(flag, FLAGS, n=1)
    return f"did you mean {near[0]}?" if near else "`lintloss check --help` lists them"
