"""Where an observation belongs: the place to show, the function around it, training or evaluation, the task."""

from __future__ import annotations

import ast
from typing import TypedDict

from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Setting
from lintloss.findings import Evidence, Span


class Place(TypedDict):
    path: str
    span: Span
    statement_rows: tuple[int, int]
    scope_rows: tuple[int, int]
    setting: Setting
    stack: tuple[Evidence, ...]


def seen_at(machine: Machine, node: ast.AST, loops: tuple[Loop, ...]) -> Place:
    """Return the place of an observation.

    A division inside a meter or a helper is shown where the loop that feeds it calls it: the innermost frame that
    holds the last of `loops`. Without such a frame it is shown where it stands.
    """
    from lintloss.facts.phases import setting

    frames = machine.frames
    index = len(frames) - 1
    if loops:
        holders = [i for i, frame in enumerate(frames) if any(loop.frame == i + 1 and loop.activation == frame.key for loop in loops)]
        if holders:
            index = holders[-1]
    shown = node
    stack = tuple(frame.call_place for frame in frames[1:] if frame.call_place is not None)
    frame = frames[index]
    anchor = machine.anchor(frame.module)
    span = anchor.span(shown)
    if index < len(frames) - 1:
        call = frames[index + 1].call_place
        if call is not None:
            span = call.span
    statement = frame.statement
    rows = (span.row, span.end_row)
    if statement is not None and statement.lineno <= span.row <= (statement.end_lineno or span.row):
        rows = (statement.lineno, _head_end(statement))
    return Place(
        path=frame.module.path,
        span=span,
        statement_rows=(min(rows[0], span.row), max(rows[1], span.end_row)),
        scope_rows=anchor.scope(span.row),
        setting=setting(machine, frame, loops),
        stack=stack,
    )


def _head_end(statement: ast.stmt) -> int:
    """Return the last row of a statement, of its header only when it is a block."""
    body = getattr(statement, "body", None)
    if isinstance(body, list) and body:
        return max(statement.lineno, int(body[0].lineno) - 1)
    return statement.end_lineno or statement.lineno
