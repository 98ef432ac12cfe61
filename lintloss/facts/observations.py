"""What the interpreter saw happen to losses: the facts that rules judge, each anchored to a span of the user's code."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintloss.facts.alignment import Alignment
from lintloss.facts.loops import Loop
from lintloss.facts.values import UNKNOWN, Quantity, Scoring, Value
from lintloss.findings import Evidence, Span

if TYPE_CHECKING:
    from lintloss.facts.pad_marks import Mark


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

    how: "divide", "mean", "meter", "framework", "running", "inside" (÷ inside the loop that sums it), "repeated" (the
    running total itself is divided, once per iteration).
    before/count/after: the total, what it is divided by, and what comes out.
    """

    before: Quantity
    count: Value = UNKNOWN
    after: Value = UNKNOWN
    how: str = "divide"
    loops: tuple[Loop, ...] = ()
    divisor: str = ""  # the source of what it is divided by, where that is written out
    called: str = ""  # the name that the result is given
    rooted: bool = False  # a root is taken of it: of a variance, by the number of what it is one of


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponential(Observation):
    """A loss was exponentiated. base: "e", "2", "10".

    called_perplexity: the statement or the function says that a perplexity is what comes out.
    """

    exponent: Quantity
    base: str = "e"
    called_perplexity: bool = False
    result: Value = UNKNOWN
    loops: tuple[Loop, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlap:
    """Windows that move by less than they score.

    certain: by numbers; otherwise only the names say which one is the stride.
    """

    stride: str
    length: str
    certain: bool
    place: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared(Observation):
    """Predictions were compared with targets, as the checked file sees it.

    A criterion inside another file is shown at the call that led there, a shift of the caller's at its call.
    alignment: where the labels sit relative to the logits; None where that is not known.
    overlap: how the scored windows overlap; None where they do not, or where that is not known.
    called_logits: the code calls the predictions logits, and nothing in sight normalizes.
    padding: where the code says that the targets are padded.
    inverted: where labels or losses are left out under a mask that tells text from padding, the wrong way around.
    spared: where one branch takes the padding out of the labels, which another one leaves in them.
    unrecorded: no gradients were recorded, so that nothing is trained by it.
    """

    scoring: Scoring
    alignment: Alignment | None = None
    overlap: Overlap | None = None
    padding: Mark | None = None
    inverted: Evidence | None = None
    spared: Evidence | None = None
    loops: tuple[Loop, ...] = ()
    function: ast.AST | None = None  # the function that holds the criterion call
    called_logits: bool = False
    unrecorded: bool = False


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadValue(Observation):
    """A value that an evaluation was meant to use.

    kind: "dropped" (bound and never read), "training" (a training loop's loss is reported in its place), "empty" (a
    counter that stays 0 and divides), "last" (each batch's loss replaces the one before, and the last is reported),
    "replaced" (the same of an entry beside totals, whatever it holds; a constant of the model, perhaps).
    """

    kind: str
    name: str
    what: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accumulated(Observation):
    """A micro-batch's loss is divided by the number of micro-batches of an update."""

    loss: Quantity
    loops: tuple[Loop, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Named(Observation):
    """A loss was given a name that says what it is in: `bits_per_byte`."""

    name: str
    value: Quantity
