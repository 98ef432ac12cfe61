"""Where an observation belongs: the place to show, the function around it, training or evaluation, the task."""

from __future__ import annotations

import ast
import re
from typing import TypedDict

from lintloss.facts.loops import Loop
from lintloss.facts.machine import Frame, Machine
from lintloss.facts.observations import Setting
from lintloss.facts.values import Fed
from lintloss.findings import Evidence, Span
from lintloss.patterns import regex

ENTRIES = regex(r"\b\w+\[[\"']\w*(loss|perplexity|ppl|nll)[\"']\] for \w+ in ", re.IGNORECASE)


class Place(TypedDict):
    path: str
    span: Span
    statement_rows: tuple[int, int]
    scope_rows: tuple[int, int]
    setting: Setting
    stack: tuple[Evidence, ...]


def seen_at(machine: Machine, node: ast.AST, loops: tuple[Loop, ...], fed: Fed | None = None) -> Place:
    """Return the place of an observation: where it stands, or where the checked file calls into another that it stands in.

    What a meter averages is shown where it was `fed`, unless the division is written beside that call, or where the
    values are taken out of records by what they are called.
    """
    frames = machine.frames
    home = machine.shown
    if _takes_out(machine, frames[-1]):
        fed = None
    if fed is not None and len(frames) > fed.depth and fed.place.path == home:
        return _fed_at(machine, fed, loops)
    index = max(i for i, frame in enumerate(frames) if frame.module.path == home)
    frame = frames[index]
    span = machine.anchor(frame.module).span(node)
    if index < len(frames) - 1:
        call = frames[index + 1].call_place
        if call is not None:
            span = call.span
    statement = frame.statement
    rows = (span.row, span.end_row)
    if statement is not None and statement.lineno <= span.row <= (statement.end_lineno or span.row):
        rows = (statement.lineno, _head_end(statement))
    return _place(machine, frame, span, (min(rows[0], span.row), max(rows[1], span.end_row)), loops)


def _takes_out(machine: Machine, frame: Frame) -> bool:
    """Say whether a function of the shown file reads losses or perplexities from records: `[each["ppl"] for each in rows]`."""
    return frame.module.path == machine.shown and ENTRIES.search(machine.text(frame.node)) is not None


def _fed_at(machine: Machine, fed: Fed, loops: tuple[Loop, ...]) -> Place:
    frame = machine.frames[min(fed.depth, len(machine.frames)) - 1]
    span = fed.place.span
    return _place(machine, frame, span, (span.row, span.end_row), loops)


def _place(machine: Machine, frame: Frame, span: Span, rows: tuple[int, int], loops: tuple[Loop, ...]) -> Place:
    from lintloss.facts.phases import setting

    return Place(
        path=frame.module.path,
        span=span,
        statement_rows=rows,
        scope_rows=machine.anchor(frame.module).scope(span.row),
        setting=setting(machine, frame, loops),
        stack=tuple(each.call_place for each in machine.frames[1:] if each.call_place is not None),
    )


def _head_end(statement: ast.stmt) -> int:
    """Return the last row of a statement, of its header only when it is a block."""
    body = getattr(statement, "body", None)
    if isinstance(body, list) and body:
        return max(statement.lineno, int(body[0].lineno) - 1)
    return statement.end_lineno or statement.lineno
