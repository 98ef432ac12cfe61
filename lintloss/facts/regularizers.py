"""What a reported loss holds besides the cross entropy: smoothing, class weights, further terms, a temperature.

Losses are noted where an evaluation adds them up, collects, averages or exponentiates them; when the file has been
read, each place that scored one becomes an observation that knows whether the plain value is reported beside it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace
from itertools import pairwise

from lintloss.facts import exclusive
from lintloss.facts import options as settings
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Frame, Machine
from lintloss.facts.observations import Compared, Reported, Setting
from lintloss.facts.split_names import says_held_out
from lintloss.facts.survey import called_name
from lintloss.facts.values import (
    Choice,
    Const,
    Key,
    LibObject,
    Opaque,
    Quantity,
    Ref,
    Scoring,
    Tensor,
    Term,
    Value,
    join_all,
    options,
)
from lintloss.findings import Evidence
from lintloss.patterns import regex

PENALTY = regex(
    r"aux|z_?loss|balanc|penalt|regulari|(^|_|\.)reg(_|\b)|\bl[12](_|\b)|router|moe|diversity|(?<![a-z])orth(?!ograph)|sparsity|"
    r"commit|mtp|distill|(^|_)lb(_|\b)|smooth|entropy_(coef|weight|bonus)|weight_decay|coverage|alignment",
    re.IGNORECASE,
)
WHOLE = regex(
    r"\bkl|kld|kl_|_kl|diverg|elbo|mu\b|logvar|log_var|nsp|next_sentence|gate|mel\b|mel_|stop_?token|start|end_",
    re.IGNORECASE,
)
SMOOTH = regex(r"smooth", re.IGNORECASE)
PICKS = frozenset({"gather", "index"})
SQUARES = regex(r"\*\* ?2|\.square\(|\.pow\(|\.norm\(|logsumexp")
CONVEX = regex(r"^\(1(\.0?)? - [^()]+\) \* ")  # w * a + (1 - w) * b: two losses of which neither is the other's penalty
TRAINING_DATA = regex(r"(?<!\w)train\w*_?(loader|dl|data|set|iter|iterator|ds|batches)(?!\w)", re.IGNORECASE)
LANGUAGE = frozenset({"lm", "seq2seq", "mlm"})
REDUCERS = frozenset({"reduce_metrics", "aggregate_logging_outputs"})  # of fairseq's criteria
CLASS_WEIGHTS = regex(r"weight|balance", re.IGNORECASE)
SMOOTHED = "the targets are smoothed"
SMOOTHING_CRITERIA = frozenset({"LabelSmoothingCrossEntropy"})


@dataclass(frozen=True, slots=True)
class Extra:
    """One thing in a reported loss that is no cross entropy. certain: it is there whatever the options say."""

    said: str
    certain: bool
    place: Evidence | None = None


@dataclass(slots=True)
class Noted:
    """The losses that one place of the checked file has scored, as far as they are reported: where they went."""

    extras: dict[Extra, None] = field(default_factory=dict)
    plain: set[str] = field(default_factory=set)
    laden: set[str] = field(default_factory=set)
    exponentiated: bool = False
    settings: list[Setting] = field(default_factory=list)
    evidence: tuple[Evidence, ...] = ()
    undecided: list[Laden] = field(default_factory=list)
    plain_in: set[Key] = field(default_factory=set)  # calls of the function that reports
    laden_in: set[Key] = field(default_factory=set)
    plain_for_caller: bool = False
    laden_for_caller: bool = False

    @property
    def is_plain_for_callers(self) -> bool:
        """Say whether those who call the evaluation hand it a plain criterion; that of a made-up call is another's."""
        return self.plain_for_caller and not self.laden_for_caller

    @property
    def may_be_training(self) -> bool:
        """Say whether only calls that may train hold more: another one, which is handed a plain criterion, evaluates."""
        return all(each.phase == "shared" for each in self.settings) and bool(self.plain_in - self.laden_in)

    def admit(self, laden: Laden) -> None:
        """Take a loss that holds more than its cross entropy as one that an evaluation reports."""
        self.laden.add(laden.where)
        self.settings.append(laden.setting)
        self.evidence = max(self.evidence, laden.trace, key=len)
        self.extras.update(dict.fromkeys(laden.extras))


@dataclass(frozen=True, slots=True)
class Laden:
    """A loss that holds more than its cross entropy, and the loops around it: whether they train may come out later."""

    where: str
    setting: Setting
    trace: tuple[Evidence, ...]
    extras: tuple[Extra, ...]
    loops: tuple[Loop, ...] = ()


def note(machine: Machine, node: ast.AST, value: Value, *, exponentiated: bool = False) -> None:
    """Note that a loss is reported (added up, collected, averaged, exponentiated) here."""
    from lintloss.facts import forwards

    found = [each for each in options(value) if isinstance(each, Quantity) and each.scoring is not None]
    if found and not forwards.within_forward(machine):
        for each in found:
            _note(machine, node, each, exponentiated=exponentiated)


def _note(machine: Machine, node: ast.AST, value: Quantity, *, exponentiated: bool) -> None:
    scoring = value.scoring
    site = (scoring.step or scoring.site) if scoring is not None else None
    if scoring is None or site is None:
        return
    if not exponentiated and _is_gathered(machine):
        return
    if machine.home and not any(frame.module.path == machine.home for frame in machine.frames):
        return  # a caller's own report: said when it is checked
    if value.loops and all(loop.trains for loop in value.loops):  # a training's total, said beside an evaluation's
        return
    noted = machine.reports.setdefault(site, Noted())
    noted.exponentiated |= exponentiated
    where = _destination(machine, node)
    extras = extras_of(_with_defaults(machine, scoring), exponentiated or noted.exponentiated)
    setting = _setting(machine)
    if setting.phase != "training":
        is_plain = not scoring.extra and not extras
        (noted.plain if is_plain else noted.laden).add(where)
        (noted.plain_in if is_plain else noted.laden_in).add(machine.frame.key)
        noted.plain_for_caller |= is_plain and _is_called(machine)
        noted.laden_for_caller |= not is_plain and _is_called(machine)
    if not extras:
        return
    if scoring.presumed and scoring.label_smoothing is None and setting.task not in LANGUAGE:
        return
    if _of_training_data(machine) or _is_trained_on(machine, scoring):
        return
    own = tuple(machine.loops[machine.frame.loop_base :])
    laden = Laden(where, setting, (*value.trace, *_elsewhere(machine, own)), extras, own)
    if setting.phase in {"evaluation", "shared"} or _is_script(machine, setting) or _is_switched(machine, setting):
        noted.admit(laden)
    elif setting.phase == "unknown" and laden.loops and ".backward(" in machine.text(machine.frame.node):
        noted.undecided.append(laden)


def report(machine: Machine, scoring: Scoring) -> None:
    """Report a loss that a framework averages in its evaluations, wherever it was handed over, with what it holds."""
    site, extras = scoring.site, extras_of(_with_defaults(machine, scoring))
    module = machine.project.module(site.path) if site is not None else None
    if site is None or module is None or site.path != machine.shown or not extras:
        return
    seen = Reported(
        path=site.path,
        span=site.span,
        statement_rows=(site.span.row, site.span.end_row),
        scope_rows=machine.anchor(module).scope(site.span.row),
        setting=replace(_setting(machine), phase="evaluation"),
        extras=tuple((extra.said, extra.certain) for extra in extras),
        evidence=tuple(extra.place for extra in extras if extra.place),
    )
    machine.log["Reported", site.path, site.span, (), ""] = seen


def _is_called(machine: Machine) -> bool:
    """Say whether another file is seen to call into the checked one."""
    home = machine.home or machine.frames[0].module.path
    return machine.frames[0].module.path != home and any(each.module.path == home for each in machine.frames[1:])


def _elsewhere(machine: Machine, own: tuple[Loop, ...]) -> tuple[Evidence, ...]:
    """Return the loop of another file that adds up what this file hands over: what is said there, is not said again."""
    loop = own[-1].statement if own else None
    if loop is None or machine.frame.module.path == machine.shown:
        return ()
    return (machine.evidence(loop, "added up in this loop"),)


def _with_defaults(machine: Machine, scoring: Scoring) -> Scoring:
    """Fill in what an option smooths the targets by when nobody gives it; one that is off by default may be switched on."""
    given = settings.default_of(machine, scoring.label_smoothing) if scoring.label_smoothing is not None else None
    return replace(scoring, label_smoothing=Const(given)) if given else scoring


def outgrow(machine: Machine, node: ast.AST, scoring: Scoring, name: str) -> None:
    """Forget that a quotient was reported under a name, where it only was on the way to a sum with further terms."""
    site = scoring.step or scoring.site
    noted = machine.reports.get(site) if site is not None else None
    if noted is not None and name in noted.plain and _is_on_the_way(machine, node, name):
        noted.plain.discard(name)
        noted.plain_in.discard(machine.frame.key)


def _is_on_the_way(machine: Machine, node: ast.AST, name: str) -> bool:
    """Say whether a sum is bound to the very name of its summand, or the only one to read it."""
    if _destination(machine, node) == name:
        return True
    read = (each for each in ast.walk(machine.frame.node) if isinstance(each, ast.Name) and each.id == name)
    return sum(isinstance(each.ctx, ast.Load) for each in read) == 1


def _is_gathered(machine: Machine) -> bool:
    """Say whether fairseq's reduce_metrics() sums up what batches handed over, of which it reports what it logs."""
    frame, sums = machine.frame, (ast.Call, ast.AugAssign)
    if frame.name not in REDUCERS or "fairseq" not in frame.module.code:
        return False
    made = frame.statement.value if isinstance(frame.statement, ast.Assign) else frame.statement
    return isinstance(made, sums)


def _is_trained_on(machine: Machine, scoring: Scoring) -> bool:
    """Say whether a loss is one that a training loop has scored to step on it, wherever it is reported afterwards."""
    seen = machine.log.get(scoring.log)
    recorded = isinstance(seen, Compared) and not seen.unrecorded
    return recorded and scoring.loop is not None and scoring.loop.trains and scoring.loop.steps


def _of_training_data(machine: Machine) -> bool:
    """Say whether what runs was handed the training data alone: how training goes is told by its criterion."""
    return any(_hands_over_training_data(machine, *pair) for pair in pairwise(machine.frames))


def _hands_over_training_data(machine: Machine, caller: Frame, called: Frame) -> bool:
    if not isinstance(caller.statement, ast.Assign | ast.Expr | ast.AnnAssign | ast.Return):
        return False
    name = getattr(called.node, "name", "")
    calls = (
        each for each in ast.walk(caller.statement) if isinstance(each, ast.Call) and called_name(each.func) == name
    )
    handed = [machine.text(each) for call in calls for each in (*call.args, *(word.value for word in call.keywords))]
    return any(map(TRAINING_DATA.search, handed)) and not any(map(says_held_out, handed))


def _spares(laden: Laden) -> bool:
    """Say whether the loops of a function that can train did not do so: it was called to evaluate."""
    return not any(loop.trains or loop.may_train for loop in laden.loops if loop.unit != "epoch")


def _is_switched(machine: Machine, setting: Setting) -> bool:
    """Say whether the running loop, of which nothing else is known, runs a module on which eval() was called."""
    own = machine.loops[machine.frame.loop_base :]  # an epoch holds both phases
    if setting.phase != "unknown" or not own:
        return False
    running = own[-1].key
    evaluated = (each for each in machine.forwards.values() if each.mode == "eval" and each.mode_place is not None)
    return any(loop.key == running for each in evaluated for loop in each.loops)


def _destination(machine: Machine, node: ast.AST) -> str:
    """Return what a loss is added to or stored in, by its name: two branches may fill the same total."""
    statement = machine.frame.statement
    if isinstance(statement, ast.AugAssign | ast.AnnAssign):
        return machine.text(statement.target)
    if isinstance(statement, ast.Assign):
        return machine.text(statement.targets[0])
    return f"row {getattr(node, 'lineno', 0)}"


def _is_script(machine: Machine, setting: Setting) -> bool:
    """Say whether a loss is reported at the top of a file that trains nothing: a script that evaluates."""
    return setting.phase == "unknown" and not setting.function and ".backward(" not in machine.frames[0].module.code


def _setting(machine: Machine) -> Setting:
    from lintloss.facts.phases import setting

    own = (frame for frame in reversed(machine.frames) if frame.module.path == machine.shown)
    frame = next(own, machine.frame)
    return setting(machine, frame, tuple(machine.loops[frame.loop_base :][-1:]))


def extras_of(scoring: Scoring, exponentiated: bool = False) -> tuple[Extra, ...]:
    """List what a scoring holds besides its cross entropy."""
    found = [_smoothing(scoring), _weights(scoring), _temperature(scoring)]
    if scoring.is_cross_entropy:
        found += [_term(term, exponentiated) for term in scoring.extra]
    if scoring.criterion in PICKS:  # a policy's log-probabilities are picked too, and have terms of their own
        found += [_term(term, exponentiated) for term in scoring.extra if _smooths(term)]
    return tuple(extra for extra in found if extra is not None)


def is_certainly_laden(machine: Machine, value: Quantity) -> bool:
    """Say whether a loss holds more than its cross entropy whatever the options say."""
    scoring = value.scoring
    return scoring is not None and any(extra.certain for extra in extras_of(_with_defaults(machine, scoring)))


def _smooths(term: Term) -> bool:
    return term.smooths or SMOOTH.search(term.text) is not None


def _smoothing(scoring: Scoring) -> Extra | None:
    if scoring.smoothed:
        return Extra(SMOOTHED, True, scoring.place)
    value = scoring.label_smoothing
    if isinstance(value, Const):
        return Extra(f"label_smoothing={value.value}", True, scoring.place) if value.value else None
    if isinstance(value, Opaque | Quantity):
        return Extra("label smoothing (where it is switched on)", False, scoring.place)
    return None


def _weights(scoring: Scoring) -> Extra | None:
    value = scoring.weight
    if value is None or (isinstance(value, Const) and value.value in {None, False}) or not scoring.is_cross_entropy:
        return None
    if isinstance(value, Choice):  # on some paths there are none
        found = [_weights(replace(scoring, weight=each)) for each in value.options]
        told = next((each for each in found if each is not None), None)
        return told and replace(told, certain=all(each is not None and each.certain for each in found))
    if isinstance(value, Opaque):
        certain = not value.key or not isinstance(value.key[-1], str)  # computed here, no option or parameter
        return Extra("class weights", certain, scoring.place) if certain or CLASS_WEIGHTS.search(value.name) else None
    return (
        Extra(_called(value), True, scoring.place) if isinstance(value, LibObject | Tensor | Ref | Quantity) else None
    )


def _called(weights: Value) -> str:
    of_positions = isinstance(weights, Tensor) and weights.form == "weights"
    return "weights of some positions" if of_positions else "class weights"


def _temperature(scoring: Scoring) -> Extra | None:
    steps = scoring.prediction.trace if isinstance(scoring.prediction, Tensor) else ()
    step = next((step for step in steps if step.message.startswith("divided by a temperature")), None)
    return Extra("a temperature", True, step) if step is not None else None


def _term(term: Term, exponentiated: bool) -> Extra | None:
    """Say whether a term is one that no reader of a loss expects; of a sum that *is* the loss, none is."""
    if term.smooths:
        return Extra(SMOOTHED, not term.optional, term.place)
    if term.distills:
        return Extra(f"the distillation term `{term.text}`", not term.optional, term.place)
    if (WHOLE.search(term.text) or CONVEX.search(term.text)) and not PENALTY.search(term.text):
        return None
    penalty = not term.is_loss and (term.scaled or bool(SQUARES.search(term.text)))
    if PENALTY.search(term.text) or penalty or (exponentiated and (term.scaled or term.foreign)):
        return Extra(f"the term `{term.text}`", not term.optional, term.place)
    return None


def weight_of(machine: Machine, value: Value | None) -> Value | None:
    """Return class weights, None where they only leave ids out: ones, with zeros for the padding.

    Where an option is among them that is 0 or 1 by default, they weigh only when somebody gives it.
    """
    if isinstance(value, Choice):
        return join_all(weight_of(machine, each) or Const(None) for each in value.options)
    fields = machine.fields(value) if isinstance(value, Ref) else machine.state.heap.fields(getattr(value, "key", ()))
    held = [
        option
        for name, slot in fields.items()
        if name not in {"len", "boxed", "axes"}
        for option in options(slot.value)
    ]
    plain = [each.value if isinstance(each, Const) else settings.default_of(machine, each) for each in held]
    if not held or any(each not in {0, 1} for each in plain):
        return value
    chosen = next((each for each in held if isinstance(each, Opaque)), None)
    return Opaque((*chosen.key, "weight"), "weight") if chosen is not None else None


def observe(machine: Machine) -> None:
    """Turn what was noted into observations, once the file has been read."""
    for noted in machine.reports.values():
        for laden in filter(_spares, noted.undecided):
            noted.admit(laden)
    for site, noted in machine.reports.items():
        if not noted.extras or noted.may_be_training or noted.is_plain_for_callers:
            continue
        scope = _scope(machine, site)
        near = [
            each
            for place, each in machine.reports.items()
            if place.path == site.path and _scope(machine, place) == scope and not _excludes(machine, place, site)
        ]
        plain = {where for each in near for where in each.plain} - {where for each in near for where in each.laden}
        rows = (site.span.row, site.span.end_row)
        spared = SMOOTHED if noted.plain & noted.laden and _is_off_by_default(machine) else ""
        seen = Reported(
            path=site.path,
            span=site.span,
            statement_rows=rows,
            scope_rows=scope,
            setting=noted.settings[-1],
            extras=tuple((extra.said, extra.certain and extra.said != spared) for extra in noted.extras),
            evidence=tuple(extra.place for extra in noted.extras if extra.place) + noted.evidence[-6:],
            exponentiated=noted.exponentiated,
            plain_beside=bool(plain),
        )
        machine.log["Reported", site.path, site.span, (), ""] = seen


def _is_off_by_default(machine: Machine) -> bool:
    """Say whether the options that smooth are 0 unless somebody gives them: where another path scores the plain loss, it
    is the one that is taken then.
    """
    amounts = [default for name, default in machine.defaults.items() if SMOOTH.search(name)]
    return bool(amounts) and not any(amounts)


def _excludes(machine: Machine, one: Evidence, other: Evidence) -> bool:
    """Say whether two places are in different branches of one `if`: only one of them scores."""
    module = machine.project.module(one.path) if one != other else None
    return module is not None and exclusive.rows(module.tree, one.span.row, other.span.row)


def _scope(machine: Machine, site: Evidence) -> tuple[int, int]:
    module = machine.project.module(site.path)
    return machine.anchor(module).scope(site.span.row) if module is not None else (1, 1)
