"""Over files: the same findings whatever the number of processes, remembered exactly as long as they hold."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lintloss.command.options import Options
from lintloss.command.session import Session
from lintloss.findings import Confidence, Evidence, Finding, Severity, Span
from lintloss.pool import can_fork, over_processes, shares
from lintloss.result import Result
from lintloss.sweep import Sweep, gather
from lintloss.wire import flatten, restore

pytestmark = pytest.mark.usefixtures("stand_in")
BAD = "loss = total / count\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sweep(**options: object) -> Sweep:
    session = Session(Options(**options))  # type: ignore[arg-type]
    return session.sweep(session.discover().sources)


def rows(found: Sweep) -> list[tuple[str, int, str]]:
    return [(each.path, each.span.row, each.code) for each in found.findings]


def many(root: Path, count: int = 12) -> None:
    for number in range(count):
        (root / f"f{number:02}.py").write_text("x = 1\n" * number + BAD)


@pytest.mark.skipif(not can_fork(), reason="no fork on this platform")
def test_the_number_of_processes_changes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintloss.sweep.FORK_BYTES", 1)
    many(root)
    (root / "plain.py").write_text("x = 1\n")
    (root / "broken.py").write_text("loss = (\n")
    (root / "crash.py").write_text("loss = Crash\n")
    alone, together = sweep(jobs=1, no_cache=True), sweep(jobs=3, no_cache=True)
    assert rows(alone) == rows(together)
    assert len(rows(alone)) == 13
    assert list(map(str, alone.errors)) == list(map(str, together.errors))
    assert alone.screened == together.screened


@pytest.mark.skipif(not can_fork(), reason="no fork on this platform")
def test_a_process_that_dies_takes_one_file_with_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many(root)
    here = os.getpid()

    def work(path: str) -> tuple[str]:
        if path == "f03.py" and os.getpid() != here:
            os._exit(9)
        return (path,)

    done = over_processes(work, [["f00.py"], ["f01.py", "f03.py", "f04.py", "f05.py"]])
    assert done == {
        "f00.py": ("f00.py",),
        "f01.py": ("f01.py",),
        "f03.py": None,
        "f04.py": ("f04.py",),
        "f05.py": ("f05.py",),
    }


def test_shares_weigh_about_the_same() -> None:
    dealt = shares([(5, "a"), (1, "b"), (4, "c"), (2, "d")], 2)
    assert dealt == [["a", "b"], ["c", "d"]]
    assert shares([(1, "a")], 4) == [["a"]]


def test_a_result_survives_the_wire(root: Path) -> None:
    session = Session(Options())
    engine = session.engine_of(str(root))
    result = engine.check_bytes("a.py", b"loss = total / count\ny = total / count # lintloss: ignore[AC101] x\n")
    assert result.findings and result.suppressed
    assert restore(flatten(result)) == result


@pytest.fixture
def looked_into(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record which files the engine checks."""
    from lintloss.engine import Engine

    seen: list[str] = []
    check: Callable[..., object] = Engine.check

    def record(self: Engine, path: str, **options: bool) -> object:
        seen.append(path)
        return check(self, path, **options)

    monkeypatch.setattr(Engine, "check", record)
    return seen


def test_what_did_not_change_is_not_looked_into_again(root: Path, looked_into: list[str]) -> None:
    (root / "a.py").write_text(BAD)
    (root / "b.py").write_text("x = 1\n")
    first = sweep()
    assert looked_into == ["a.py", "b.py"]
    looked_into.clear()
    second = sweep()
    assert looked_into == []
    assert (second.findings, second.screened) == (first.findings, first.screened)


def test_the_cache_folder_keeps_itself_out_of_git_and_backups(root: Path) -> None:
    (root / "a.py").write_text(BAD)
    sweep()
    assert (root / ".lintloss_cache" / ".gitignore").read_text() == "*\n"
    assert (root / ".lintloss_cache" / "CACHEDIR.TAG").exists()


def test_a_new_time_with_the_same_bytes_is_no_change(root: Path, looked_into: list[str]) -> None:
    (root / "a.py").write_text(BAD)
    sweep()
    looked_into.clear()
    os.utime(root / "a.py", (1, 1))
    assert rows(sweep()) == [("a.py", 1, "AC101")]
    assert looked_into == []


def test_new_bytes_are_looked_into(root: Path, looked_into: list[str]) -> None:
    (root / "a.py").write_text(BAD)
    sweep()
    looked_into.clear()
    (root / "a.py").write_text("\n" + BAD)
    assert rows(sweep()) == [("a.py", 2, "AC101")]
    assert looked_into == ["a.py"]


def test_an_imported_file_that_changes_or_goes_changes_the_result(root: Path, looked_into: list[str]) -> None:
    (root / "a.py").write_text("from helper import f\n" + BAD)
    (root / "helper.py").write_text("x = 1\n")
    (root / "other.py").write_text("x = 1\n")
    sweep()
    for change in (lambda: (root / "helper.py").write_text("x = 2\n"), (root / "helper.py").unlink):
        looked_into.clear()
        change()
        sweep()
        assert "a.py" in looked_into
        assert "other.py" not in looked_into
    looked_into.clear()
    sweep()
    assert looked_into == []


def test_an_import_that_could_not_be_followed_can_be_once_its_file_is_there(root: Path, looked_into: list[str]) -> None:
    (root / "pkg").mkdir()
    (root / "pkg" / "a.py").write_text("from helper import f\nfrom pkg.deep.data import g\n" + BAD)
    sweep()
    for new in ("helper.py", "pkg/helper.py", "pkg/deep/data.py"):
        (root / new).parent.mkdir(exist_ok=True)
        (root / new).write_text("x = 1\n")
        looked_into.clear()
        sweep()
        assert "pkg/a.py" in looked_into, new
    (root / "notes.txt").write_text("no module")
    looked_into.clear()
    sweep()
    assert looked_into == []


def test_a_file_that_was_checked_before_its_importer_is_a_dependency_too(root: Path, looked_into: list[str]) -> None:
    (root / "a_helper.py").write_text("loss = 1\n")
    (root / "b.py").write_text("from a_helper import loss\n" + BAD)
    (root / "c.py").write_text(BAD)
    sweep()
    looked_into.clear()
    (root / "a_helper.py").write_text("loss = 2\n")
    sweep()
    assert looked_into == ["a_helper.py", "b.py"]


def test_configuration_and_rules_are_part_of_the_key(root: Path, looked_into: list[str], acme: Path) -> None:
    (root / "a.py").write_text(BAD)
    sweep()
    assert rows(sweep(ignore=("AC101",))) == []
    assert rows(sweep()) == [("a.py", 1, "AC101")]
    looked_into.clear()
    rule = acme / "acme_rules" / "ac101_total_by_count.py"
    rule.write_text(rule.read_text() + "\n# changed\n")
    sweep()
    assert looked_into == ["a.py"]


def test_a_result_with_an_error_is_tried_again(root: Path, looked_into: list[str]) -> None:
    (root / "a.py").write_text("loss = Crash\n")
    sweep()
    looked_into.clear()
    assert len(sweep().errors) == 1
    assert looked_into == ["a.py"]


@pytest.mark.parametrize("junk", [b"", b"junk", b"\xfb" * 100])
def test_a_damaged_cache_is_as_good_as_none(root: Path, junk: bytes) -> None:
    (root / "a.py").write_text(BAD)
    sweep()
    for path in (root / ".lintloss_cache").iterdir():
        if path.suffix == "" and not path.name.startswith("."):
            path.write_bytes(junk)
    assert rows(sweep()) == [("a.py", 1, "AC101")]


def test_a_cache_that_cannot_be_written_is_done_without(root: Path) -> None:
    (root / "a.py").write_text(BAD)
    (root / "taken").write_text("a file where the folder was to be")
    assert rows(sweep(cache_dir=str(root / "taken"))) == [("a.py", 1, "AC101")]


def test_small_trees_are_parsed_in_full_and_large_ones_are_not(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "broken.py").write_text("def f(:\n")
    assert rows(sweep(no_cache=True)) == [("broken.py", 1, "LL001")]
    monkeypatch.setattr("lintloss.sweep.SYNTAX_BYTES", 1)
    assert rows(sweep(no_cache=True)) == []
    assert rows(sweep(no_cache=True, paths=("broken.py",))) == [("broken.py", 1, "LL001")]


def test_fifty_thousand_generated_rows(root: Path) -> None:
    (root / "generated.py").write_text("".join(f"loss_{row} = {row}\n" for row in range(50_000)) + BAD)
    (root / "a.py").write_text(BAD)
    assert rows(sweep(no_cache=True)) == [("a.py", 1, "AC101"), ("generated.py", 50_001, "AC101")]


HELPER = Span(9, 5, 9, 40)


def said(path: str, span: Span, *links: tuple[str, Span], code: str = "AC101", severity: int = 2) -> Finding:
    evidence = tuple(Evidence(where, place, "divided here") for where, place in links)
    return Finding(path, code, "total-by-count", span, "", Severity(severity), Confidence.HIGH, evidence)


def in_files(*findings: Finding, suppressed: tuple[Finding, ...] = ()) -> list[str]:
    paths = {each.path for each in (*findings, *suppressed)}
    return [
        each.path
        for each in gather(
            Result(
                path,
                tuple(one for one in findings if one.path == path),
                tuple(one for one in suppressed if one.path == path),
            )
            for path in paths
        ).findings
    ]


def test_what_a_caller_repeats_of_its_helper_is_said_once() -> None:
    origin = said("helper.py", HELPER, ("helper.py", HELPER))
    echo = said("main.py", Span(3, 1, 3, 20), ("helper.py", Span(9, 1, 9, 60)))
    assert in_files(origin, echo) == ["helper.py"]
    assert in_files(echo) == ["main.py"]
    assert in_files(echo, suppressed=(origin,)) == []
    chain = ("helper.py", Span(4, 1, 4, 60))
    assert in_files(said("helper.py", HELPER, chain), said("main.py", Span(3, 1, 3, 20), chain)) == ["helper.py"]


@pytest.mark.parametrize(
    "other",
    [
        said("main.py", Span(3, 1, 3, 20), ("helper.py", Span(4, 1, 4, 60))),
        said("main.py", Span(3, 1, 3, 20), ("helper.py", HELPER), code="AC102"),
        said("main.py", Span(3, 1, 3, 20), ("helper.py", HELPER), severity=3),
        said("helper.py", Span(3, 1, 3, 20), ("helper.py", HELPER)),
    ],
    ids=["rests on another place", "another rule", "worse as it is called", "the same file"],
)
def test_what_a_caller_adds_is_no_echo(other: Finding) -> None:
    assert sorted(in_files(said("helper.py", HELPER), other)) == sorted(["helper.py", other.path])
