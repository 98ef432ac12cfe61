"""The formats, from verdicts made by hand: no torch, no program."""

from __future__ import annotations

import json
import re
import xml.dom.minidom
from dataclasses import replace

import pytest

from lintloss.errors import UsageError
from lintloss.verify import pictures, report_html, report_json, report_markdown, report_sarif, report_table
from lintloss.verify.flagged import parse_findings
from lintloss.verify.verdicts import (
    CONFIRMED,
    NEGLIGIBLE,
    NOT_REACHED,
    REFUTED,
    UNDECIDED,
    Batch,
    Judged,
    Pair,
    Verdict,
    difference,
    grade,
)

RUN: dict[str, object] = {
    "exit_code": 0, "seconds": 2.0, "overhead_seconds": 0.016, "device": "cpu", "ranks": 2, "processes": 2,
    "partial": False, "criterion_calls": 3, "experiments": [],
}  # fmt: skip
JUDGED = Judged(
    CONFIRMED, Pair(0.053, 1.0544), Pair.of(6.58, 241_664), "reported is <wrong> & more", "mean of batch means",
    (Batch(6.5, 2048, 0), Batch(float("nan"), 0, 1), Batch(6.7, 12, 1)), {"-1": 0.0, "0": 1.0, "1": 0.02},
)  # fmt: skip


def verdicts() -> tuple[Verdict, ...]:
    items = [
        {
            "filename": "a b/é.py", "code": f"LL10{number}", "name": "batch-averaged-loss", "message": "a | b <c>",
            "location": {"row": 3, "column": 5}, "end_location": {"row": 3, "column": 9}, "evidence": [],
        }
        for number in range(1, 6)
    ]  # fmt: skip
    findings = parse_findings(items)
    statuses = (CONFIRMED, REFUTED, NEGLIGIBLE, NOT_REACHED, UNDECIDED)
    made = []
    for finding, status in zip(findings, statuses, strict=True):
        judged = replace(JUDGED, status=status)
        reached = status != NOT_REACHED
        shown = judged if reached else None
        calls = (judged, judged) if reached else ()
        made.append(Verdict(finding, status, "why <so>", shown, shown, calls))
    return tuple(made)


def test_json_has_the_finding_and_the_numbers() -> None:
    document = json.loads(report_json.render(verdicts(), RUN))
    first, _, _, missing, _ = document["findings"]
    assert first["filename"] == "a b/é.py"
    assert first["verdict"] == "confirmed"
    assert first["reported"] == {"loss": 0.053, "perplexity": 1.0544}
    assert first["reference"]["scored_tokens"] == 241_664
    assert first["calls"][0]["batches"][1] == {"loss": None, "scored_tokens": 0, "rank": 1}
    assert missing["reported"] == {"loss": None, "perplexity": None} and missing["calls"] == []
    assert document["run"] == RUN


def test_sarif_carries_verdicts_as_properties() -> None:
    run = json.loads(report_sarif.render(verdicts(), RUN))["runs"][0]
    results = run["results"]
    assert [result["kind"] for result in results] == ["fail", "pass", "fail", "notApplicable", "open"]
    assert [result["level"] for result in results] == ["error", "none", "note", "none", "none"]
    assert results[0]["properties"]["reported"]["loss"] == 0.053
    assert results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/%C3%A9.py"
    assert all(run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] for result in results)


def test_html_needs_nothing_else_and_escapes() -> None:
    page = report_html.render(verdicts(), RUN)
    assert "why &lt;so&gt;" in page and "<wrong>" not in page and "a | b &lt;c&gt;" in page
    assert page.count("<svg") == 3 * 4
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_pictures_are_well_formed() -> None:
    for draw in (pictures.batches, pictures.pair, pictures.shifts):
        picture = draw(JUDGED)
        xml.dom.minidom.parseString(picture)
        assert "nan" not in picture
    assert pictures.shifts(replace(JUDGED, offsets={})) == ""
    assert pictures.pair(replace(JUDGED, reported=Pair())) == ""
    assert "nan" not in pictures.batches(replace(JUDGED, reported=Pair(float("nan"))))


def test_axes_have_round_numbers_and_lines_that_touch_are_named_apart() -> None:
    assert pictures.ticks((0.0, 7.2)) == [0, 2, 4, 6]
    assert pictures.ticks((6.03, 7.1)) == [6.5, 7.0]
    assert pictures.ticks((3.0, 3.0)) == [3.0]
    close = pictures.batches(replace(JUDGED, reported=Pair(6.6), reference=Pair.of(6.58, 10)))
    heights = [float(y) for y in re.findall(r'<text x="\d+" y="([\d.]+)" fill="#(?:c0392b|2e7d32)">', close)]
    assert len(heights) == 2 and heights[1] - heights[0] >= 12


def test_markdown_has_one_row_a_finding() -> None:
    text = report_markdown.render(verdicts(), RUN)
    assert sum(line.startswith("| LL10") for line in text.splitlines()) == 5
    assert "confirmed as negligible" in text


def test_markdown_draws_what_github_shows() -> None:
    """A data URI is taken out by GitHub; Mermaid is drawn. Numbers hold no exponents, which Mermaid cannot read."""
    tiny = replace(JUDGED, batches=(Batch(3e-7, 2048, 0), Batch(float("nan"), 0, 1), Batch(6.7, 12, 1)))
    verdict = replace(verdicts()[0], worst=tiny)
    text = report_markdown.render((verdict,), RUN)
    assert "data:" not in text and text.count("```mermaid\nxychart-beta\n") == 2 and text.count("```") == 4
    assert 'x-axis "scored tokens #batch" ["12 #3", "2,048 #1"]' in text and "bar [6.700000, 0.000000]" in text
    assert "line [0.053000, 0.053000]" in text and "line [6.580000, 6.580000]" in text
    assert 'x-axis "offset (+1 is the next token)" ["-1", "0", "+1"]' in text
    many = replace(verdict, worst=replace(JUDGED, batches=tuple(Batch(1.0, 10 + number) for number in range(1000))))
    assert "one batch in 42 by" in report_markdown.render((many,), RUN)


def test_the_table_says_who_is_right() -> None:
    text = report_table.render(verdicts(), RUN, width=200)
    assert "0.053" in text and "6.58" in text and "241,664" in text
    assert "1 confirmed, 1 confirmed as negligible, 1 refuted, 1 not reached, 1 undecided" in text
    assert "recorder 16 ms of 2.0 s" in text


def test_a_path_is_no_markup() -> None:
    path = "runs[bold]/[/x]eval.py"
    item = {"filename": path, "code": "LL101", "location": {"row": 3, "column": 5}}
    (finding,) = parse_findings([item])
    assert report_table.render((Verdict(finding, UNDECIDED, "why"),), RUN, width=200).count(path) == 2


@pytest.mark.parametrize("wrong", [{"evidence": "x"}, {"location": 3}, {"location": {"row": "a", "column": 1}}])
def test_a_finding_of_another_shape_is_one_line(wrong: dict[str, object]) -> None:
    item = {"filename": "a.py", "code": "LL101", "location": {"row": 3, "column": 5}, **wrong}
    with pytest.raises(UsageError, match="finding 0 lacks or misspells"):
        parse_findings([item])


def test_no_findings_is_said() -> None:
    assert "no findings to judge" in report_table.render((), RUN)
    assert json.loads(report_json.render((), RUN))["findings"] == []


@pytest.mark.parametrize(
    ("reported", "status"),
    [
        (Pair(5.0), REFUTED),
        (Pair(5.0 * (1 + 9e-6)), REFUTED),
        (Pair(5.0 * (1 + 9e-4)), NEGLIGIBLE),
        (Pair(5.0 * (1 + 2e-3)), CONFIRMED),
        (Pair(5.0, 2.0**5), CONFIRMED),
        (Pair(None, 148.4131591), REFUTED),
    ],
)
def test_grades_follow_the_definitions(reported: Pair, status: str) -> None:
    assert grade(difference(reported, Pair.of(5.0, 10))) == status
