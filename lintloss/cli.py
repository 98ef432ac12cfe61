"""The command line as Typer knows it: help for everything, and every command but the plain `check` (see __main__)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from lintloss import __version__
from lintloss.command.check import check as run_check
from lintloss.command.flags import option
from lintloss.command.options import Options
from lintloss.errors import UsageError

app = typer.Typer(
    name="lintloss",
    help="Find the bugs in evaluation code that make a reported loss or perplexity wrong.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Words = list[str]
_SELECTING = "Selecting rules"
_FIXING = "Fixing"
_OUTPUT = "Output"
_FILES = "Files"
_SETTING = "Configuration"


def run_typer(words: Sequence[str]) -> int:
    """Run a command through Typer and return its exit code.

    Raises: UsageError: the words make no command.
    """
    from lintloss.command import diagnose, locate, more, new, serve, verify

    for part in (verify, locate, diagnose, more, new, serve):
        part.register(app)
    command: tuple[str, ...] = ()
    if words[:1] == ["verify"]:  # what stands behind `--` is not ours to read
        words, command = verify.split(words)
    try:
        result = app(args=list(words), prog_name="lintloss", standalone_mode=False, obj=command)
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as failure:
        # Typer may carry a Click of its own, so its errors are told by what they offer, not by their class.
        if not hasattr(failure, "format_message"):
            raise
        message = failure.format_message().rstrip(".")
        if not message:  # no command at all: Typer has printed the help
            return 2
        raise UsageError(message, hint="`lintloss --help` lists what there is") from None
    return result if isinstance(result, int) else 0


@app.callback(invoke_without_command=True)
def _top(
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"lintloss {__version__}")
        raise typer.Exit(0)


@app.command("check")
def _check(
    paths: Annotated[
        Words | None, typer.Argument(help="Files and folders; - is standard input, @FILE holds arguments.")
    ] = None,
    select: Annotated[
        Words | None, option("--select", "Rules to run, by code, prefix, name or ALL.", _SELECTING, "RULE")
    ] = None,
    extend_select: Annotated[
        Words | None, option("--extend-select", "Rules to run besides those.", _SELECTING, "RULE")
    ] = None,
    ignore: Annotated[Words | None, option("--ignore", "Rules to leave out.", _SELECTING, "RULE")] = None,
    per_file_ignores: Annotated[
        Words | None,
        option("--per-file-ignores", "Rules to leave out in files that match.", _SELECTING, "PATTERN:RULE"),
    ] = None,
    min_severity: Annotated[
        str | None,
        option("--min-severity", "Hide findings below: note, warning (default), error.", _SELECTING, "LEVEL"),
    ] = None,
    min_confidence: Annotated[
        str | None,
        option("--min-confidence", "Hide findings below: low (default), medium, high.", _SELECTING, "LEVEL"),
    ] = None,
    baseline: Annotated[
        str | None, option("--baseline", "Hide findings that this file knows.", _SELECTING, "FILE")
    ] = None,
    write_baseline: Annotated[
        str | None, option("--write-baseline", "Write the findings to a baseline file.", _SELECTING, "FILE")
    ] = None,
    fix: Annotated[bool, option("--fix", "Apply safe fixes.", _FIXING)] = False,
    unsafe_fixes: Annotated[
        bool, option("--unsafe-fixes", "Apply fixes that change the reported number, too.", _FIXING)
    ] = False,
    diff: Annotated[bool, option("--diff", "Show what --fix would do, change nothing.", _FIXING)] = False,
    add_ignores: Annotated[
        str | None, option("--add-ignores", "Write ignore comments, as --add-ignores[=REASON].", _FIXING, "REASON")
    ] = None,
    exit_non_zero_on_fix: Annotated[
        bool, option("--exit-non-zero-on-fix", "Exit 1 when something was fixed.", _FIXING)
    ] = False,
    output_format: Annotated[
        str | None,
        option(
            "--output-format",
            "full, concise, json, jsonl, sarif, github, gitlab, junit, rdjson, markdown.",
            _OUTPUT,
            "FORMAT",
        ),
    ] = None,
    output_file: Annotated[
        str | None, option("--output-file -o", "Write the findings to a file.", _OUTPUT, "FILE")
    ] = None,
    report: Annotated[
        Words | None, option("--report", "One more report; may be given several times.", _OUTPUT, "FORMAT=FILE")
    ] = None,
    show_evidence: Annotated[
        bool, option("--show-evidence", "Show the lines that a finding rests on.", _OUTPUT)
    ] = False,
    statistics: Annotated[bool, option("--statistics", "Count findings by rule.", _OUTPUT)] = False,
    exit_zero: Annotated[bool, option("--exit-zero", "Exit 0 even with findings.", _OUTPUT)] = False,
    quiet: Annotated[bool, option("--quiet -q", "Print findings only.", _OUTPUT)] = False,
    verbose: Annotated[bool, option("--verbose -v", "Say why files were not looked into.", _OUTPUT)] = False,
    show_files: Annotated[bool, option("--show-files", "List the files that would be checked.", _FILES)] = False,
    force_exclude: Annotated[
        bool, option("--force-exclude", "Leave out excluded files even when they are named.", _FILES)
    ] = False,
    respect_gitignore: Annotated[
        bool | None,
        option("--respect-gitignore/--no-respect-gitignore", "Leave out what .gitignore leaves out.", _FILES),
    ] = None,
    stdin_filename: Annotated[
        str | None, option("--stdin-filename", "The name of standard input.", _FILES, "FILE")
    ] = None,
    watch: Annotated[bool, option("--watch -w", "Check again whenever a file changes.", _FILES)] = False,
    config: Annotated[
        Words | None, option("--config", 'A configuration file, or "key = value".', _SETTING, "FILE|KEY=VALUE")
    ] = None,
    isolated: Annotated[bool, option("--isolated", "Read no configuration file.", _SETTING)] = False,
    no_cache: Annotated[bool, option("--no-cache", "Remember and recall nothing.", _SETTING)] = False,
    cache_dir: Annotated[str | None, option("--cache-dir", "Where results are remembered.", _SETTING, "FOLDER")] = None,
    jobs: Annotated[int, option("--jobs -j", "Processes to use; 0: as many as there are cores.", _SETTING, "N")] = 0,
) -> int:
    """Check files for bugs that make a reported loss or perplexity wrong."""
    given: dict[str, Any] = dict(locals())
    lists = ("paths", "extend_select", "ignore", "per_file_ignores", "report", "config")
    values: dict[str, Any] = {name: tuple(given[name] or ()) if name in lists else given[name] for name in given}
    values["select"] = None if select is None else tuple(select)
    return run_check(Options(**values).checked())
