"""Turns the Good and Bad examples of the rule files into folders that `lintloss check` can be run on."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import lintloss_rules

from lintloss.findings import Severity
from lintloss.rule import MARK, Bad, Good, Rule

MAIN = "eval.py"  # the example's own text; `files` lie beside it
RULE_FILE = re.compile(r"(ll\d{3})_([a-z0-9_]+)\.py")

Found = tuple[str, int, str, str]  # file, row, code, severity


def rule_files() -> list[Path]:
    """List the files of the built-in pack that are named as a rule file is."""
    folders = [Path(folder) for folder in lintloss_rules.__path__]
    return sorted(path for folder in folders for path in folder.glob("ll*.py") if RULE_FILE.fullmatch(path.name))


def rule_in(path: Path) -> type[Rule]:
    """Return the one Rule class that the file defines."""
    module = importlib.import_module(f"lintloss_rules.{path.stem}")
    (rule,) = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module.__name__
    ]
    return rule


def rules() -> Iterator[type[Rule]]:
    """Yield each rule of the built-in pack, in the order of their codes."""
    for path in rule_files():
        yield rule_in(path)


def texts(example: Bad | Good) -> dict[str, str]:
    """Return the example's files by path, marks still in."""
    return {MAIN: example.code, **example.files}


def strip(text: str) -> str:
    """Return the text as the user would have written it: without marks."""
    return "".join(_unmarked(line) for line in text.splitlines(keepends=True))


def _unmarked(line: str) -> str:
    body = line.rstrip("\n")
    if not body.endswith(MARK):
        return line
    return body.removesuffix(MARK).rstrip() + line[len(body) :]


def marked_rows(text: str) -> list[int]:
    """Return the 1-based rows whose lines end in the mark."""
    return [row for row, line in enumerate(text.splitlines(), start=1) if line.endswith(MARK)]


def expected(code: str, example: Bad | Good) -> list[Found]:
    """Return what `check` must report on the example: one finding a marked line, all of one rule."""
    if isinstance(example, Good):
        return []
    label = example.severity.label
    return sorted((name, row, code, label) for name, text in texts(example).items() for row in marked_rows(text))


def materialize(example: Bad | Good, folder: Path) -> Path:
    """Write the example's files into the folder and return it."""
    for name, text in texts(example).items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(strip(text), encoding="utf-8")
    return folder


def engine_exists() -> bool:
    """Say whether `lintloss check` can be run at all yet."""
    return all(importlib.util.find_spec(f"lintloss.{part}") for part in ("engine", "__main__"))


def check_folder(folder: Path, *, also: tuple[str, ...] = ()) -> list[Found]:
    """Check the folder as `lintloss check --isolated` does: what it reports at warning and above, sorted.

    `also` names rules that are off by default and on for this run. In this process: a new one takes half a second.
    """
    from lintloss.command.options import Options
    from lintloss.command.session import Session

    with _chdir(folder):
        session = Session(Options(isolated=True, no_cache=True, extend_select=also, jobs=1))
        swept = session.sweep(session.discover().sources)
    assert not swept.errors, swept.errors
    return sorted(
        (Path(found.path).as_posix(), found.span.row, found.code, found.severity.label)
        for found in swept.findings
        if found.severity > Severity.NOTE
    )


def fix_folder(folder: Path, code: str) -> str:
    """Apply the unsafe fixes of one rule over the folder and return what became of the main file."""
    from lintloss.__main__ import run

    # Whether a suppression is unused is only known of rules that run.
    named = sorted({code, *re.findall(r"LL\d{3}", (folder / MAIN).read_text(encoding="utf-8"))})
    words = [
        "check",
        "--isolated",
        "--no-cache",
        "--fix",
        "--unsafe-fixes",
        "--exit-zero",
        f"--select={','.join(named)}",
    ]
    errors = io.StringIO()
    with _chdir(folder), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
        code_of_exit = run(words)
    assert code_of_exit == 0, errors.getvalue()
    return (folder / MAIN).read_text(encoding="utf-8")


@contextlib.contextmanager
def _chdir(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
