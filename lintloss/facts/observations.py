"""What the interpreter saw happen to losses: the facts that rules judge, each anchored to a span of the user's code."""

from __future__ import annotations

from dataclasses import dataclass

from lintloss.facts.loops import Loop
from lintloss.facts.values import UNKNOWN, Quantity, Scoring, Value
from lintloss.findings import Evidence, Span


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds an observation.

    phase: "evaluation", "training", "shared" (one loop under a flag) or "unknown".
    task: "lm", "seq2seq", "mlm", "classification", "regression", "other" or "unknown".
    """

    phase: str = "unknown"
    task: str = "unknown"
    function: str = ""
    reasons: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Something seen at `span` of `path`, inside the scope of `scope_rows` (first and last row of the function)."""

    path: str
    span: Span
    statement_rows: tuple[int, int]
    scope_rows: tuple[int, int]
    setting: Setting = Setting()
    stack: tuple[Evidence, ...] = ()  # calls that led here, outermost first


@dataclass(frozen=True, slots=True, kw_only=True)
class Averaging(Observation):
    """A loss or perplexity was averaged: divided by a count, or given to a mean.

    how: "divide", "mean", "meter", "framework", "inside" (÷ inside the loop that sums it).
    before/count/after: the total, what it is divided by, and what comes out.
    """

    before: Quantity
    count: Value = UNKNOWN
    after: Value = UNKNOWN
    how: str = "divide"
    loops: tuple[Loop, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponential(Observation):
    """A loss was exponentiated. base: "e", "2", "10"."""

    exponent: Quantity
    base: str = "e"
    result: Value = UNKNOWN
    loops: tuple[Loop, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored(Observation):
    """A criterion compared predictions with targets."""

    scoring: Scoring
    loss: Value = UNKNOWN
    loops: tuple[Loop, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported(Observation):
    """A loss that an evaluation adds up or averages holds more than the cross entropy that was scored here.

    extras: what it holds, and whether it does so whatever the options are.
    plain_beside: the plain value is added up or averaged as well.
    """

    extras: tuple[tuple[str, bool], ...]
    evidence: tuple[Evidence, ...] = ()
    exponentiated: bool = False
    plain_beside: bool = False
