"""Each rule keeps its promises: code, name and file agree, the page is whole, the examples are many and stand alone."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from pyflakes.checker import Checker  # type: ignore[import-untyped]  # it ships no types
from pyflakes.messages import UndefinedName  # type: ignore[import-untyped]  # it ships no types

from lintloss.findings import Severity
from lintloss.report.rule_page import catalog
from lintloss.rule import Bad, Good, Rule
from tests import examples

SECTIONS = ("Why", "Instead", "Fix", "Source")
AT_LEAST = 8  # good and bad examples each
MODULE = examples.MAIN.removesuffix(".py")

# LL001 to LL003 are about the files themselves: their examples are no evaluation code, LL001's no Python even.
FILES = [pytest.param(path, id=path.stem) for path in examples.rule_files() if not path.stem.startswith("ll00")]


@pytest.fixture(params=FILES)
def path(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


@pytest.fixture
def rule(path: Path) -> type[Rule]:
    return examples.rule_in(path)


def _all(rule: type[Rule]) -> list[Bad | Good]:
    return [*rule.bad, *rule.good]


def _texts(rule: type[Rule]) -> list[tuple[str, str]]:
    """List (label, text) of everything in the rule's examples that must be Python."""
    listed = [
        (f"{example.why}: {name}", examples.strip(text))
        for example in _all(rule)
        for name, text in examples.texts(example).items()
        if name.endswith(".py")
    ]
    return listed + [(f"{bad.why}: fixed", bad.fixed) for bad in rule.bad if bad.fixed is not None]


def test_code_name_class_and_file_agree(path: Path, rule: type[Rule]) -> None:
    match = examples.RULE_FILE.fullmatch(path.name)
    assert match is not None
    assert rule.code == match[1].upper()
    assert rule.name == match[2].replace("_", "-")
    assert rule.__name__.lower() == rule.name.replace("-", "")


def test_page_is_whole(rule: type[Rule]) -> None:
    page = inspect.cleandoc(rule.__doc__ or "")
    summary = page.partition("\n")[0]
    assert summary.endswith(".") and len(summary) <= 120
    headings = re.findall(r"^(\w+):$", page, flags=re.MULTILINE)
    assert headings == list(SECTIONS)
    for body in re.split(r"^\w+:$", page, flags=re.MULTILINE)[1:]:
        assert len(body.split()) >= 3, "a section says something"


def test_says_how_it_is_confirmed(rule: type[Rule]) -> None:
    assert len(rule.confirmed_by.split()) >= 5


def test_examples_are_many(rule: type[Rule]) -> None:
    assert len(rule.bad) >= AT_LEAST
    assert len(rule.good) >= AT_LEAST


def test_no_example_is_there_twice(rule: type[Rule]) -> None:
    bodies = [tuple(sorted(examples.texts(example).items())) for example in _all(rule)]
    assert len(set(bodies)) == len(bodies)
    reasons = [example.why for example in _all(rule)]
    assert len(set(reasons)) == len(reasons), "the reason is the id of the test"


def test_bad_marks_what_it_wants_reported(rule: type[Rule]) -> None:
    for bad in rule.bad:
        assert examples.expected(rule.code, bad), bad.why
        assert bad.severity >= Severity.WARNING, f"{bad.why}: a note is silence and belongs in `good`"
    for good in rule.good:
        assert not any(examples.marked_rows(text) for text in examples.texts(good).values()), good.why


def test_examples_compile(rule: type[Rule]) -> None:
    for label, text in _texts(rule):
        compile(text, label, "exec", dont_inherit=True)


def test_examples_stand_alone(rule: type[Rule]) -> None:
    for label, text in _texts(rule):
        undefined = [found for found in Checker(ast.parse(text), label).messages if isinstance(found, UndefinedName)]
        assert not undefined, f"{label}: {undefined[0]}"


def test_examples_import_only_what_lies_beside_them(rule: type[Rule]) -> None:
    for example in _all(rule):
        python = {name: text for name, text in example.files.items() if name.endswith(".py")}
        for name in example.files.keys() - python.keys():  # a script, a configuration: of the example's own program
            assert f"{MODULE}.py" in example.files[name], f"{example.why}: {name} does not name {MODULE}.py"
        files = python.keys() - _leading_to(MODULE, python)
        modules = {name.removesuffix(".py").replace("/", ".").removesuffix(".__init__") for name in files}
        texts = [text for name, text in examples.texts(example).items() if name in {*python, examples.MAIN}]
        reached = {found for text in texts for found in _imported(text)}
        unused = {module for module in modules if module not in reached and f"{module}." not in "".join(reached)}
        assert not unused, f"{example.why}: {unused} is imported nowhere"


def _leading_to(module: str, files: Mapping[str, str]) -> set[str]:
    """Return the files that import a module, and those that import these."""
    found = {name for name, text in files.items() if module in _imported(text)}
    rest = {name: text for name, text in files.items() if name not in found}
    further = (_leading_to(name.removesuffix(".py").replace("/", "."), rest) for name in found)
    return found.union(*further)


def _imported(text: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(examples.strip(text))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def test_marks_are_found_and_stripped() -> None:
    text = "a = 1\nb = 2  # bits  # <-\nc = a / b  # <-\n"
    assert examples.marked_rows(text) == [2, 3]
    assert examples.strip(text) == "a = 1\nb = 2  # bits\nc = a / b\n"


def test_catalogue_for_readers_is_fresh(request: pytest.FixtureRequest) -> None:
    """`rules/README.md` is what `lintloss rule --catalog` prints; `--update-snapshots` writes it."""
    path = Path(__file__).parents[1] / "rules" / "README.md"
    text = catalog(list(examples.rules()))
    if request.config.getoption("--update-snapshots"):
        path.write_bytes(text.encode())
    assert path.read_bytes().decode() == text, "stale: pytest tests/test_catalogue.py --update-snapshots"
