"""Predictions and targets that branches made: which of the alternatives of both sides belong together."""

from __future__ import annotations

import ast

from lintloss.facts import alignment
from lintloss.facts.callers import text_of
from lintloss.facts.library import shapes
from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk
from lintloss.facts.values import Scoring, Value, Window, options
from lintloss.patterns import regex

Pairs = list[tuple[Value, Value]]
# Branches that ask how long the logits are, or who shifts, know of another branch's reasons than its code shows.
ASKS = regex(r"shape|size|len\(|shift|align|mlm|masked|mask_token|encoder|bert|t5|seq2seq|prefix")


def of(machine: Machine, scoring: Scoring) -> Pairs:
    """Pair the alternatives: those of one branch by their sources, and by their lengths, which a criterion wants equal."""
    guesses, labels = options(scoring.prediction), options(scoring.target)
    pairs = [(one, other) for one in guesses for other in labels]
    if len(guesses) < 2:
        return pairs
    branches = [pair for pair in pairs if _share_source(machine, pair)]
    if _covers(branches, guesses, labels):
        pairs = branches
    fitting = [pair for pair in branches if _fit(machine, pair)]
    return fitting if _covers(fitting, guesses, labels) and _is_one_to_one(fitting) else pairs


def are_told_apart(machine: Machine, scoring: Scoring, pairs: Pairs) -> bool:
    """Say whether these are two branches of the running function, which differ by nothing that explains the difference."""
    guesses, labels = options(scoring.prediction), options(scoring.target)
    if len(guesses) < 2 or not _is_one_to_one(pairs) or not _covers(pairs, guesses, labels):
        return False
    tests = [text_of(each.test) for each in walk(machine.frame.node) if isinstance(each, ast.If)]
    return bool(tests) and not any(ASKS.search(each.lower()) for each in tests)


def _covers(pairs: Pairs, guesses: tuple[Value, ...], labels: tuple[Value, ...]) -> bool:
    return {one for one, _ in pairs} == {*guesses} and {other for _, other in pairs} == {*labels}


def _is_one_to_one(pairs: Pairs) -> bool:
    return len({one for one, _ in pairs}) == len(pairs) == len({other for _, other in pairs})


def _share_source(machine: Machine, pair: tuple[Value, Value]) -> bool:
    guess, label = _windows(machine, pair)
    return guess is not None and label is not None and guess.source == label.source


def _fit(machine: Machine, pair: tuple[Value, Value]) -> bool:
    guess, label = _windows(machine, pair)
    return guess is not None and label is not None and guess.length == label.length


def _windows(machine: Machine, pair: tuple[Value, Value]) -> tuple[Window | None, Window | None]:
    guess, label = (shapes.tensor(each) for each in pair)
    if guess is None or label is None:
        return None, None
    return (
        alignment.canonical(guess, machine.same_source).window,
        alignment.canonical(label, machine.same_source).window,
    )
