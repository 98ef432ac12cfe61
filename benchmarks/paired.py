"""Times commands in turn, round after round, so that a busy machine slows all of them alike: ratios are what counts."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of one run: by the clock, and of processor time, its children included."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Setting:
    """Where commands run: the folder (whose configuration files count) and the environment."""

    folder: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Timed:
    """A command's runs, one a round."""

    name: str
    runs: tuple[Run, ...]

    def median_ms(self, kind: str) -> float:
        return 1000 * statistics.median(getattr(run, kind) for run in self.runs)

    def ratio_to(self, base: Timed, kind: str) -> tuple[float, float, float]:
        """Median, least and greatest of the ratios within each round."""
        pairs = zip(self.runs, base.runs, strict=True)
        ratios = [getattr(mine, kind) / getattr(other, kind) for mine, other in pairs]
        return statistics.median(ratios), min(ratios), max(ratios)


def run_once(command: Sequence[str], setting: Setting) -> Run:
    """Run a command whose output is thrown away; it may find something (exit 1), but not fail."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=dict(setting.environment),
        cwd=setting.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)  # subprocess does not say what a child used
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"exit {process.returncode}: {' '.join(command)}")
    return Run(wall, used.ru_utime + used.ru_stime)


def time_in_turn(commands: Mapping[str, Sequence[str]], rounds: int, setting: Setting) -> list[Timed]:
    """Time each command `rounds` times, in turn, after one round that only warms the page cache."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for each in range(rounds + 1):
        for name, command in commands.items():
            run = run_once(command, setting)
            if each > 0:
                runs[name].append(run)
    return [Timed(name, tuple(taken)) for name, taken in runs.items()]


def table(timed: Sequence[Timed], base: Timed) -> str:
    """One row a command: median times, and ratios to `base` with their range over the rounds."""
    rows = ["| command | wall ms | CPU ms | wall ratio | CPU ratio |", "|---|--:|--:|--:|--:|"]
    for each in timed:
        ratios = (each.ratio_to(base, kind) for kind in ("wall", "cpu"))
        shown = " | ".join(f"{middle:.2f} [{least:.2f}-{most:.2f}]" for middle, least, most in ratios)
        rows.append(f"| {each.name} | {each.median_ms('wall'):.1f} | {each.median_ms('cpu'):.1f} | {shown} |")
    return "\n".join(rows)
