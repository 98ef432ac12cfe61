"""Configuration: found nearest to the file, extended, overridden; each bad key is one error that helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lintloss.config import KEYS, Config, Configurations, load
from lintloss.config_files import Nearest, speaks_of_lintloss
from lintloss.config_schema import schema
from lintloss.errors import ConfigError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_nearest_file_wins_and_a_pyproject_without_our_table_is_passed_over(root: Path) -> None:
    far = write(root / "pyproject.toml", "[tool.lintloss]\nignore = ['LL402']\n")
    write(root / "a" / "pyproject.toml", "[project]\ndependencies = ['lintloss']\n")
    near = write(root / "a" / "b" / "lintloss.toml", "select = ['LL1']\n")
    nearest = Nearest()
    assert nearest.of(str(root / "a")) == far
    assert nearest.of(str(root / "a" / "b" / "c")) == near
    assert Configurations().of(str(root / "a" / "b")).select == ("LL1",)
    assert Configurations().of(str(root / "a")).ignore == ("LL402",)


def test_dotted_name_wins_over_the_others_of_a_folder(root: Path) -> None:
    write(root / "pyproject.toml", "[tool.lintloss]\n")
    write(root / "lintloss.toml", "")
    dotted = write(root / ".lintloss.toml", "")
    assert Nearest().of(str(root)) == dotted


def test_lintloss_toml_may_spell_the_table_too(root: Path) -> None:
    assert load(write(root / "lintloss.toml", "[tool.lintloss]\npedantic = true\n")).pedantic


@pytest.mark.parametrize("text", ["[tool.lintloss]\n", "tool.lintloss.select = []\n", "[tool]\nlintloss = {}\n"])
def test_every_spelling_of_the_table_is_seen(root: Path, text: str) -> None:
    path = write(root / "pyproject.toml", text)
    assert Nearest().of(str(root)) == path
    assert speaks_of_lintloss(str(root / "not" / "there"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("selct = []", "unknown key `selct` (did you mean `select`?)"),
        ("per_file_ignores = {}", "did you mean `per-file-ignores`?"),
        ("zzzzqqq = 1", "keys: select, extend-select"),
        ("select = 'LL1'", "`select` is a list of strings, not 'LL1'"),
        ("pedantic = 1", "`pedantic` is true or false, not 1"),
        ("min-severity = 'bad'", "`min-severity` is one of note, warning, error, not 'bad'"),
        ("per-file-ignores = {a = 'LL1'}", "a table of lists"),
        ("select = [", "not TOML"),
        ("extend = 1", "`extend` is the path"),
        ("extend = 'gone.toml'", "cannot read this configuration"),
    ],
)
def test_each_mistake_is_one_error_that_names_the_file(root: Path, text: str, says: str) -> None:
    path = write(root / "lintloss.toml", text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert says in str(caught.value)
    assert ("gone.toml" if "gone" in text else path) in str(caught.value)


def test_not_utf8_is_an_error(root: Path) -> None:
    (root / "lintloss.toml").write_bytes(b"# \xe9")
    with pytest.raises(ConfigError, match="UTF-8"):
        load(str(root / "lintloss.toml"))


def test_extend_replaces_lists_and_adds_extending_ones(root: Path) -> None:
    write(root / "base.toml", "select=['LL1']\nextend-exclude=['a']\nper-file-ignores={x=['LL1']}\npedantic=true\n")
    path = write(
        root / "sub" / "lintloss.toml",
        "extend='../base.toml'\nselect=['LL2']\nextend-exclude=['b']\nper-file-ignores={y=['LL2']}\n",
    )
    config = load(path)
    assert config.select == ("LL2",)
    assert config.extend_exclude == ("a", "b")
    assert config.per_file_ignores == (("x", ("LL1",)), ("y", ("LL2",)))
    assert config.pedantic
    assert config.root == str(root / "sub")


def test_extend_in_a_circle_is_an_error(root: Path) -> None:
    write(root / "a.toml", "extend='b.toml'")
    write(root / "b.toml", "extend='a.toml'")
    with pytest.raises(ConfigError, match="circle"):
        load(str(root / "a.toml"))


def test_command_line_selection_starts_anew_and_its_ignores_add(root: Path) -> None:
    write(root / "lintloss.toml", "select=['LL1']\nignore=['LL101']\nextend-select=['LL3']\n")
    selected = Configurations(overrides={"select": ["LL2"]}).of(str(root))
    assert (selected.select, selected.ignore, selected.extend_select) == (("LL2",), (), ())
    ignored = Configurations(overrides={"ignore": ["LL4"]}).of(str(root))
    assert (ignored.select, ignored.ignore) == (("LL1",), ("LL101", "LL4"))


def test_config_flag_is_a_file_or_a_key(root: Path) -> None:
    write(root / "lintloss.toml", "ignore=['LL101']\n")
    other = write(root / "other" / "ci.toml", "pedantic=true\n")
    config = Configurations((other, "min-severity = 'error'")).of(str(root))
    assert (config.pedantic, config.min_severity, config.ignore) == (True, "error", ())
    with pytest.raises(ConfigError, match="unknown key `bogus`"):
        Configurations(("bogus = 1",)).of(str(root))
    with pytest.raises(ConfigError, match="one configuration file"):
        Configurations((other, other))


def test_isolated_reads_nothing(root: Path) -> None:
    write(root / "lintloss.toml", "nonsense = [")
    assert Configurations(isolated=True).of(str(root)) == Config(root=str(root))
    with pytest.raises(ConfigError, match="isolated"):
        Configurations((str(root / "lintloss.toml"),), isolated=True)


def test_verify_table_is_kept_as_given(root: Path) -> None:
    path = write(root / "lintloss.toml", "[verify]\nmodel = 'pkg:make'\n[verify.loader]\nsplit = 'test'\n")
    assert load(path).verify == {"model": "pkg:make", "loader": {"split": "test"}}


GOOD: list[dict[str, Any]] = [
    {},
    {"select": ["LL1"], "per-file-ignores": {"tests/*": ["LL101"]}, "verify": {"any": 1}},
    {"extend": "x.toml", "min-confidence": "high", "respect-gitignore": False},
]


def test_schema_accepts_what_we_accept_and_covers_every_key() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    jsonschema.Draft202012Validator.check_schema(schema())
    for table in GOOD:
        validator.validate(table)
    assert set(schema()["properties"]) == {*KEYS, "extend"}
    for bad in ({"selct": []}, {"pedantic": 1}, {"min-severity": "bad"}, {"select": "LL1"}):
        assert not validator.is_valid(bad)
