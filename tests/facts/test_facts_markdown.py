"""Runs facts.md: each `# unit: U` is what the interpreter must say of the value that its line assigns."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from lintloss.facts import Project, infer
from lintloss.facts.values import Quantity, options
from lintloss.parse import parse_text

PAGE = Path(__file__).with_name("facts.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^## (.+?)\n.*?```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
CLAIM = re.compile(r"# unit: (.+)$")


@pytest.mark.parametrize("code", [pytest.param(code, id=title) for title, code in BLOCKS])
def test_units(code: str) -> None:
    claims = {row: claim[1] for row, line in enumerate(code.splitlines(), 1) if (claim := CLAIM.search(line))}
    ast.parse(code)
    assigned = infer(parse_text(code, "facts.py"), Project(lambda path: None)).assigned
    said = {row: _unit(assigned.get(("facts.py", row))) for row in claims}
    assert said == claims


def _unit(value: object) -> str:
    units = {str(option.unit) for option in options(value) if isinstance(option, Quantity)} if value else set()  # type: ignore[arg-type]  # a Value
    return " or ".join(sorted(units)) or "-"


def test_the_page_has_blocks() -> None:
    assert len(BLOCKS) >= 10
