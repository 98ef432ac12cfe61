"""What a clean commit costs: which modules a run loads, and that the quick way says what the full one would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lintloss import cli
from lintloss.command.arguments import FLAGS, parse
from lintloss.errors import UsageError
from tests.command import ROOT, run

BANNED = (
    "libcst",
    "typer",
    "rich",
    "importlib.metadata",
    "asyncio",
    "torch",
    "pathlib",
    "json",
    "argparse",
    "pathspec",
)
HEAVY = ("dataclasses", "inspect", "ast", "enum", "typing", "re", "hashlib", "lintloss.config", "lintloss.findings")
SCRIPT = "import sys, lintloss.__main__ as m; code = m.run(sys.argv[1:]); print(code, *sorted(sys.modules))"


def loaded(folder: Path, *words: str) -> tuple[int, set[str]]:
    """Run a command in a process of its own; return its exit code and the modules that it loaded."""
    bare = subprocess.run(
        [sys.executable, "-S", "-c", SCRIPT, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'rules'}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    code, *modules = bare.stdout.splitlines()[-1].split()
    return int(code), set(modules)


@pytest.mark.parametrize("words", [["check", "a.py"], ["check"], ["check", ".", "--no-cache", "--quiet"]])
def test_a_clean_file_loads_none_of_the_program(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "a.py").write_text("def f(x):\n    return x + 1\n")
    code, modules = loaded(tmp_path, *words)
    assert code == 0
    assert not modules & {*BANNED, *HEAVY}


def test_evaluation_code_without_a_suspicion_loads_no_heavy_library(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f(loss):\n    return loss\n")
    code, modules = loaded(tmp_path, "check", "a.py", "--no-cache")
    assert code == 0
    assert not modules & {"libcst", "typer", "rich", "importlib.metadata", "asyncio", "torch", "argparse"}


def test_the_quick_way_says_what_the_full_one_says(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b.py").write_text("")
    quick, full = run(tmp_path, "check"), run(tmp_path, "check", "--jobs", "1", "--no-cache")
    assert (quick.returncode, quick.stdout, quick.stderr) == (full.returncode, full.stdout, full.stderr)
    assert quick.stderr == "No findings in 2 files (2 screened out).\n"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.py", b"def f(:\n"),
        ("a.py", b"x = '\0'\n"),
        ("a.py", b"x = '\xe9'\n"),
        ("a.py", b"x = 1  # noqa: LL001\n"),
        ("a.ipynb", b"not json"),
    ],
)
def test_the_quick_way_leaves_the_rest_to_the_full_one(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    assert run(tmp_path, "check").returncode == 1


def test_the_quick_way_gives_way_to_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "lintloss.toml").write_text("bogus = 1\n")
    done = run(tmp_path, "check")
    assert done.returncode == 2
    assert "unknown key `bogus`" in done.stderr


PYPROJECT = '[project]\nname = "app"\noptional-dependencies.dev = ["lintloss[server]>=0.1", "lintloss"]\n'


def test_the_quick_way_stays_open_where_lintloss_is_only_a_dependency(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    code, modules = loaded(tmp_path, "check")
    assert code == 0
    assert not modules & {*BANNED, *HEAVY}


@pytest.mark.parametrize("table", ["[tool.lintloss]\n", '[ tool . "lintloss" ]\n', "[tool]\nlintloss.select = []\n"])
def test_the_quick_way_gives_way_to_a_table_however_it_is_spelled(tmp_path: Path, table: str) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "pyproject.toml").write_text(table)
    assert "lintloss.config" in loaded(tmp_path, "check")[1]
    code, modules = loaded(tmp_path, "check", "--isolated")
    assert code == 0
    assert not modules & {*BANNED, *HEAVY}


def test_a_format_for_ci_is_chosen_even_when_clean(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    assert json.loads(run(tmp_path, "check", GITLAB_CI="true").stdout) == []


def test_help_lists_check_with_every_flag() -> None:
    done = run(Path.cwd(), "check", "--help", COLUMNS="200", TERM="dumb", NO_COLOR="1")
    assert done.returncode == 0
    for flag in FLAGS:
        assert flag in done.stdout, flag
    assert all(word in run(Path.cwd(), "--help", NO_COLOR="1").stdout for word in ("check", "rule", "config", "clean"))


def test_typer_knows_the_same_fields_as_the_parser_by_hand() -> None:
    command = next(each for each in cli.app.registered_commands if each.name == "check")
    assert command.callback is not None
    known = {name for name in command.callback.__annotations__ if name not in ("return", "paths")}
    assert known == set(FLAGS.values()) - {"no_respect_gitignore"}


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(flag: str) -> None:
    assert run(Path.cwd(), flag).stdout == "lintloss 0.1.0\n"


def test_words_are_told_apart() -> None:
    words = ["a.py", "--select", "LL1,LL2", "--select=LL3", "-j4", "--fix", "--report", "sarif=o", "-q"]
    words += ["--add-ignores=why", "--", "--odd.py"]
    found = parse(words)
    assert found.paths == ["a.py", "--odd.py"]
    assert found.given == {
        "select": ["LL1", "LL2", "LL3"],
        "jobs": "4",
        "fix": True,
        "report": ["sarif=o"],
        "quiet": True,
        "add_ignores": "why",
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--selct", "LL1"], "no option --selct (did you mean --select?)"),
        (["--select"], "--select needs a value"),
        (["--fix=1"], "--fix takes no value"),
        (["-x"], "no option -x"),
        (["@nowhere.txt"], "cannot read this file of arguments"),
    ],
)
def test_wrong_words_say_what_is_right(words: list[str], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert says in str(caught.value)


def test_arguments_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "args.txt").write_text("--select\nLL1\n\na b.py\n")
    (tmp_path / "@odd.py").write_text("")
    found = parse(["@args.txt", "@odd.py"])
    assert (found.paths, found.given) == (["a b.py", "@odd.py"], {"select": ["LL1"]})


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["check", "--jobs", "none"], "--jobs is a number"),
        (["check", "--min-severity", "bad"], "--min-severity is one of note, warning, error"),
        (["check", "--report", "sarif"], "--report is FORMAT=FILE"),
        (["check", "--select", "LL9"], "no rule fits `LL9`"),
        (["check", "--output-format", "xml"], "no output format 'xml'"),
        (["check", "--baseline", "gone.json"], "cannot read this baseline"),
        (["check", "-", "a.py"], "stands alone"),
        (["check", "--config", "gone.toml"], "cannot read this configuration"),
        (["rule", "LL9999"], "no rule fits `LL9999`"),
        (["rule"], "which rule?"),
        (["chekc"], "chekc"),
        (["rule", "--nope"], "nope"),
    ],
)
def test_usage_errors_exit_2_on_stderr(tmp_path: Path, words: list[str], says: str) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    done = run(tmp_path, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_pages_configuration_and_cleaning(tmp_path: Path) -> None:
    assert "syntax-error" in run(tmp_path, "rule", "LL001").stdout
    assert "LL002" in run(tmp_path, "rule", "--all").stdout
    pages = json.loads(run(tmp_path, "rule", "--all", "--output-format", "json").stdout)
    assert {"LL001", "LL002", "LL003"} <= {page["code"] for page in pages}
    (tmp_path / "lintloss.toml").write_text("select = ['LL1']\n")
    assert 'select = ["LL1"]  # set' in run(tmp_path, "config").stdout
    assert json.loads(run(tmp_path, "config", "--schema").stdout)["title"] == "lintloss"
    (tmp_path / ".lintloss_cache").mkdir()
    assert run(tmp_path, "clean").returncode == 0
    assert not (tmp_path / ".lintloss_cache").exists()
