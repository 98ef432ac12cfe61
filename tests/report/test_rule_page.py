"""A rule's page says what its docstring and examples say, in text, Markdown, JSON and the catalog."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from lintloss.findings import Fix, Severity
from lintloss.report.rule_page import as_json, as_markdown, as_text, catalog, page, render_pages
from lintloss.rule import Bad, Good, Rule


class BatchAveraged(Rule):
    """Per-batch mean losses are averaged
    with equal weight.

    More that the summary leaves out.

    Why:
        A short batch counts as much as a long one.

        Perplexity is off, too.
    Instead: sum the loss and the tokens, then divide.
    Fix:
        Unsafe: the number changes.
    Source:
        torch.nn.functional.cross_entropy, reduction="mean".
    """

    code: ClassVar[str] = "LL901"
    name: ClassVar[str] = "sample-averaged-loss"
    confirmed_by: ClassVar[str] = "reported against token-weighted"
    bad: ClassVar[tuple[Bad, ...]] = (
        Bad("total / n  # <-\n", why="batches | weigh the same", fixed="total / tokens\n"),
        Bad("sum(xs) / len(xs)  # <-\n", why="a list", files={"m.py": "xs = []\n"}),
        Bad("x  # <-\n", why="unequal", severity=Severity.ERROR),
    )
    good: ClassVar[tuple[Good, ...]] = (Good("total / tokens\n", why="weighted by tokens"),)

    def fix(self, node: Any, seen: Any, scope: Any) -> Fix | None:
        return None


class Underlined(Rule):
    """Count one thing once | or twice.

    Why
    ---
    Because.

    ## Source
    A paper.
    """

    code: ClassVar[str] = "LL902"
    name: ClassVar[str] = "sample-underlined"
    enabled: ClassVar[bool] = False
    confirmed_by: ClassVar[str] = ""
    bad: ClassVar[tuple[Bad, ...]] = ()
    good: ClassVar[tuple[Good, ...]] = ()


class ByHand(BatchAveraged):
    """Promise a repaired text that no fix makes.

    Why: it shows what to write.
    """

    fix = Rule.fix


def test_rule_that_makes_no_fix_is_not_fixable_whatever_its_examples_show() -> None:
    shown = page(ByHand)
    assert not shown.fixable
    assert "Repaired by hand:" in as_text(shown) and "After the fix:" not in as_text(shown)
    assert "After the fix:" in as_text(page(BatchAveraged))


def test_sections_of_the_docstring() -> None:
    shown = page(BatchAveraged)
    assert shown.summary == "Per-batch mean losses are averaged with equal weight."
    assert shown.why == "A short batch counts as much as a long one.\n\nPerplexity is off, too."
    assert shown.instead == "sum the loss and the tokens, then divide."
    assert shown.fix == "Unsafe: the number changes."
    assert shown.source == 'torch.nn.functional.cross_entropy, reduction="mean".'


def test_headings_may_be_underlined_or_marked() -> None:
    shown = page(Underlined)
    assert (shown.summary, shown.why, shown.source) == ("Count one thing once | or twice.", "Because.", "A paper.")


def test_severity_and_fixability_come_from_the_examples() -> None:
    shown = page(BatchAveraged)
    assert (shown.severity, shown.fixable) == (Severity.WARNING, True)
    assert page(Underlined).fixable is False


def test_text_page(snapshot: Callable[[str, str], None]) -> None:
    snapshot("rule.txt", as_text(page(BatchAveraged)))


def test_catalog(snapshot: Callable[[str, str], None]) -> None:
    snapshot("catalog.md", catalog([Underlined, BatchAveraged]))


def test_json_page_holds_the_examples() -> None:
    shown = json.loads(render_pages([page(BatchAveraged)], "json"))
    assert shown == json.loads(json.dumps(as_json(page(BatchAveraged))))
    assert shown["bad"][1]["files"] == {"m.py": "xs = []\n"}
    assert shown["bad"][0]["fixed"] == "total / tokens\n"


def test_all_pages_as_json_are_a_list() -> None:
    assert [one["code"] for one in json.loads(render_pages([page(BatchAveraged), page(Underlined)], "json"))] == [
        "LL901",
        "LL902",
    ]


@pytest.mark.parametrize("output_format", ["text", "markdown"])
def test_mark_of_examples_is_spelled_out(output_format: str) -> None:
    shown = render_pages([page(BatchAveraged)], output_format)
    assert "# <- reported" in shown
    assert "with" in shown
    assert "m.py" in shown


def test_examples_can_be_capped() -> None:
    shown = as_markdown(page(BatchAveraged), examples=1)
    assert shown.count("Reported:") == 1
    assert shown.count("Not reported:") == 1
