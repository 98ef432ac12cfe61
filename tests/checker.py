"""Run `lintloss check` as a user does, in a process of its own, and read its JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PROJECTS = ROOT / "fixtures" / "projects"


@dataclass(frozen=True)
class Checked:
    """The outcome of one run: its exit code, its findings as JSON objects, and what it said on stderr."""

    exit_code: int
    findings: list[dict[str, Any]]
    stderr: str

    @cached_property
    def by_file(self) -> dict[Path, list[dict[str, Any]]]:
        """The findings of each file; paths are resolved once, as that costs more than all else of a large run's reading."""
        found: dict[Path, list[dict[str, Any]]] = {}
        for finding in self.findings:
            found.setdefault(Path(finding["filename"]).resolve(), []).append(finding)
        return found

    def codes(self, path: Path | None = None, *, notes: bool = False) -> set[str]:
        """The codes reported (for one file, or for all), without notes unless they are asked for."""
        findings = self.findings if path is None else self.by_file.get(path.resolve(), [])
        return {finding["code"] for finding in findings if notes or finding["severity"] != "note"}


def check(*paths: Path, options: tuple[str, ...] = ()) -> Checked:
    """Run `python -m lintloss check --output-format json`; a run that could not work is an assertion error."""
    command = [sys.executable, "-m", "lintloss", "check", "--output-format", "json", "--no-cache", *options]
    done = subprocess.run(
        [*command, *map(str, paths)], capture_output=True, text=True, encoding="utf-8", cwd=ROOT, timeout=300
    )
    assert done.returncode in (0, 1), f"exit {done.returncode}\n{done.stderr}"
    return Checked(done.returncode, json.loads(done.stdout), done.stderr)
