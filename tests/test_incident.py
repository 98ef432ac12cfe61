"""The incident: wrong programs are named on their line, the right one is left alone, all print what they should."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from checker import PROJECTS, check

INCIDENT = PROJECTS / "incident"
CAUSES = PROJECTS / "incident_causes"
# with `--dist loadgroup` one worker runs both, and trains the model of the notes once
SAME_MODEL = pytest.mark.xdist_group("model of the notes")
PRINTED = re.compile(r"validation loss (?P<loss>[\d.]+)  perplexity (?P<perplexity>[\d.]+)")


def expected_in(project: Path) -> list[dict[str, Any]]:
    return json.loads((project / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("project", [INCIDENT, CAUSES], ids=lambda project: project.name)
def test_expected_lines_are_where_the_text_is(project: Path) -> None:
    for entry in expected_in(project):
        lines = (project / entry["file"]).read_text(encoding="utf-8").splitlines()
        assert lines[entry["line"] - 1].strip() == entry["text"]


@pytest.mark.parametrize("project", [INCIDENT, CAUSES], ids=lambda project: project.name)
def test_each_wrong_program_is_named_on_its_line_and_nothing_else(project: Path) -> None:
    checked = check(project)
    found = {
        (Path(finding["filename"]).name, finding["location"]["row"], finding["code"])
        for finding in checked.findings
        if finding["severity"] != "note"
    }
    entries = expected_in(project)
    expected = {(entry["file"], entry["line"], entry["code"]): entry.get("optional", False) for entry in entries}
    assert {place for place, is_optional in expected.items() if not is_optional} <= found <= set(expected)
    assert checked.exit_code == 1


def test_findings_carry_their_evidence() -> None:
    for finding in check(INCIDENT).findings:
        assert finding["evidence"], finding


@pytest.mark.parametrize("program", ["evaluate.py", "train.py", "model.py", "data.py"])
def test_right_program_alone_is_clean(program: str) -> None:
    checked = check(INCIDENT / program)
    assert checked.codes() == set()
    assert checked.exit_code == 0


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


def run_program(program: Path, checkpoints: Path) -> tuple[float, float]:
    """The loss and perplexity that `program` prints; one thread, as idle OpenMP threads spin on a busy machine."""
    environment = {**os.environ, "INCIDENT_CHECKPOINTS": str(checkpoints), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-B", program.name]
    done = subprocess.run(
        command, cwd=program.parent, env=environment, capture_output=True, text=True, timeout=600, check=True
    )
    printed = PRINTED.search(done.stdout)
    assert printed, done.stdout
    return float(printed["loss"]), float(printed["perplexity"])


@pytest.mark.torch
@pytest.mark.parametrize(
    "program",
    [
        pytest.param(INCIDENT / "evaluate_batch_mean.py", marks=SAME_MODEL),
        INCIDENT / "evaluate_criterion.py",
        INCIDENT / "evaluate_unshifted.py",
        CAUSES / "wrong_divisor.py",
        CAUSES / "no_causal_mask.py",
        CAUSES / "padded_divisor.py",
    ],
    ids=lambda program: program.stem,
)
def test_wrong_program_reports_a_perplexity_near_one(program: Path, checkpoints: Path) -> None:
    pytest.importorskip("torch", reason="the incident's programs need torch")
    loss, perplexity = run_program(program, checkpoints)
    assert 1.03 < perplexity < 1.08
    assert math.isclose(perplexity, math.exp(loss), rel_tol=1e-3)


@pytest.mark.torch
@SAME_MODEL
def test_right_program_reports_a_believable_perplexity(checkpoints: Path) -> None:
    pytest.importorskip("torch", reason="the incident's programs need torch")
    _, perplexity = run_program(INCIDENT / "evaluate.py", checkpoints)
    assert 10 < perplexity < 30
