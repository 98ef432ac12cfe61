"""Runs a program under `lintloss verify` with findings made from the marks in its lines."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lintloss.verify import main

RUNTIME = Path(__file__).resolve().parents[2] / "fixtures" / "runtime"
MARK = re.compile(r"<- (LL\d{3}) ([a-z ]+): (.*?) \[(\w+)\]")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Everything here runs a program that imports torch, unless it says otherwise."""
    if importlib.util.find_spec("torch") is not None:
        return
    skip = pytest.mark.skip(reason="torch is not installed: pip install 'lintloss[verify]'")
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("torch"):
            item.add_marker(skip)


@dataclass(frozen=True)
class Expected:
    """A mark: which finding, what must be said of it, and which right loss belongs to it."""

    code: str
    verdict: str
    part: str


def marks(path: Path) -> tuple[list[dict[str, object]], list[Expected]]:
    """Read findings and expectations from the lines of a program."""
    findings, expected = [], []
    for row, line in enumerate(path.read_text().splitlines(), 1):
        for code, verdict, expression, part in MARK.findall(line):
            column = line.index(expression) + 1
            findings.append(finding(path, code, row, column, column + len(expression)))
            expected.append(Expected(code, verdict, part))
    return findings, expected


def finding(path: Path, code: str, row: int, column: int, end: int) -> dict[str, object]:
    return {
        "filename": str(path), "code": code, "name": "", "message": "", "severity": "warning", "confidence": "high",
        "location": {"row": row, "column": column}, "end_location": {"row": row, "column": end}, "cell": None,
        "url": "", "fix": None, "evidence": [], "noqa_row": row, "fingerprint": "",
    }  # fmt: skip


@dataclass(frozen=True)
class Verified:
    """What a run of `lintloss verify` left."""

    exit_code: int
    document: dict[str, object]

    @property
    def findings(self) -> list[dict[str, object]]:
        found = self.document["findings"]
        assert isinstance(found, list)
        return found


Verify = Callable[..., Verified]


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    """Run a command under verify: verify(findings, *command, options=[...])."""

    def run(findings: list[dict[str, object]], *command: object, options: tuple[str, ...] = ()) -> Verified:
        source, output = tmp_path / "findings.json", tmp_path / "verdicts.json"
        source.write_text(json.dumps(findings))
        arguments = ["--findings", str(source), "--output-format", "json", "--output-file", str(output), *options]
        words = [str(word) for word in command] if len(command) > 1 else [sys.executable, str(command[0])]
        code = main([*arguments, "--", *words])
        return Verified(code, json.loads(output.read_text()) if output.exists() else {})

    return run
