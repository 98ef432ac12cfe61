"""Suppressions: what each spelling silences, and that no wrong one is ever a blanket."""

from __future__ import annotations

import pytest

from lintloss.comments import has_marks, names_rules, suppressions
from lintloss.findings import Confidence, Finding, Fix, Severity, Span
from lintloss.fix import apply
from lintloss.parse import parse
from lintloss.suppress import Suppression

KNOWN = {"ll101": "LL101", "batch-averaged-loss": "LL101", "ll104": "LL104", "averaged-perplexity": "LL104"}


def read(text: str) -> tuple[Suppression, ...]:
    return suppressions(parse(text.encode(), "a.py"), KNOWN)


def silenced(text: str, code: str = "LL101", rows: tuple[int, int] = (1, 1)) -> bool:
    return any(each.silences(code, rows) for each in read(text))


@pytest.mark.parametrize(
    "comment",
    [
        "# lintloss: ignore[LL101]",
        "# lintloss: ignore[LL101] all blocks are full",
        "#lintloss:ignore[LL101]",
        "# lintloss : ignore [ LL101 ]",
        "# lintloss: ignore[batch-averaged-loss]",
        "# lintloss: ignore[LL104, LL101]",
        "# lintloss: ignore[ll101]",
        "# type: ignore  # lintloss: ignore[LL101]",
        "# lintloss: ignore[LL999, LL101]",
        "# lintloss: ignore-file[LL101]",
        "# noqa",
        "# NOQA",
        "# noqa: LL101",
        "# noqa:LL101",
        "# noqa : E501,LL101",
        "# noqa: E501 LL101",
        "# noqa: LL101 because the blocks are full",
        "# noqa because of reasons",
    ],
)
def test_silences(comment: str) -> None:
    assert silenced(f"x = 1  {comment}\n")


@pytest.mark.parametrize(
    ("comment", "wrong"),
    [
        ("# lintloss: ignore", "names no rule"),
        ("# lintloss: ignore[]", "names no rule"),
        ("# lintloss: ignore-file", "names no rule"),
        ("# lintloss: ignore[LL101", "bracket is not closed"),
        ("# lintloss: ignroe[LL101]", "`ignroe` is neither"),
        ("# lintloss: ignroe", "`ignroe` is neither"),
        ("# lintloss: disable=LL101", "`disable` is neither"),
        ("# lintloss ignore[LL101]", "colon is missing"),
        ("# lintloss: ignore[LL999]", "there is no rule `LL999`"),
        ("# lintloss: ignore[batch-averged-loss]", "did you mean `batch-averaged-loss`?"),
        ("# lintloss: [LL101]", "does not say `ignore`"),
        ("# noqa LL101", "write `# noqa: LL101`"),
    ],
)
def test_wrong_spellings_silence_nothing_and_say_why(comment: str, wrong: str) -> None:
    text = f"x = 1  {comment}\n"
    assert not silenced(text)
    assert not silenced(text, "LL104")
    assert [wrong in each.wrong for each in read(text)] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "# noqa: E501\nx = 1\n",
        "# noqa: because of reasons\nx = 1\n",
        "# noqa E501\nx = 1\n",
        "# lintloss reports this\nx = 1\n",
        "# lintloss: the design\nx = 1\n",
        'x = "# lintloss: ignore[LL101]"\n',
        'x = """\n# noqa: LL101\n"""\n',
        "# lintloss_rules: ignore[LL101]\n",
    ],
)
def test_other_comments_are_none_of_ours(text: str) -> None:
    assert read(text) == ()


def test_any_row_of_the_statement_counts_and_the_row_above() -> None:
    text = "# lintloss: ignore[LL101] why\nx = (\n    1,  # lintloss: ignore[LL104] why\n)\ny = 2\n"
    assert silenced(text, "LL101", (2, 4))
    assert silenced(text, "LL104", (2, 4))
    assert not silenced(text, "LL101", (5, 5))
    assert not silenced(text, "LL104", (5, 5))


def test_a_comment_at_the_end_of_a_row_does_not_speak_for_the_next_one() -> None:
    assert not silenced("x = 1  # lintloss: ignore[LL101]\ny = 2\n", rows=(2, 2))


def test_a_block_of_comments_above_counts_as_one() -> None:
    text = "# lintloss: ignore[LL101] because\n# the blocks are all full\nx = 1\n"
    assert silenced(text, rows=(3, 3))
    assert not silenced("# lintloss: ignore[LL101]\n\nx = 1\n", rows=(3, 3))


def test_a_file_comment_counts_for_every_row_wherever_it_stands() -> None:
    text = "x = 1\n\ny = 2\n# lintloss: ignore-file[LL101] generated\n"
    assert silenced(text, rows=(1, 1))
    assert not silenced(text, "LL104", rows=(1, 1))


def test_unused_are_those_that_silenced_nothing_of_what_was_judged() -> None:
    (each,) = read("x = 1  # lintloss: ignore[LL101, LL104]\n")
    assert each.silences("LL101", (1, 1))
    assert [name.code for name in each.unused({"LL101", "LL104"})] == ["LL104"]
    assert each.unused({"LL101"}) == ()


def test_a_bare_noqa_is_never_unused() -> None:
    (each,) = read("x = 1  # noqa\n")
    assert each.unused({"LL101"}) == ()


@pytest.mark.parametrize(
    ("before", "gone", "after"),
    [
        ("x = 1  # lintloss: ignore[LL101] why\ny = 2\n", ["LL101"], "x = 1\ny = 2\n"),
        ("# lintloss: ignore[LL101] why\nx = 1\n", ["LL101"], "x = 1\n"),
        ("if 1:\n    # lintloss: ignore[LL101]\n    x = 1\n", ["LL101"], "if 1:\n    x = 1\n"),
        ("x = 1  # lintloss: ignore[LL101, LL104]\n", ["LL101"], "x = 1  # lintloss: ignore[LL104]\n"),
        ("x = 1  # lintloss: ignore[LL101, LL104]\n", ["LL104"], "x = 1  # lintloss: ignore[LL101]\n"),
        ("x = 1  # lintloss: ignore[LL101, LL104]\n", ["LL101", "LL104"], "x = 1\n"),
        ("x = 1  # noqa: LL101\n", ["LL101"], "x = 1\n"),
        ("x = 1  # noqa: E501,LL101\n", ["LL101"], "x = 1  # noqa: E501\n"),
        ("x = 1  # noqa: LL101, E501\n", ["LL101"], "x = 1  # noqa: E501\n"),
        ("x = 1  # noqa: E501, LL101, F401\n", ["LL101"], "x = 1  # noqa: E501, F401\n"),
        ("x = 1  # type: ignore  # lintloss: ignore[LL101]\n", ["LL101"], "x = 1  # type: ignore\n"),
        ("x = 1  # lintloss: ignore[LL101]  # noqa: E501\n", ["LL101"], "x = 1  # noqa: E501\n"),
        ("x = 1  # lintloss: ignore[LL101]", ["LL101"], "x = 1"),
        ("x = 'é評'  # lintloss: ignore[LL101]\r\ny = 1\r\n", ["LL101"], "x = 'é評'\r\ny = 1\r\n"),
    ],
)
def test_what_is_unused_can_be_taken_out(before: str, gone: list[str], after: str) -> None:
    for each in read(before):
        names = [name for name in each.named if name.code in gone]
        if names:
            fix = Fix("", (each.without(names),), safe=True)
            finding = Finding("a.py", "LL002", "", Span(1, 1, 1, 1), "", Severity.WARNING, Confidence.HIGH, fix=fix)
            assert apply("a.py", before, [finding]).text == after


def test_cheap_tests_for_marks() -> None:
    assert has_marks("# NOQA") and has_marks("# lintloss")
    assert names_rules("x  # noqa: LL101") and not names_rules("x  # noqa: E501")
