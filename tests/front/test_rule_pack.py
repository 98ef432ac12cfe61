"""The sample pack of a third party, `fixtures/rule_pack`, as it lies on disk once pip has installed it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import command
from tests.command import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACK = ROOT / "fixtures" / "rule_pack"
PROGRAM = """\
import sys

sys.path.insert(0, sys.argv.pop(1))
from acme_rules.ac101_reported_perplexity import ReportedPerplexity as rule

for number, example in enumerate((*rule.bad, *rule.good)):
    with open(f"{'bad' if example in rule.bad else 'good'}{number}.py", "w") as file:
        file.write(example.code.replace("  # <-", ""))
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """What an installation leaves: the package, and its entry points beside it."""
    site = tmp_path / "site"
    shutil.copytree(PACK / "acme_rules", site / "acme_rules")
    project = tomllib.loads((PACK / "pyproject.toml").read_text("utf-8"))["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    lines = [f"{name} = {module}" for name, module in project["entry-points"]["lintloss.rules"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[lintloss.rules]", *lines, ""]))
    return site


def run(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return command.run(folder, *words, PYTHONPATH=os.pathsep.join(map(str, (site, ROOT, ROOT / "rules"))))


@pytest.fixture
def project(installed: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    subprocess.run([sys.executable, "-c", PROGRAM, str(installed)], cwd=folder, check=True)
    return folder


def test_its_rule_reports_the_bad_example_and_not_the_good_one(installed: Path, project: Path) -> None:
    done = run(installed, project, "check", "--no-cache", ".")
    assert done.returncode == 1, done.stderr
    assert [line.split(": ")[0] for line in done.stdout.splitlines()] == ["bad0.py:15:12"]
    assert "AC101 a perplexity leaves the evaluation" in done.stdout


def test_its_rule_is_selected_ignored_and_has_a_page(installed: Path, project: Path) -> None:
    assert run(installed, project, "check", "--no-cache", "--ignore", "AC", ".").returncode == 0
    assert run(installed, project, "check", "--no-cache", "--select", "reported-perplexity", ".").returncode == 1
    text = (project / "bad0.py").read_text().replace("tokens)\n", "tokens)  # lintloss: ignore[AC101] wanted here\n")
    (project / "bad0.py").write_text(text)
    assert run(installed, project, "check", "--no-cache", ".").returncode == 0
    page = run(installed, project, "rule", "AC101")
    assert "reported-perplexity" in page.stdout
    assert "The team's handbook." in page.stdout


def test_without_the_pack_its_code_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    done = run(tmp_path, tmp_path, "check", "--select", "AC101", ".")
    assert done.returncode == 2
    assert "no rule fits `AC101`" in done.stderr
