"""Picks: what gather() and an index take from log-probabilities by the ids of the targets are losses, but for the sign."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts.library import losses, shapes
from lintloss.facts.library.losses import LOSS
from lintloss.facts.machine import Machine
from lintloss.facts.units import NATS
from lintloss.facts.values import Quantity, Scoring, Tensor, Value, options
from lintloss.patterns import regex

TARGETS = regex(r"target|label|gold|(^|_)(tgt|trg|y)(_|$)|next", re.IGNORECASE)


def picked_by(machine: Machine, node: ast.AST, value: Tensor, index: Value, how: str = "gather") -> Value | None:
    """Return the entries that ids pick from log-probabilities: a cross entropy without its name."""
    from lintloss.facts import compare

    picks = shapes.tensor(options(index)[0])  # of a batch that is fetched before a loop and at its end, the first
    is_opaque = value.form in {"", "hidden"} and picks is not None and TARGETS.search(picks.name) is not None
    if (
        picks is None
        or not (is_opaque or value.form in {"log_probs", "probs", "logits", "scores"})
        or picks.form in {"mask", "choice"}
    ):
        return None
    scoring = Scoring(
        how,
        "none",
        "token",
        value,
        picks,
        place=machine.evidence(node, "the entries of the target ids are picked here"),
        site=losses.site(machine, node),
        step=losses.step(machine),
    )
    key = compare.compared(machine, node, scoring) if not is_opaque else ()
    if value.form == "log_probs":
        return _picked(machine, replace(scoring, log=key))
    scoring = replace(scoring, presumed=is_opaque)  # only a logarithm of them says that they are probabilities
    machine.picks[machine.key(node)] = replace(scoring, log=key)
    return Tensor(
        "picked", picks.window, picks.axes, machine.key(node), model=value.model, trace=value.trace, pad=picks.pad
    )


def _picked(machine: Machine, scoring: Scoring) -> Quantity:
    """Return the log-probabilities of the targets: a field of losses, but for the sign."""
    axes = (scoring.target.axes if isinstance(scoring.target, Tensor) else None) or ("pos",)
    trace = (scoring.place,) if scoring.place else ()
    scoring = replace(scoring, born=machine.spent, loop=losses.running(machine))
    return Quantity(NATS, axes=axes, scoring=scoring, trace=trace, negated=True)


def negated_picks(machine: Machine, node: ast.AST, value: Tensor) -> Quantity | None:
    """Return the entries that ids pick from what a model out of sight returns, negated: losses, if those are logarithms."""
    known = machine.picks.get(value.key) if value.form == "picked" else None
    prediction = known.prediction if known is not None else None
    if known is None or not isinstance(prediction, Tensor) or prediction.form != "scores":
        return None
    place = machine.evidence(node, "the entries of the targets, negated: taken for their losses")
    scoring = replace(known, criterion="presumed", presumed=True, place=place, born=machine.spent)
    axes = (value.axes if value.axes is not None else None) or ("pos",)
    return Quantity(LOSS, axes=axes, scoring=scoring, trace=(place,), presumed=True)


def negative(machine: Machine, node: ast.AST) -> Quantity:
    """Return log-probabilities of tokens that only their name speaks for: a field of losses, but for the sign."""
    value = losses.presumed(machine, node, said="taken for the log-probabilities of the tokens, by their name")
    scoring = replace(value.scoring, reduction="none", item="token") if value.scoring is not None else None
    return replace(value, unit=LOSS, axes=("pos",), scoring=scoring, negated=True)


def log_of_picked(machine: Machine, node: ast.AST, value: Tensor) -> Quantity:
    """Return log() of the probabilities of the targets."""
    place = machine.evidence(node, "the targets' log-probabilities")
    known = machine.picks.get(value.key)
    scoring = (
        replace(known, place=place)
        if known is not None
        else Scoring("gather", "none", "token", target=value, place=place)
    )
    return _picked(machine, scoring)
