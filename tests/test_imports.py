"""The tests can be collected where only the `test` extra is installed, as the second command of the README installs it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MISSING = {"numpy", "torch", "transformers", "yaml", "pre_commit"}  # not of the `test` extra


def imports(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom) and statement.module:
        yield statement.module


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_module_imports_nothing_that_may_be_missing(path: Path) -> None:
    body = ast.parse(path.read_text("utf-8")).body
    tops = {name.partition(".")[0] for statement in body for name in imports(statement)}
    assert not tops & MISSING, "import it inside the test, with pytest.importorskip"
