"""`lintloss verify`: what it offers, and what is run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from lintloss.command.checked_first import checked, own_files
from lintloss.command.flags import option
from lintloss.errors import UsageError

Words = list[str]
DEBUG = "--debug-shapes"
FEW_BATCHES = "3"  # what a bare --debug-shapes prints
_RUN = "What is run"
_OUTPUT = "Output"
_TRY = "Experiments (each costs what it says)"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("verify", epilog=_EPILOG)(verify)


_EPILOG = (
    "Behind -- stands the command, as you run it: lintloss verify -- python eval.py --checkpoint best.pt. "
    "Or a function, with factories named in \\[tool.lintloss.verify]: lintloss verify pkg/eval.py::evaluate"
)


def split(words: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Tell our own words from the command behind `--`; a bare --debug-shapes gets its value."""
    own = list(words)
    command: tuple[str, ...] = ()
    if "--" in own:
        place = own.index("--")
        own, command = own[:place], tuple(own[place + 1 :])
    for index, word in enumerate(own):
        if word == DEBUG and not "".join(own[index + 1 : index + 2]).isdigit():
            own[index] = f"{DEBUG}={FEW_BATCHES}"
    return own, command


_Paths = Annotated[
    Words | None,
    typer.Argument(
        help="What to check first, without --findings; else the command's own files. Or FILE.py::FUNCTION to call.",
        metavar="[PATHS] -- COMMAND… | FILE.py::FUNCTION",
    ),
]
_Findings = Annotated[
    str | None, option("--findings", "What `lintloss check --output-format json` found.", _RUN, "FILE")
]
_AfterFix = Annotated[bool, option("--after-fix", "Run again with the proposed fixes, applied in memory.", _TRY)]
_Untrained = Annotated[bool, option("--untrained", "Score fresh weights: ln V? Sees errors of scale only.", _TRY)]
_Causality = Annotated[bool, option("--causality", "Change later tokens: do earlier logits move? One forward.", _TRY)]
_CopyOracle = Annotated[
    bool, option("--copy-oracle", "Score a stand-in that copies its input: it must do badly.", _TRY)
]
_NextOracle = Annotated[bool, option("--next-oracle", "Score a stand-in that knows the next token: near 0.", _TRY)]
_Data = Annotated[bool, option("--data", "Count what was evaluated, and what of it twice.", _TRY)]
_Training = Annotated[
    Words | None, option("--training", "With --data: a training set (path or pkg.module:loader).", _TRY, "SET")
]
_Format = Annotated[
    str | None, option("--output-format", "table (default), json, markdown, html, sarif.", _OUTPUT, "FORMAT")
]
_File = Annotated[str | None, option("--output-file -o", "Write the verdicts to a file.", _OUTPUT, "FILE")]
_Report = Annotated[
    Words | None, option("--report", "One more report; may be given several times.", _OUTPUT, "FORMAT=FILE")
]
_DebugShapes = Annotated[
    int | None, option(DEBUG, "Print shapes, loss and tokens of the first batches (3).", _OUTPUT, "[BATCHES]")
]
_ShowInstrumented = Annotated[bool, option("--show-instrumented", "Print the flagged files as they are run.", _OUTPUT)]
_Keep = Annotated[str | None, option("--keep", "Keep what was recorded.", _OUTPUT, "FOLDER")]


def verify(
    ctx: typer.Context,
    paths: _Paths = None,
    findings: _Findings = None,
    after_fix: _AfterFix = False,
    untrained: _Untrained = False,
    causality: _Causality = False,
    copy_oracle: _CopyOracle = False,
    next_oracle: _NextOracle = False,
    data: _Data = False,
    training: _Training = None,
    output_format: _Format = None,
    output_file: _File = None,
    report: _Report = None,
    debug_shapes: _DebugShapes = None,
    show_instrumented: _ShowInstrumented = False,
    keep: _Keep = None,
) -> int:
    """Run your own evaluation (behind --) and confirm or refute each finding with numbers."""
    given: dict[str, Any] = {name: value for name, value in locals().items() if name not in ("ctx", "paths")}
    if findings is not None and paths and ctx.obj:
        raise UsageError("paths are checked where no findings are named", hint="leave out --findings or the paths")
    command, paths = _what_is_run(ctx.obj or (), paths or [])
    from lintloss.verify import main

    with tempfile.TemporaryDirectory(prefix="lintloss-") as folder:
        files = tuple(paths) or own_files(command)
        if findings is None:
            given["findings"] = checked(files, folder)
        return main([*_as_words(given), "--", *command], files)


def _what_is_run(command: tuple[str, ...], paths: Words) -> tuple[tuple[str, ...], Words]:
    """The command behind `--`, or the one that calls the function which is named; and what is checked first."""
    if command:
        return command, paths
    if any("::" in path for path in paths):
        return _of_function(paths)
    raise UsageError("no command to run", hint="lintloss verify -- python eval.py")


def _of_function(paths: Words) -> tuple[tuple[str, ...], Words]:
    """`pkg/eval.py::evaluate`: the command that calls it, and the file to check first."""
    from lintloss.config import Configurations
    from lintloss.verify import target

    if len(paths) != 1 or not target.is_target(paths[0]):
        raise UsageError("one function at a time, without other paths", hint="lintloss verify pkg/eval.py::evaluate")
    path = paths[0].partition("::")[0]
    config = Configurations().of(os.path.dirname(os.path.abspath(path)))
    return target.command(paths[0], config.verify, config.root, config.path or "[tool.lintloss.verify]"), [path]


def _as_words(given: dict[str, Any]) -> Iterator[str]:
    """Write options as the words of a command line again."""
    for name, value in given.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            yield flag
        elif value is not None and value is not False:
            for each in value if isinstance(value, list) else [value]:
                yield f"{flag}={each}"
