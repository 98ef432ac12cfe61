"""Packs are found by their entry points and listed by file name; selectors choose the narrower way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lintloss.errors import LintlossError, UsageError
from lintloss.registry import Entry, choose, entries, known, packs

RULES = tuple(
    Entry(code, name, f"pack.{code.lower()}", "")
    for code, name in [
        ("LL001", "syntax-error"),
        ("LL101", "batch-averaged-loss"),
        ("LL102", "wrong-normalizer"),
        ("LL106", "accumulation-averaged-loss"),
        ("LL201", "non-cross-entropy-criterion"),
    ]
)


def chosen(select: str = "", extend: str = "", ignore: str = "") -> list[str]:
    choice = choose(RULES, select=select.split(), extend=extend.split(), ignore=ignore.split())
    return [each.code for each in RULES if each.code in choice]


@pytest.mark.parametrize(
    ("select", "extend", "ignore", "codes"),
    [
        ("", "", "", ["LL001", "LL101", "LL102", "LL106", "LL201"]),
        ("LL1", "", "", ["LL101", "LL102", "LL106"]),
        ("ll1", "", "", ["LL101", "LL102", "LL106"]),
        ("LL101", "", "", ["LL101"]),
        ("batch-averaged-loss", "", "", ["LL101"]),
        ("LL2", "LL101", "", ["LL101", "LL201"]),
        ("", "", "LL1", ["LL001", "LL201"]),
        ("LL1", "", "LL101", ["LL102", "LL106"]),
        ("LL101", "", "LL1", ["LL101"]),
        ("ALL", "", "LL1 LL2", ["LL001"]),
        ("", "LL101", "LL1", ["LL001", "LL101", "LL201"]),
        ("LL101", "", "LL101", []),
    ],
)
def test_the_narrower_selector_decides(select: str, extend: str, ignore: str, codes: list[str]) -> None:
    assert chosen(select, extend, ignore) == codes


def test_only_a_name_or_all_asks_for_a_rule_that_is_off() -> None:
    assert choose(RULES, select=["LL106"]).asked == {"LL106"}
    assert "LL106" in choose(RULES, select=["ALL"]).asked
    assert choose(RULES, select=["LL1"]).asked == set()
    assert choose(RULES, select=[], extend=["accumulation-averaged-loss"]).asked == {"LL106"}


@pytest.mark.parametrize(
    ("selector", "hint"),
    [("LL110", "did you mean `LL1"), ("batch-average-loss", "did you mean `batch-averaged-loss`?"), ("", "--all")],
)
def test_a_selector_that_fits_nothing_is_an_error(selector: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose(RULES, select=[selector])
    assert hint in str(caught.value)


def test_built_in_rules_keep_the_promise_of_their_file_names() -> None:
    for entry in entries():
        rule = entry.load()
        assert (rule.code, rule.name) == (entry.code, entry.name)


def test_listing_a_pack_imports_none_of_its_rules() -> None:
    before = {name for name in sys.modules if name.startswith("lintloss_rules.")}
    assert entries()
    assert {name for name in sys.modules if name.startswith("lintloss_rules.")} == before


def test_a_third_party_pack_is_found_by_its_entry_point(acme: Path) -> None:
    assert packs() == ("lintloss_rules", "acme_rules")
    found = {entry.code: entry.name for entry in entries()}
    assert (found["AC101"], found["AC102"]) == ("total-by-count", "any-division")
    assert known(entries())["total-by-count"] == "AC101"


def test_a_rule_that_does_not_import_is_named(acme: Path) -> None:
    (acme / "acme_rules" / "ac103_broken.py").write_text("import nowhere_to_be_found")
    broken = next(entry for entry in entries() if entry.code == "AC103")
    with pytest.raises(LintlossError, match="AC103 cannot be loaded") as caught:
        broken.load()
    assert caught.value.where.endswith("ac103_broken.py")


def test_a_file_without_a_rule_is_named(acme: Path) -> None:
    (acme / "acme_rules" / "ac104_empty.py").write_text("")
    with pytest.raises(LintlossError, match="defines one Rule, this one 0"):
        next(entry for entry in entries() if entry.code == "AC104").load()


def test_two_rules_of_one_code_are_an_error(acme: Path) -> None:
    (acme / "acme_rules" / "ll001_again.py").write_text("")
    with pytest.raises(LintlossError, match="two rules are called LL001"):
        entries()


def test_a_pack_that_is_gone_is_named(acme: Path) -> None:
    (acme / "acme-1.0.dist-info" / "entry_points.txt").write_text("[lintloss.rules]\ngone = gone_rules\n")
    with pytest.raises(LintlossError, match="gone_rules cannot be imported"):
        entries()
