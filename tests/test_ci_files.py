"""The hook and action files that other projects point at, read as their consumers read them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML comes with pre-commit")
ROOT = Path(__file__).parents[1]
FAKE = '#!/bin/bash\nprintf "%s\\n" "$@" > "$RUNNER_TEMP/arguments"\nexit 1\n'


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def test_hooks_are_the_two_that_the_documents_promise() -> None:
    hooks = {hook["id"]: hook for hook in read(".pre-commit-hooks.yaml")}
    assert {name: hook["entry"] for name, hook in hooks.items()} == {
        "lintloss": "lintloss check --force-exclude",
        "lintloss-fix": "lintloss check --force-exclude --fix --exit-non-zero-on-fix",
    }
    for hook in hooks.values():
        assert hook["types_or"] == ["python", "pyi", "jupyter"]
        assert hook["require_serial"] is True
        assert hook["minimum_pre_commit_version"] == "2.9.2"
        assert hook["language"] == "python"


def test_hooks_pass_the_validation_of_pre_commit() -> None:
    clientlib = pytest.importorskip("pre_commit.clientlib")
    assert len(clientlib.load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))) == 2


def run_check_step(tmp_path: Path, **inputs: str) -> tuple[int, list[str], str]:
    """Run the script of the action's Check step with a lintloss that writes its arguments down and exits 1."""
    action = read("action.yml")
    (step,) = [step for step in action["runs"]["steps"] if step.get("id") == "check"]
    fake = tmp_path / "lintloss" / "bin" / "lintloss"
    fake.parent.mkdir(parents=True)
    fake.write_text(FAKE)
    fake.chmod(0o755)
    values = {name: inputs.get(name.replace("-", "_"), spec["default"]) for name, spec in action["inputs"].items()}
    environ = {"RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output"), "PATH": os.environ["PATH"]}
    environ["GITHUB_STEP_SUMMARY"] = "/summary.md"
    for name, expression in step["env"].items():
        environ[name] = values[expression.removeprefix("${{ inputs.").removesuffix(" }}")]
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], env=environ, cwd=tmp_path, check=False)
    output = tmp_path / "output"
    arguments = (tmp_path / "arguments").read_text().splitlines()
    return done.returncode, arguments, output.read_text() if output.exists() else ""


def test_action_annotates_and_fails_with_findings(tmp_path: Path) -> None:
    code, arguments, output = run_check_step(tmp_path)
    assert code == 1
    assert arguments == ["check", "--output-format", "github", "--report", "markdown=/summary.md", "--", "."]
    assert output == ""


def test_action_keeps_paths_whole_and_runs_none_of_them(tmp_path: Path) -> None:
    paths = "my eval/a b.py\n$(touch pwned)\n; exit 0\n"
    _, arguments, _ = run_check_step(tmp_path, paths=paths, args="--select LL1 --exit-zero", summary="false")
    assert arguments == [
        *["check", "--output-format", "github", "--select", "LL1", "--exit-zero", "--"],
        *["my eval/a b.py", "$(touch pwned)", "; exit 0"],
    ]
    assert not (tmp_path / "pwned").exists()


def test_action_writes_sarif_only_when_asked(tmp_path: Path) -> None:
    _, arguments, output = run_check_step(tmp_path, sarif_file="out dir/x.sarif", summary="false")
    assert arguments[3:5] == ["--report", "sarif=out dir/x.sarif"]
    assert output == "sarif-file=out dir/x.sarif\n"


def test_action_that_uploads_writes_sarif_somewhere(tmp_path: Path) -> None:
    _, arguments, output = run_check_step(tmp_path, upload_sarif="true", summary="false")
    assert arguments[4] == f"sarif={tmp_path}/lintloss.sarif"
    assert output == f"sarif-file={tmp_path}/lintloss.sarif\n"


def test_action_pastes_no_input_into_a_script() -> None:
    assert not [step for step in read("action.yml")["runs"]["steps"] if "${{" in step.get("run", "")]
