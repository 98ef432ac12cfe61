"""Every format as `lintloss check` writes it, on one project of several files; places through all kinds of text."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lintloss.report import FORMATS

ROOT = Path(__file__).parents[2]
SCORING = """\
import torch.nn.functional as F


def score(logits, targets, pad_id):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad_id)
"""
EVALUATION = """\
import torch

from scoring import score


@torch.no_grad()
def evaluate(model, loader, pad_id):
    model.eval()
    total = 0.0
    for ids in loader:
        total += score(model(ids[:, :-1]), ids[:, 1:], pad_id).item()  # 損失: loss
    return total / len(loader)
"""
WRONG = "total / len(loader)"
CELL = (
    EVALUATION.replace("from scoring import score\n", "")
    .replace("score(", "F.cross_entropy(")
    .replace("ids[:, 1:], pad_id)", "ids[:, 1:], ignore_index=pad_id)")
)
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Perplexity\n"]},
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": ["import torch.nn.functional as F\n", *CELL.splitlines(keepends=True)],
        },
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}
RULES = "--select=LL001,LL002,LL101"


def lintloss(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder, without what CI or a terminal would tell it."""
    inherited = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "HOME") if name in os.environ}
    environ = {**inherited, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "rules"))), **variables}
    environ.setdefault("PYTHONUTF8", "1")
    command = [sys.executable, "-m", "lintloss", *words]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, encoding="utf-8", timeout=120)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / ".git").mkdir()
    files = {
        "src/scoring.py": SCORING,
        "src/eval loop.py": EVALUATION,
        "src/modèle, v2.py": "x = 1  # lintloss: ignore[LL101] 100% sure: once\nloss = {'a': x}\n",
        "src/broken.py": "loss = (1,\n",
        "notes/ppl.ipynb": json.dumps(NOTEBOOK, indent=1, ensure_ascii=False) + "\n",
        "README.md": "loss\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def reports(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All formats of one run."""
    out = tmp_path_factory.mktemp("reports")
    targets = [f"--report={name}={out}/{name}" for name in FORMATS]
    done = lintloss(project, "check", "--isolated", "--no-cache", RULES, *targets, ".")
    assert done.returncode == 1, done.stderr
    return out


@pytest.mark.parametrize("name", FORMATS)
def test_format_as_the_command_line_writes_it(name: str, reports: Path, snapshot: Callable[[str, str], None]) -> None:
    snapshot(f"cli.{name}.txt", (reports / name).read_text("utf-8"))


def test_screen_and_file_say_the_same(project: Path, reports: Path) -> None:
    for name in ("concise", "json", "sarif", "markdown"):
        done = lintloss(project, "check", "--isolated", "--no-cache", RULES, f"--output-format={name}")
        assert done.stdout == (reports / name).read_text("utf-8")


def test_order_and_text_do_not_depend_on_processes(project: Path) -> None:
    runs = {lintloss(project, "check", "--no-cache", RULES, f"--jobs={jobs}").stdout for jobs in (1, 2, 4)}
    assert len(runs) == 1


def _formfeed(text: str) -> str:
    return "\x0c\n" + text.replace("    return", "\x0c    return")


TEXTS: dict[str, tuple[Callable[[str], str], str]] = {
    "plain": (lambda text: text, "utf-8"),
    "tabs": (lambda text: text.replace("    ", "\t"), "utf-8"),
    "wide-characters-before-it": (lambda text: text.replace("return ", 'mark = "😀 損失 é"; return '), "utf-8"),
    "wide-characters-and-a-tab": (lambda text: text.replace("return ", 'm\t= "損\t";\treturn '), "utf-8"),
    "crlf": (lambda text: text.replace("\n", "\r\n"), "utf-8"),
    "cr": (lambda text: text.replace("\n", "\r"), "utf-8"),
    "byte-order-mark": (lambda text: text, "utf-8-sig"),
    "byte-order-mark-and-crlf": (lambda text: text.replace("\n", "\r\n"), "utf-8-sig"),
    "latin-1": (lambda text: "# coding: latin-1\n" + text.replace("return ", "é = 'é'; return "), "latin-1"),
    "form-feeds": (_formfeed, "utf-8"),
    "separators-that-end-no-row": (lambda text: f"x = '\u2028 \x85 \x0b'\n{text}", "utf-8"),
    "continued-row": (lambda text: text.replace("return ", "x = 1; \\\n  return "), "utf-8"),
    "no-last-newline": (lambda text: text.rstrip("\n"), "utf-8"),
}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    (folder / ".git").mkdir()
    alone = EVALUATION.replace("from scoring import score", "import torch.nn.functional as F")
    alone = alone.replace("score(", "F.cross_entropy(").replace("pad_id).item", "ignore_index=pad_id).item")
    alone = alone.replace("損失: loss", "loss")
    for name, (change, encoding) in TEXTS.items():
        (folder / f"{name}.py").write_bytes(change(alone).encode(encoding))
    return folder


@pytest.fixture(scope="module")
def found(texts: Path) -> dict[str, dict[str, Any]]:
    """What each place-naming format says of each file, of one run."""
    names = ("json", "sarif", "rdjson", "concise")
    targets = [f"--report={name}=out/{name}" for name in names]
    done = lintloss(texts, "check", "--isolated", "--no-cache", "--select=LL1", *targets, ".")
    assert done.returncode == 1, done.stderr
    read = {name: (texts / "out" / name).read_text("utf-8") for name in names}
    listed = sorted(f"{name}.py" for name in TEXTS)  # GitHub shows ten annotations of a level, so two runs
    shown = [
        lintloss(texts, "check", "--select=LL1", "--output-format=github", *half) for half in (listed[:7], listed[7:])
    ]
    read["github"] = "".join(done.stdout for done in shown)
    by_file: dict[str, dict[str, Any]] = {name: {} for name in TEXTS}
    for one in json.loads(read["json"]):
        by_file[one["filename"].removesuffix(".py")]["json"] = one
    for one in json.loads(read["sarif"])["runs"][0]["results"]:
        place = one["locations"][0]["physicalLocation"]
        by_file[place["artifactLocation"]["uri"].removesuffix(".py")]["sarif"] = place["region"]
    for one in json.loads(read["rdjson"])["diagnostics"]:
        by_file[one["location"]["path"].removesuffix(".py")]["rdjson"] = one["location"]["range"]
    for line in read["concise"].splitlines():
        name, row, column, _ = line.split(":", 3)
        by_file[name.removesuffix(".py")]["concise"] = (int(row), int(column))
    for match in re.finditer(r"^::error file=(.*?)\.py,line=(\d+),endLine=\d+,col=(\d+),", read["github"], re.M):
        by_file[match[1]]["github"] = (int(match[2]), int(match[3]))
    return by_file


@pytest.mark.parametrize("name", TEXTS)
def test_every_format_names_the_place(name: str, texts: Path, found: dict[str, dict[str, Any]]) -> None:
    encoding = TEXTS[name][1]
    rows = re.split("\r\n|\r|\n", (texts / f"{name}.py").read_bytes().decode(encoding))
    row = next(number for number, text in enumerate(rows, 1) if WRONG in text)
    column = rows[row - 1].index(WRONG) + 1
    end = column + len(WRONG)
    said = found[name]
    assert said["json"]["location"] == {"row": row, "column": column}
    assert said["json"]["end_location"] == {"row": row, "column": end}
    region = {"startLine": row, "startColumn": column, "endLine": row, "endColumn": end}
    assert {key: said["sarif"][key] for key in region} == region
    before = len(rows[row - 1][: column - 1].encode())
    assert said["rdjson"]["start"] == {"line": row, "column": before + 1}
    assert said["rdjson"]["end"] == {"line": row, "column": before + len(WRONG) + 1}
    assert said["concise"] == (row, column)
    assert said["github"] == (row, column)


def test_names_with_spaces_commas_and_letters_are_percent_encoded_in_sarif(reports: Path) -> None:
    uris = re.findall(r'"uri": "([^"]*)"', (reports / "sarif").read_text("utf-8"))
    assert "src/eval%20loop.py" in uris and "src/mod%C3%A8le%2C%20v2.py" in uris


def test_github_actions_gets_annotations_unasked(project: Path) -> None:
    done = lintloss(project, "check", "--no-cache", RULES, GITHUB_ACTIONS="true")
    commands = [line for line in done.stdout.splitlines() if line.startswith("::")]
    assert done.returncode == 1
    assert sorted(command.split(" ", 1)[0] for command in commands) == ["::error", "::error", "::error", "::warning"]
    assert "file=src/modèle%2C v2.py," in done.stdout


def test_gitlab_gets_code_quality_unasked(project: Path, reports: Path) -> None:
    done = lintloss(project, "check", "--isolated", "--no-cache", RULES, GITLAB_CI="true")
    assert json.loads(done.stdout) == json.loads((reports / "gitlab").read_text("utf-8"))
    clean = lintloss(project, "check", "--isolated", "--no-cache", "src/scoring.py", GITLAB_CI="true")
    assert (clean.returncode, json.loads(clean.stdout)) == (0, [])


def test_named_format_wins_over_that_of_the_ci_system(project: Path) -> None:
    for variable in ("GITHUB_ACTIONS", "GITLAB_CI"):
        done = lintloss(project, "check", "--no-cache", RULES, "--output-format=concise", **{variable: "true"})
        assert done.stdout.startswith("notes/ppl.ipynb:cell 1:")


def test_job_summary_goes_below_what_the_step_wrote(project: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("# Step\n")
    words = ("check", "--no-cache", RULES, f"--report=markdown={summary}")
    done = lintloss(project, *words, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 1
    assert summary.read_text("utf-8").startswith("# Step\n## lintloss\n")


def test_evidence_is_shown_where_it_is_asked_for(project: Path) -> None:
    done = lintloss(project, "check", "--no-cache", RULES, "--show-evidence")
    assert "  ::: src/scoring.py" in done.stdout


def test_format_that_does_not_exist_is_refused_before_the_work(project: Path) -> None:
    for words in (["--report=sarfi=x"], ["--output-format=sarfi"], ["--report=sarif"]):
        done = lintloss(project, "check", "--no-cache", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1


def test_output_that_knows_few_letters_gets_escapes(project: Path) -> None:
    done = lintloss(
        project, "check", "--no-cache", RULES, "--output-format=full", PYTHONUTF8="0", PYTHONIOENCODING="ascii"
    )
    assert done.returncode == 1, done.stderr
    assert "src/mod\\xe8le, v2.py" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="interrupts are sent in another way there")
def test_watch_reports_again_until_it_is_interrupted(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("loss = 1\n")
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "rules")))}
    environ = {name: value for name, value in environ.items() if name not in ("GITHUB_ACTIONS", "GITLAB_CI")}
    command = [sys.executable, "-m", "lintloss", "check", "--watch", "--no-cache", "--output-format=concise"]
    with open(tmp_path / "said", "w") as said, open(tmp_path / "shown", "w") as shown:
        watching = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=shown, stderr=said)
        try:
            _wait(tmp_path / "said", "watching", 1)
            (tmp_path / "a.py").write_text("loss = (\n")
            _wait(tmp_path / "said", "watching", 2)
        finally:
            watching.send_signal(signal.SIGINT)
            code = watching.wait(30)
    assert code == 1
    assert (tmp_path / "shown").read_text().startswith("a.py:1:")


def _wait(file: Path, word: str, times: int) -> None:
    until = time.monotonic() + 30
    while file.read_text().count(word) < times:
        assert time.monotonic() < until, file.read_text()
        time.sleep(0.05)
