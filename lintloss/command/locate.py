"""`lintloss locate`: where evaluation code is and what it computes, as a table or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from lintloss.command.check import say_error
from lintloss.command.options import Options
from lintloss.command.session import Session
from lintloss.engine import load_module
from lintloss.errors import LintlossError, UsageError
from lintloss.judge import internal_error
from lintloss.locate import Located, as_json, locate
from lintloss.report.wording import count, on_one_line
from lintloss.result import read_file
from lintloss.screen import screen

FORMATS = ("table", "json")
HEADS = ("place", "function", "framework", "criterion", "reduction", "normalizer", "shift by", "split", "result")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("locate")(find)


def find(
    paths: Annotated[list[str] | None, typer.Argument(help="Files and folders.")] = None,
    output_format: Annotated[str, typer.Option(help="table or json.")] = "table",
    isolated: Annotated[bool, typer.Option("--isolated", help="Read no configuration file.")] = False,
) -> int:
    """List the evaluation code: what each loop scores, averages over what, and whose labels are shifted by whom."""
    if output_format not in FORMATS:
        raise UsageError(f"--output-format is one of {', '.join(FORMATS)}, not {output_format!r}")
    session = Session(Options(paths=tuple(paths or ()), isolated=isolated))
    found = session.discover()
    errors: list[LintlossError] = list(found.errors)
    entries = [one for source in found.sources for one in _located(source.path, session, errors)]
    for error in errors:
        say_error(error)
    if output_format == "json":
        sys.stdout.write(json.dumps([as_json(one) for one in entries], indent=2) + "\n")
    else:
        _print(entries)
    return 2 if errors else 0


def _located(path: str, session: Session, errors: list[LintlossError]) -> Sequence[Located]:
    from lintloss.facts import infer

    try:
        if path.endswith(".pyi") or (screen(read_file(path), path) is not None and not path.endswith(".ipynb")):
            return ()
    except LintlossError as failure:
        errors.append(failure)
        return ()
    module = load_module(path)
    if module is None:
        errors.append(UsageError("cannot be parsed", where=path, hint=f"lintloss check {path} says why"))
        return ()
    try:
        return locate(module, infer(module, session.project()).observations)
    except Exception as failure:  # a bug of the interpreter on this file must not take the run with it
        errors.append(internal_error("the interpreter", path, failure))
        return ()


def _print(entries: Sequence[Located]) -> None:
    if not entries:
        sys.stderr.write("No evaluation code found.\n")
    elif sys.stdout.isatty():
        _rich(entries)
    else:
        sys.stdout.write("".join(_plain(entries)))
    if entries:
        sys.stderr.write(f"{count(len(entries), 'evaluation')} in {count(len({e.path for e in entries}), 'file')}.\n")


def _cells(one: Located) -> tuple[str, ...]:
    cell = "" if one.cell is None else f"cell {one.cell}:"
    place = f"{one.path}:{cell}{one.span.row}"
    result = one.unit if one.perplexity_row is None else f"{one.unit}; exp in row {one.perplexity_row}"
    words = (one.function, one.framework, one.criterion, one.reduction, one.normalizer, one.shift, one.split)
    return tuple(map(on_one_line, (place, *words, result)))


def _plain(entries: Sequence[Located]) -> Iterator[str]:
    rows = [HEADS, *map(_cells, entries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() + "\n"


def _rich(entries: Sequence[Located]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*HEADS)
    for one in entries:
        table.add_row(*(Text(text, overflow="fold") for text in _cells(one)))
    Console().print(table)
