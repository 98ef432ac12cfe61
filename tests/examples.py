"""Turns the Good and Bad examples of the rule files into folders that `lintloss check` can be run on."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import lintloss_rules

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
    """Run `lintloss check` over the folder: what it reports at warning and above, sorted.

    `also` names rules that are off by default and on for this run. The one place to adapt when the engine changes.
    """
    extra = [f"--extend-select={code}" for code in also]
    done = _lintloss(folder, "check", "--isolated", "--no-cache", "--output-format", "json", *extra, ".")
    assert done.returncode in (0, 1), done.stderr
    return sorted(
        (_relative(found["filename"], folder), found["location"]["row"], found["code"], found["severity"])
        for found in json.loads(done.stdout)
        if found["severity"] != "note"
    )


def fix_folder(folder: Path, code: str) -> str:
    """Apply the unsafe fixes of one rule over the folder and return what became of the main file."""
    done = _lintloss(
        folder, "check", "--isolated", "--no-cache", "--fix", "--unsafe-fixes", f"--select={code}", "--exit-zero", "."
    )
    assert done.returncode == 0, done.stderr
    return (folder / MAIN).read_text(encoding="utf-8")


def _lintloss(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lintloss", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def _relative(filename: str, folder: Path) -> str:
    path = Path(filename)
    absolute = path if path.is_absolute() else folder / path
    return absolute.resolve().relative_to(folder.resolve()).as_posix()
