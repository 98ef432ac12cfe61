"""Machine formats against their schemas: ours as shipped, the others' as written down from their documents."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lintloss.report import load

SCHEMAS = Path(__file__).parent / "schemas"
DOCUMENTED = {
    "sarif": "sarif-2.1.0.subset.json",
    "gitlab": "gitlab-code-quality.json",
    "rdjson": "rdjson.json",
}


def shipped() -> Any:
    return json.loads((files("lintloss.report") / "schemas" / "findings.schema.json").read_text("utf-8"))


def validate(value: object, schema: Mapping[str, Any]) -> None:
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    kind(schema).validate(value)


@pytest.mark.parametrize("clean", [False, True], ids=["findings", "clean"])
@pytest.mark.parametrize("name", DOCUMENTED)
def test_report_keeps_the_documented_schema(name: str, clean: bool, project: Any) -> None:
    findings = () if clean else project.findings
    report = json.loads(load(name).render(findings, project.run))
    validate(report, json.loads((SCHEMAS / DOCUMENTED[name]).read_text("utf-8")))


def test_json_keeps_the_shipped_schema(project: Any) -> None:
    validate(json.loads(load("json").render(project.findings, project.run)), shipped())


def test_json_of_a_clean_run_is_an_empty_list(project: Any) -> None:
    assert load("json").render((), project.run) == "[]\n"


def test_json_lines_are_the_items_of_json(project: Any) -> None:
    lines = load("jsonl").render(project.findings, project.run).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(load("json").render(project.findings, project.run))


def test_shipped_schema_refuses_a_column_of_zero(project: Any) -> None:
    records = json.loads(load("json").render(project.findings, project.run))
    records[0]["location"]["column"] = 0
    with pytest.raises(jsonschema.ValidationError):
        validate(records, shipped())


def test_sarif_results_point_at_their_rules(project: Any) -> None:
    (run,) = json.loads(load("sarif").render(project.findings, project.run))["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == sorted(set(rules))
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])


def test_sarif_lists_rules_that_found_nothing(project: Any) -> None:
    (run,) = json.loads(load("sarif").render((), project.run))["runs"]
    assert "LL101" in [rule["id"] for rule in run["tool"]["driver"]["rules"]]


def test_sarif_marks_ignored_findings_as_suppressed_in_source(project: Any) -> None:
    (run,) = json.loads(load("sarif").render(project.findings, project.run))["runs"]
    marked = {result["ruleId"]: result.get("suppressions") for result in run["results"]}
    assert marked == {"LL501": None, "LL101": None, "LL201": None, "LL402": [{"kind": "inSource"}]}


def test_sarif_code_flow_ends_at_the_finding(project: Any) -> None:
    (run,) = json.loads(load("sarif").render(project.findings, project.run))["runs"]
    result = next(result for result in run["results"] if result["ruleId"] == "LL101")
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert len(steps) == 4
    assert steps[-1]["location"]["physicalLocation"] == result["locations"][0]["physicalLocation"]


def test_sarif_long_descriptions_are_cut_to_what_github_takes(project: Any) -> None:
    page = replace(project.run.rules[0], why="because " * 500)
    (run,) = json.loads(load("sarif").render((), replace(project.run, rules=(page,))))["runs"]
    assert len(run["tool"]["driver"]["rules"][0]["fullDescription"]["text"]) == 1024


def test_sarif_precision_claims_no_more_than_the_least_sure_result(project: Any) -> None:
    (run,) = json.loads(load("sarif").render(project.findings, project.run))["runs"]
    precision = {rule["id"]: rule["properties"]["precision"] for rule in run["tool"]["driver"]["rules"]}
    assert precision["LL501"] == "low"
    assert precision["LL201"] == "medium"


JUNIT: dict[str, tuple[set[str], set[str], set[str]]] = {  # element -> required and optional attributes, children
    "testsuites": ({"name", "tests", "failures", "errors"}, set(), {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors"}, set(), {"testcase"}),
    "testcase": ({"classname", "name"}, {"file", "line"}, {"failure", "error"}),
    "failure": ({"type", "message"}, set(), set()),
    "error": ({"message"}, set(), set()),
}


@pytest.mark.parametrize("clean", [False, True], ids=["findings", "clean"])
def test_junit_keeps_the_elements_that_readers_know(clean: bool, project: Any) -> None:
    run = replace(project.run, errors=()) if clean else project.run
    root = ElementTree.fromstring(load("junit").render(() if clean else project.findings, run))
    assert root.tag == "testsuites"
    for element in root.iter():
        required, optional, children = JUNIT[element.tag]
        assert required <= element.attrib.keys() <= required | optional
        assert {child.tag for child in element} <= children
        for kind, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            if kind in element.attrib:
                assert int(element.attrib[kind]) == len(list(element.iter(tag)))


def test_junit_of_a_clean_run_is_one_passing_case(project: Any) -> None:
    root = ElementTree.fromstring(load("junit").render((), replace(project.run, errors=())))
    assert [list(case) for case in root.iter("testcase")] == [[]]
