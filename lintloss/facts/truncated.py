"""One truncation, as it is observed: what an evaluation leaves out, where that is told, and why."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from lintloss.facts.machine import Machine
from lintloss.facts.observations import Observation, Setting
from lintloss.facts.survey import at_row
from lintloss.findings import Evidence
from lintloss.parse import Module


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncation(Observation):
    """Evaluation data that is left out.

    how: "drop_last", "trainer", "leftovers", or how a loop is cut: see cuts.Cut. severity: "error" or "warning".
    """

    how: str
    cap: str = ""
    severity: str = "error"
    data: str = ""
    reasons: tuple[Evidence, ...] = ()


def at(
    machine: Machine,
    module: Module,
    node: ast.AST,
    how: str,
    *,
    cap: str = "",
    severity: str = "error",
    data: str = "",
    reasons: Iterable[Evidence] = (),
) -> Truncation:
    """Return a truncation that is told at a node."""
    span = machine.anchor(module).span(node)
    return Truncation(
        path=module.path,
        span=span,
        statement_rows=(span.row, span.end_row),
        scope_rows=machine.anchor(module).scope(span.row),
        setting=Setting(phase="evaluation"),
        how=how,
        cap=cap,
        severity=severity,
        data=data,
        reasons=tuple(reasons),
    )


def expression(machine: Machine, module: Module, place: Evidence) -> ast.AST | None:
    """Return the expression that stands at a place of a module."""
    anchor = machine.anchor(module)
    nodes = (node for node in at_row(module.tree, place.span.row) if isinstance(node, ast.expr))
    return next((node for node in nodes if anchor.span(node) == place.span), None)
