"""Stage: facts of the opt-in experiments -> what the evaluation would report for a stand-in, and what it ought to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lintloss.verify import wording
from lintloss.verify.close_looks import Looked, looked
from lintloss.verify.evaluations import Evaluation, by_runs
from lintloss.verify.events import Tape
from lintloss.verify.formulas import candidates
from lintloss.verify.ranks import Group, read_group
from lintloss.verify.verdicts import finite

LIMITS = {
    "data": "counts what embeddings read; sees verbatim overlap only",
    "after-fix": "nothing on disk is changed by the fix",
    "untrained": "sees scale errors; not a missing shift, a leak or softmax before cross-entropy",
    "copy-oracle": "sees a missing shift; not what lies between model and criterion",
    "next-oracle": "sees wrong shifts and wrong sums; not scored padding, or what lies between model and criterion",
    "causality": "sees tokens and labels that reach the positions which predict them, in the model's own forward",
}
COSTS = {
    "data": "a copy of each call's ids to the host and 4 bytes a token on disk",
    "after-fix": "a second run of the program",
    "untrained": "a second model in memory, a forward and a criterion a call, of the first 256 calls of a line",
    "copy-oracle": "a criterion more a call, of the first 256 calls of a line",
    "next-oracle": "a criterion more a call, of the first 256 calls of a line",
    "causality": "two or three forwards of one batch",
}

LEAKS = (
    ("early_logits_moved", "leaks", "changing the last token moved earlier logits"),
    ("label_moved", "reads_labels", "changing the last label moved logits"),
)


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment on one evaluation."""

    name: str
    place: str
    passed: bool | None  # None: it was asked for and could not be tried
    would_report: float | None
    explanation: str

    def as_json(self) -> dict[str, object]:
        return {
            "experiment": self.name, "place": self.place, "passed": self.passed, "would_report": finite(self.would_report),
            "explanation": self.explanation, "limits": LIMITS[self.name], "cost": COSTS[self.name],
        }  # fmt: skip


def experiments(tapes: tuple[Tape, ...], asked: tuple[str, ...]) -> tuple[Experiment, ...]:
    """Results by evaluation site, the first evaluation of each."""
    done: dict[tuple[str, str], Experiment] = {}
    for tape in tapes:
        for evaluation in by_runs(tape):
            for found in _of(evaluation, asked):
                done.setdefault((found.name, found.place), found)
    told = {name for name, _ in done}
    return *done.values(), *(_untried(name, tapes) for name in asked if name not in told and name != "data")


def _untried(name: str, tapes: tuple[Tape, ...]) -> Experiment:
    """What was asked for and told nothing is said: silence would pass for a pass."""
    if any(by_runs(tape) for tape in tapes):
        why = "no call showed the model, the ids that it reads and its rows of logits together"
    else:
        why = "no criterion was called outside of training"
    return Experiment(name, "any place", None, None, why)


def _of(evaluation: Evaluation, asked: tuple[str, ...]) -> Iterator[Experiment]:
    items = looked(evaluation.calls, Group((evaluation,)))
    frame = next(iter(evaluation.calls[0].site.frames), None)
    place = wording.line(frame)
    classes = evaluation.calls[0].form.classes
    for name in asked:
        if name == "data":
            continue  # data.py: it is about the run, not one evaluation
        if name == "causality":
            yield from _causality(items, place)
            continue
        number, formula = _would_report(evaluation, items, f"{name.split('-')[0]}_value")
        if number is not None and classes > 1:
            yield _judged(name, place, number, formula, math.log(classes))


def _causality(items: tuple[Looked, ...], place: str) -> Iterator[Experiment]:
    """Each kind of leak once, by the first call that tells; they stand on one line, as one experiment."""
    said, leaks = [], False
    for fact, claim, what in LEAKS:
        item = next((item for item in items if item.number(fact) is not None), None)
        if item is not None:
            leaks = leaks or item.facts.get(claim) is True
            said.append(f"{what} by at most {item.number(fact):.3g}")
    if said:
        yield Experiment("causality", place, not leaks, None, ", ".join(said))


def _judged(name: str, place: str, number: float, formula: str, uniform: float) -> Experiment:
    if name == "untrained":
        passed = abs(number - uniform) < 0.1 * uniform
        wanted = f"ln V = {uniform:.4f}"
    elif name == "copy-oracle":
        passed = number > uniform
        wanted = f"more than ln V = {uniform:.4f}, for a model that repeats its input"
    else:
        passed = abs(number) < 0.1
        wanted = "near 0, for a model that knows the next token"
    return Experiment(
        name, place, passed, number, f"the evaluation ({formula}) would report {number:.4f}; right is {wanted}"
    )


def _would_report(evaluation: Evaluation, items: tuple[Looked, ...], fact: str) -> tuple[float | None, str]:
    """Put the stand-in's losses in the place of the model's, and average them by the program's own formula."""
    swapped = tuple(
        replace(item.call, value=value, plain_nats=math.nan)
        for item in items
        if (value := item.number(fact)) is not None
    )
    if not swapped:
        return None, ""
    reading = read_group(Group((evaluation,)))
    known = reading.loss_formula or reading.perplexity_formula
    formula = "token mean" if known is None else known.formula.removeprefix("exp of ").removesuffix(", in bits")
    found = candidates(swapped)
    fitting = next((candidate for candidate in found if candidate.formula == formula), None)
    # Equal candidates are dropped for the first of them: the token mean stands for those that coincide with it.
    return (fitting or found[0]).number if found else None, formula
