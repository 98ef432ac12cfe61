"""The picture in the README is a real run: `.github/full.svg`, made anew by `pytest --update-snapshots`."""

from __future__ import annotations

import html
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / ".github" / "full.svg"
COMMAND = ("check", "fixtures/projects/incident/evaluate_batch_mean.py")
COLUMNS = 118


def run() -> str:
    """Return what the command prints on a terminal, colors included."""
    inherited = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    environ = {
        **inherited,
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "rules"))),
        "PYTHONUTF8": "1",
        "FORCE_COLOR": "1",
        "COLUMNS": str(COLUMNS),
    }
    command = [sys.executable, "-m", "lintloss", *COMMAND, "--no-cache", "--output-format", "full"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 1 and "LL101" in done.stdout, done.stderr
    return done.stdout


def picture(printed: str) -> str:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ lintloss {' '.join(COMMAND)}", style="bold"))
    console.print(Text.from_ansi(printed))
    return console.export_svg(title="lintloss")


def words(svg: str) -> str:
    """Return the letters of a picture in reading order, without the spaces (a picture breaks long rows)."""
    shown = re.findall(r'<text class="[^"]*-r\d+"[^>]*>(.*?)</text>', svg)
    return re.sub(r"\s", "", html.unescape("".join(shown)))


def test_picture_shows_what_the_command_prints(request: pytest.FixtureRequest) -> None:
    printed = run()
    if request.config.getoption("--update-snapshots"):
        PICTURE.write_text(picture(printed), encoding="utf-8")
    expected = f"$ lintloss {' '.join(COMMAND)}" + Text.from_ansi(printed).plain
    assert words(PICTURE.read_text("utf-8")) == re.sub(r"\s", "", expected)


def test_readme_shows_the_picture() -> None:
    assert ".github/full.svg" in (ROOT / "README.md").read_text("utf-8")
