"""An installed rule pack of a third party, and a stand-in interpreter that observes what it is to judge.

`acme_rules` is found as any pack is: through the entry_points.txt of its distribution. The stand-in sees one `Division`
for each `total / x` in a text but `total / tokens`, `Crash` makes it fail; so engine, cache and commands are tested
without the facts.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lintloss.parse import Module

OBSERVED = '''\
"""What the stand-in interpreter observes."""

from dataclasses import dataclass

from lintloss.facts.observations import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Division(Observation):
    """`total / count`."""

    divisor: str
'''
RULE = '''\
"""AC101: total divided by count."""

import libcst as cst

from acme_seen import Division
from lintloss.findings import Confidence, Evidence, Fix, Severity
from lintloss.rule import Judgment, Rule


class TotalByCount(Rule):
    """The total is divided by the count."""

    code = "AC101"
    name = "total-by-count"
    confirmed_by = "nothing"
    watches = (Division,)
    bad = ()
    good = ()

    def judge(self, seen):
        if seen.divisor == "explode":
            raise ZeroDivisionError("the rule has a bug")
        severity = Severity.NOTE if seen.divisor == "exact" else Severity.WARNING
        here = Evidence(seen.path, seen.span, "divided here")
        yield Judgment(severity, Confidence.MEDIUM, f"`total` is divided by `{seen.divisor}`", (here,))

    def fix(self, node, seen, scope):
        if seen.divisor == "unfixable":
            return None
        if seen.divisor == "count_broken_fix":
            raise KeyError("the fix has a bug")
        edit = scope.replace(node.right, cst.Name("tokens"))
        return Fix("divide by tokens", (edit,), safe=seen.divisor == "count_safe")
'''
OFF_RULE = '''\
"""AC102: off by default."""

from acme_seen import Division
from lintloss.findings import Confidence, Severity
from lintloss.rule import Judgment, Rule


class AnyDivision(Rule):
    """Something is divided."""

    code = "AC102"
    name = "any-division"
    enabled = False
    confirmed_by = "nothing"
    watches = (Division,)
    bad = ()
    good = ()

    def judge(self, seen):
        yield Judgment(Severity.ERROR, Confidence.LOW, "a division")
'''


def install(site: Path) -> None:
    """Lay out `acme_rules` as pip would."""
    pack = site / "acme_rules"
    pack.mkdir(parents=True)
    (pack / "__init__.py").write_text("")
    (pack / "ac101_total_by_count.py").write_text(RULE)
    (pack / "ac102_any_division.py").write_text(OFF_RULE)
    (pack / "helpers.py").write_text("")
    (site / "acme_seen.py").write_text(OBSERVED)
    info = site / "acme-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(
        "[console_scripts]\nacme = acme:main\n\n[lintloss.rules]\nacme = acme_rules\n"
    )


@pytest.fixture
def acme(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install the pack for one test."""
    site = tmp_path_factory.mktemp("site")
    install(site)
    monkeypatch.syspath_prepend(str(site))
    yield site
    for name in [each for each in sys.modules if each.startswith("acme_")]:
        del sys.modules[name]


def observe(module: Module, project: Any) -> SimpleNamespace:
    """Stand in for `lintloss.facts.infer`."""
    from acme_seen import Division  # type: ignore[import-not-found]

    from lintloss.findings import Span

    found = []
    for statement in ast.walk(module.tree):
        if isinstance(statement, ast.ImportFrom) and statement.module:
            project.resolve(module.path, statement.module)
        if not isinstance(statement, ast.Assign | ast.Return | ast.Expr):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == "Crash":
                raise RuntimeError("the interpreter has a bug")
            if (
                isinstance(node, ast.BinOp)
                and ast.unparse(node.left) == "total"
                and ast.unparse(node.right) != "tokens"
            ):
                found.append(
                    Division(
                        path=module.path,
                        span=Span(*module.span_of(node)),
                        statement_rows=(statement.lineno, statement.end_lineno or statement.lineno),
                        scope_rows=(1, max(each.end_lineno or 1 for each in module.tree.body)),
                        divisor=ast.unparse(node.right),
                    )
                )
    return SimpleNamespace(observations=tuple(found))


@pytest.fixture
def stand_in(acme: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the stand-in in the place of the interpreter."""
    monkeypatch.setattr("lintloss.facts.infer", observe)
    return acme
