"""`lintloss check` as a person meets it: exit codes, what is printed where, fixes, baseline, standard input."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from lintloss.__main__ import run

pytestmark = pytest.mark.usefixtures("stand_in")
BAD = "loss = total / count\n"
SAFE = "loss = total / count_safe\n"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "FORCE_COLOR", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


Out = pytest.CaptureFixture[str]


def test_findings_on_stdout_summary_on_stderr_exit_1(root: Path, capsys: Out) -> None:
    (root / "a.py").write_text(BAD)
    assert run(["check"]) == 1
    out = capsys.readouterr()
    assert out.out == "a.py:1:8: AC101 `total` is divided by `count`\n"
    assert out.err.startswith("Found 1 finding (1 warning) in 1 file.")


def test_notes_are_hidden_counted_and_never_fail(root: Path, capsys: Out) -> None:
    (root / "a.py").write_text("loss = total / exact\n")
    assert run(["check"]) == 0
    out = capsys.readouterr()
    assert out.out == ""
    assert "1 below the least severity or confidence" in out.err
    assert run(["check", "--min-severity", "note"]) == 0
    assert "AC101" in capsys.readouterr().out


def test_least_severity_and_confidence_hide_and_decide(root: Path, capsys: Out) -> None:
    (root / "a.py").write_text(BAD)
    assert run(["check", "--min-severity", "error"]) == 0
    assert run(["check", "--min-confidence", "high"]) == 0
    assert run(["check", "--min-confidence", "medium"]) == 1


def test_exit_zero(root: Path, capsys: Out) -> None:
    (root / "a.py").write_text(BAD)
    assert run(["check", "--exit-zero"]) == 0
    assert "AC101" in capsys.readouterr().out


def test_bad_input_of_every_kind_gets_its_due_and_the_rest_is_checked(root: Path, capsys: Out) -> None:
    (root / "syntax.py").write_text("def f(:\n")
    (root / "null.py").write_bytes(b"x = 1\0\n")
    (root / "latin.py").write_bytes(b"x = '\xe9'\n")
    (root / "declared.py").write_bytes(b"# coding: latin-1\nloss = '\xe9', total / count\n")
    (root / "two.py").write_text('print "loss"\n')
    (root / "dangling.py").symlink_to("nowhere.py")
    (root / "folder.py").mkdir()
    (root / "loop").symlink_to(".")
    (root / "empty").mkdir()
    (root / "empty.py").write_text("")
    (root / "good.py").write_text(BAD)
    assert run(["check", ".", "missing.py"]) == 2
    out = capsys.readouterr()
    found = [line.split(":")[0] + line.split(":")[3][:6] for line in out.out.splitlines()]
    assert found == [
        "declared.py AC101",
        "good.py AC101",
        "latin.py LL001",
        "null.py LL001",
        "syntax.py LL001",
        "two.py LL001",
    ]
    assert "missing.py: no such file or folder" in out.err
    assert "dangling.py: cannot be read" in out.err


def test_internal_error_exits_2_names_rule_and_file_and_goes_on(root: Path, capsys: Out) -> None:
    (root / "a.py").write_text("loss = total / explode\n")
    (root / "b.py").write_text(BAD)
    assert run(["check", "--exit-zero"]) == 2
    out = capsys.readouterr()
    assert "b.py:1:8: AC101" in out.out
    assert "a.py: rule AC101 failed with ZeroDivisionError" in out.err
    assert "report it" in out.err


def test_empty_folder_says_so_and_pre_commit_is_quiet(root: Path, capsys: Out) -> None:
    assert run(["check", "."]) == 0
    assert "no Python files or notebooks in ." in capsys.readouterr().err
    (root / "README.md").write_text("# loss")
    assert run(["check", "--force-exclude", "--quiet", "README.md"]) == 0
    assert capsys.readouterr() == ("", "")


def test_several_reports_and_an_output_file(root: Path, capsys: Out) -> None:
    (root / "a.py").write_text(BAD)
    words = [
        "--output-format",
        "json",
        "--output-file",
        "out/f.json",
        "--report",
        "sarif=f.sarif",
        "--report",
        "junit=j.xml",
    ]
    assert run(["check", *words]) == 1
    assert capsys.readouterr().out == ""
    assert [each["code"] for each in json.loads((root / "out" / "f.json").read_text())] == ["AC101"]
    assert json.loads((root / "f.sarif").read_text())["runs"][0]["results"][0]["ruleId"] == "AC101"
    assert "<testsuites" in (root / "j.xml").read_text()


def test_json_is_an_empty_list_when_clean(root: Path, capsys: Out) -> None:
    (root / "a.py").write_text("loss = 1\n")
    assert run(["check", "--output-format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_statistics_and_show_files(root: Path, capsys: Out) -> None:
    (root / "a.py").write_text(BAD * 2)
    (root / "b.py").write_text("x = (\n")
    assert run(["check", "--statistics"]) == 1
    assert capsys.readouterr().out == "2 AC101 total-by-count [2 fixable]\n1 LL001 syntax-error\n"
    assert run(["check", "--show-files"]) == 0
    assert capsys.readouterr().out == "a.py\nb.py\n"


def test_configuration_nearest_to_each_file(root: Path, capsys: Out) -> None:
    for folder in ("one", "two"):
        (root / folder).mkdir()
        (root / folder / "a.py").write_text(BAD)
    (root / "two" / "lintloss.toml").write_text("ignore = ['AC101']\n")
    run(["check"])
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["one/a.py"]


def test_per_file_ignores_by_pattern_and_folder(root: Path, capsys: Out) -> None:
    (root / "tests").mkdir()
    (root / "tests" / "a.py").write_text(BAD)
    (root / "b.py").write_text(BAD)
    for pattern in ("tests", "tests/*", "tests/**", "**/a.py", "a.py"):
        run(["check", "--per-file-ignores", f"{pattern}:AC1"])
        assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["b.py"], pattern
    assert run(["check", "--per-file-ignores", "tests:AC9"]) == 2


def test_fix_applies_safe_fixes_only_and_reports_what_is_left(root: Path, capsys: Out) -> None:
    (root / "a.py").write_text(SAFE + BAD)
    assert run(["check", "--fix"]) == 1
    assert (root / "a.py").read_text() == "loss = total / tokens\n" + BAD
    assert run(["check", "--fix", "--unsafe-fixes", "--select", "LL"]) == 0


def test_fix_of_everything_exits_0_unless_asked(root: Path, capsys: Out) -> None:
    text = "loss = 1  # lintloss: ignore[AC101] old\n"
    (root / "a.py").write_text(text)
    assert run(["check", "--fix"]) == 0
    assert (root / "a.py").read_text() == "loss = 1\n"
    (root / "a.py").write_text(text)
    assert run(["check", "--fix", "--exit-non-zero-on-fix"]) == 1


def test_diff_changes_nothing(root: Path, capsys: Out) -> None:
    (root / "a.py").write_text(SAFE)
    assert run(["check", "--diff"]) == 1
    assert "+loss = total / tokens\n" in capsys.readouterr().out
    assert (root / "a.py").read_text() == SAFE


def test_fix_keeps_the_encoding_and_the_line_endings(root: Path, capsys: Out) -> None:
    before = b"# coding: latin-1\r\nloss = '\xe9', total / count_safe\r\n"
    (root / "a.py").write_bytes(before)
    run(["check", "--fix"])
    assert (root / "a.py").read_bytes() == before.replace(b"count_safe", b"tokens")


def test_add_ignores_writes_comments_that_work(root: Path, capsys: Out) -> None:
    (root / "a.py").write_text(BAD)
    assert run(["check", "--add-ignores=all blocks are full"]) == 0
    assert (root / "a.py").read_text() == "loss = total / count  # lintloss: ignore[AC101] all blocks are full\n"
    assert run(["check"]) == 0


def test_baseline_hides_what_it_knows(root: Path, capsys: Out) -> None:
    (root / "a.py").write_text(BAD)
    assert run(["check", "--write-baseline", "base.json"]) == 0
    assert run(["check", "--baseline", "base.json"]) == 0
    (root / "a.py").write_text("\n\n" + BAD + "new_loss = total / count\n")
    capsys.readouterr()
    assert run(["check", "--baseline", "base.json"]) == 1
    assert [line.split(":")[1] for line in capsys.readouterr().out.splitlines()] == ["4"]


class Bytes(io.StringIO):
    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.buffer = io.BytesIO(data)


def test_standard_input_has_the_name_it_is_given(root: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Bytes(BAD.encode()))
    assert run(["check", "-", "--stdin-filename", "src/x.py"]) == 1
    assert capsys.readouterr().out.startswith("src/x.py:1:8: AC101")


def test_standard_input_is_fixed_to_standard_output(
    root: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Bytes(SAFE.encode()))
    assert run(["check", "-", "--fix"]) == 0
    assert capfdbinary.readouterr().out == b"loss = total / tokens\n"


def test_verbose_says_why_files_were_not_looked_into(root: Path, capsys: Out) -> None:
    (root / "a.py").write_text("x = 1\n")
    run(["check", "--verbose"])
    assert "not looked into: a.py: no loss, perplexity or loader word in it" in capsys.readouterr().err


def test_watch_notices_a_change(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    from lintloss.command import watch
    from lintloss.command.options import Options

    (root / "a.py").write_text(BAD)
    codes = [1, 0]
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            os.utime(root / "a.py", ns=(1, 1))
        if len(pauses) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", pause)
    assert watch.watch(Options(), lambda: codes.pop(0)) == 0
    assert codes == []
