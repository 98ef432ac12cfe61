"""Stage: findings -> text for people and for tools. One format a file; a format is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from lintloss.errors import LintlossError, UsageError
from lintloss.findings import Finding

if TYPE_CHECKING:
    from lintloss.report.rule_page import RulePage

FORMATS: dict[str, str] = {
    "full": "lintloss.report.full",
    "concise": "lintloss.report.concise",
    "json": "lintloss.report.json_list",
    "jsonl": "lintloss.report.json_lines",
    "sarif": "lintloss.report.sarif",
    "github": "lintloss.report.github",
    "gitlab": "lintloss.report.gitlab",
    "junit": "lintloss.report.junit",
    "rdjson": "lintloss.report.rdjson",
    "markdown": "lintloss.report.markdown",
}
SUMMARIZED = frozenset({"full", "markdown"})  # these end in the summary; with the others it belongs on stderr


def _read(path: str) -> str:
    from lintloss.source_text import read_for_display  # only a run that reports something reads again

    return read_for_display(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a format may say besides the findings themselves.

    Args:
        root: absolute path of the repository; machine formats name files relative to it ("" leaves paths as they are).
        cwd: absolute path that relative paths of findings start from; "" means `root`.
        suppressed: findings that a comment in the source ignores.
        baselined: findings that the baseline already knows.
        hidden: count of findings below the least severity or confidence asked for.
        rules: pages of the rules that ran; those of reported findings are needed by SARIF.
        sources: a finding's path -> the file's decoded text (of a notebook its JSON), for excerpts and fingerprints.
    """

    root: str = ""
    cwd: str = ""
    files_checked: int = 0
    files_screened: int = 0
    errors: tuple[LintlossError, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    baselined: tuple[Finding, ...] = ()
    hidden: int = 0
    fixed: int = 0
    color: bool = False
    width: int = 100
    show_evidence: bool = False
    rules: tuple[RulePage, ...] = ()
    sources: Callable[[str], str] = _read


class Format(Protocol):
    """What every module of FORMATS offers."""

    def render(self, findings: Sequence[Finding], run: Run) -> str:
        """Return the whole report, ending in a line feed unless empty."""


def load(name: str) -> Format:
    """Import a format by name.

    Raises:
        UsageError: there is no such format.
    """
    if name not in FORMATS:
        raise UsageError(f"no output format {name!r}", hint=f"one of {', '.join(FORMATS)}")
    return cast(Format, import_module(FORMATS[name]))


def choose(environ: Mapping[str, str], *, is_terminal: bool, shows_evidence: bool = False) -> str:
    """Return the format for a run that names none: that of the CI system it is on, else one for the reader at hand.

    Args:
        shows_evidence: `--show-evidence` was given, for which `concise` has no room.
    """
    if environ.get("GITHUB_ACTIONS", "").lower() == "true":
        return "github"
    if environ.get("GITLAB_CI", "").lower() == "true":
        return "gitlab"
    return "full" if is_terminal or shows_evidence else "concise"
