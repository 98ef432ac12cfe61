"""What `lintloss check` costs, beside an empty interpreter and other checkers of Python.

    python benchmarks/check_speed.py [--rounds 11] [--gate]

Peers are timed where they are installed beside this interpreter: pyflakes (lintloss needs it), ruff, fixit, torchfix.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from generate import RIGHT, WRONG, write_file, write_tree
from paired import Setting, Timed, table, time_in_turn

BASE = "python -c pass"
# The aim for a clean file is 2.5; the margin is for machines that are busy with something else
CLEAN_FILE_LIMIT = 3.0

Command = list[str]


def peers(target: Path) -> dict[str, Command]:
    """Commands of the other checkers that are there."""
    beside = Path(sys.executable).parent
    known = {
        "pyflakes": [sys.executable, "-m", "pyflakes", str(target)],
        "ruff --select F": [str(beside / "ruff"), "check", "--isolated", "--no-cache", "--select", "F", str(target)],
        "fixit": [str(beside / "fixit"), "--quiet", "lint", str(target)],
        "torchfix": [str(beside / "torchfix"), "--select", "ALL", str(target)],
    }
    return {name: command for name, command in known.items() if Path(command[0]).exists()}


def lintloss(target: Path, *options: str) -> Command:
    """The installed program where there is one: `python -m` costs 3 ms more."""
    installed = Path(sys.executable).parent / "lintloss"
    start = [str(installed)] if installed.exists() else [sys.executable, "-m", "lintloss"]
    return [*start, "check", "--isolated", *options, str(target)]


def cases(folder: Path) -> dict[str, dict[str, Command]]:
    """The commands to be compared, by what they are run on."""
    clean = write_file(folder / "clean.py", 200)
    right = write_file(folder / "right.py", 200, RIGHT)
    wrong = write_file(folder / "wrong.py", 200, WRONG)
    tree = write_tree(folder / "tree", files=150, lines=220, evaluating=6)
    cache = ("--cache-dir", str(folder / "cache"))
    return {
        "a clean file of 200 lines": {"lintloss": lintloss(clean, "--no-cache"), **peers(clean)},
        "200 lines with a right evaluation": {"lintloss": lintloss(right, "--no-cache"), **peers(right)},
        "200 lines with a wrong evaluation": {
            "lintloss": lintloss(wrong, "--no-cache", "--exit-zero"),
            **peers(wrong),
        },
        "150 files, 33,000 lines, 6 evaluations": {
            "lintloss, cold": lintloss(tree, "--no-cache"),
            "lintloss, warm": lintloss(tree, *cache),
            **peers(tree),
        },
    }


def setting(folder: Path) -> Setting:
    """Outside of this repository, whose configuration would be read, and of CI, where another output is chosen."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "CI": "", "GITHUB_ACTIONS": "", "GITLAB_CI": ""}
    return Setting(str(folder), environment)


def time_case(commands: dict[str, Command], rounds: int, where: Setting) -> tuple[list[Timed], Timed]:
    timed = time_in_turn({BASE: [sys.executable, "-c", "pass"], **commands}, rounds, where)
    return timed, timed[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--gate", action="store_true", help="exit 1 when a clean file costs more than it may")
    arguments = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as name:
        for title, commands in cases(Path(name)).items():
            timed, base = time_case(commands, arguments.rounds, setting(Path(name)))
            print(f"\n{title}\n\n{table(timed, base)}", flush=True)
            ratio = timed[1].ratio_to(base, "cpu")[0]
            failed = failed or (title.startswith("a clean file") and ratio > CLEAN_FILE_LIMIT)
    if failed:
        print(f"\na clean file costs more than {CLEAN_FILE_LIMIT} times `{BASE}`", file=sys.stderr)
    return int(arguments.gate and failed)


if __name__ == "__main__":
    sys.exit(main())
