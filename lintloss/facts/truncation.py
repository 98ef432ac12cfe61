"""Truncations: evaluation data that is never scored, because a loader drops it, a loop is cut, or an iterator keeps it."""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from lintloss.facts import (
    classes,
    consumers,
    cut_texts,
    cuts,
    drops,
    early_returns,
    first_batches,
    handed,
    keras_steps,
    left_out,
    leftovers,
    scored,
    standing_caps,
    streams,
    unconsumed,
    unused_helpers,
    whole,
)
from lintloss.facts.callers import text_of
from lintloss.facts.caps import Function, Origin, assigned
from lintloss.facts.library import loaders
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Observation, Setting
from lintloss.facts.scored_passes import Pass
from lintloss.facts.survey import at_row, walk
from lintloss.facts.values import Class, Const, Func, Lib, LibObject, Ref, Value, options
from lintloss.findings import Evidence
from lintloss.parse import Module
from lintloss.patterns import regex

RANDOM = regex(r"rand|choice|sample")
ARGUMENTS = regex(r"(TrainingArguments|SFTConfig|TrainingConfig)$")


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


def observe(machine: Machine, module: Module, passes: list[Pass], seen: Iterable[Observation] = ()) -> list[Truncation]:
    """Return what the evaluations of a module leave out.

    Args:
        seen: what was observed; loops over which a loss is averaged evaluate, whatever computes it.
    """
    loops = scored.evaluated(module, passes, seen)
    loops += scored.named(machine, module, loops)
    loops = [pair for pair in loops if scored.measures(*pair) and scored.keeps_something(*pair)]
    found = [
        *_dropped(machine, module, passes, loops),
        *_cut(machine, module, loops),
        *_restarted(machine, module, loops),
        *_thrown(machine, module, loops),
        *_kept(machine, module, passes),
        *_trainers(machine, module),
        *(
            _at(machine, module, node, "whole", cap=text, severity="warning")
            for node, text in keras_steps.observe(module)
        ),
    ]
    found += _left_out(machine, module, loops, found)
    found += [
        _at(machine, module, place, "text", data=text_of(text)[:50], reasons=(loop.place,))
        for place, text, loop in cut_texts.observe(machine, module, loops)
    ]
    first: dict[object, Truncation] = {}
    for each in found:
        first.setdefault(each.span, each)
    return list(first.values())


def _at(
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


# -- drop_last --------------------------------------------------------------------------------------------------------


def _dropped(machine: Machine, module: Module, passes: list[Pass], loops: list[scored.Looped]) -> Iterator[Truncation]:
    told: set[Evidence | None] = set()
    for (_, name), (loader, place, at_times) in machine.stored.items():
        told.add(loader.made)
        found = list(_of_loader(machine, module, loader, place, name, at_times=at_times))
        yield from _where_it_is_read(machine, module, loader, loops, found)
    for each in passes:
        loop = each.region.loop
        if loop is not None and not handed.is_training_data(machine, each):
            short = list(_over_dropping(machine, module, loop, told))
            told.update(place for one in short for place in one.reasons)
            yield from short
    yield from _made_by_functions(machine, module, told)


def handed_over(machine: Machine, module: Module, loops: Iterable[scored.Looped]) -> Iterator[Truncation]:
    """Find what another file hands to the evaluations of this one: loaders that drop, readers that throw rows away.

    Args:
        machine: has run that file.
        loops: the loops that this file alone was seen to evaluate in.
    """
    statements = {loop.statement for _, loop in loops if loop.statement is not None}
    for loop in machine.loop_of.values():
        if loop.statement in statements:
            yield from _over_dropping(machine, module, loop, ())
    yield from _thrown(machine, module, loops)


def _where_it_is_read(
    machine: Machine, module: Module, loader: LibObject, loops: list[scored.Looped], found: list[Truncation]
) -> Iterator[Truncation]:
    """Tell of a loader in the loops that evaluate with it, where another function makes it: there a number is short."""
    homes = {loop.statement: node for node, loop in loops}
    readers = [each for each in machine.loop_of.values() if each.statement in homes and _reads(each, loader)]
    places = [
        (loop, _expression(machine, module, loop.place))
        for loop in (readers if found else ())
        if not _holds(homes[loop.statement], loader)
    ]
    shown = [(loop, node) for loop, node in places if node is not None]
    if not shown:
        yield from found
    for each in found:
        for loop, node in shown:
            reasons = tuple(dict.fromkeys((*each.reasons, loop.place)))
            yield _at(machine, module, node, each.how, severity=each.severity, data=each.data, reasons=reasons)


def _reads(loop: Loop, loader: LibObject) -> bool:
    return any(isinstance(each, LibObject) and each.made == loader.made for each in options(loop.iterates))


def _holds(function: ast.AST | None, loader: LibObject) -> bool:
    """Say whether a loader is made in the function itself; a module's body holds what it makes."""
    if not isinstance(function, Function) or loader.made is None:
        return True
    return function.lineno <= loader.made.span.row <= (function.end_lineno or function.lineno)


def _shuffles(value: Value) -> bool:
    return isinstance(value, LibObject) and value.arg(2, "shuffle") == Const(True)


def _is_held_out(machine: Machine, loader: LibObject) -> bool:
    """Say whether a loader is stored under the name of an evaluation's where it is made: it is shuffled all the same."""
    made = loader.made
    module = machine.project.module(made.path) if made is not None else None
    if made is None or module is None:
        return False
    stored = (
        each.targets[0]
        for each in walk(module.tree)
        if isinstance(each, ast.Assign) and each.lineno <= made.span.row <= (each.end_lineno or 0)
    )
    return any(isinstance(each, ast.Name | ast.Attribute) and _is_for_evaluation(each) for each in stored)


def _is_for_evaluation(target: ast.expr) -> bool:
    return left_out.is_for_evaluation(text_of(target).rsplit(".", 1)[-1])


def _over_dropping(
    machine: Machine, module: Module, loop: Loop, told: Iterable[Evidence | None]
) -> Iterator[Truncation]:
    for option in options(loop.iterates):
        if not isinstance(option, LibObject):
            continue
        if _shuffles(option) and not _is_held_out(machine, option):  # the training's, whose loss is measured beside it
            continue
        if drops.drops(option) and option.made not in told:
            away = not _holds(loop.function, option)
            yield from _of_loader(machine, module, option, loop.place, "the evaluation loader", elsewhere=away)


def _made_by_functions(machine: Machine, module: Module, told: Container[Evidence | None]) -> Iterator[Truncation]:
    """Find the evaluation loaders among the results of a function that serves training and evaluation alike."""
    makers = {getattr(node, "name", ""): made for node, made in machine.makers.items() if made is not None}
    for node in walk(module.tree) if makers else ():
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        made = makers.get(text_of(node.value.func).rsplit(".", 1)[-1])
        name = text_of(node.targets[0]).rsplit(".", 1)[-1]
        if made is None or made.made is None or made.made.path != module.path or made.made in told:
            continue
        if not left_out.is_for_evaluation(name):
            continue
        written = _keyword(machine, module, made.made, "drop_last")
        if isinstance(written, ast.Constant) and written.value is True:
            used = Evidence(module.path, machine.anchor(module).span(node.value), f"stored as `{name}`")
            yield from _of_loader(machine, module, made, used, name)


def _of_loader(
    machine: Machine,
    module: Module,
    loader: LibObject,
    used: Evidence,
    name: str,
    *,
    at_times: bool = False,
    elsewhere: bool = False,
) -> Iterator[Truncation]:
    """Tell of a loader that drops.

    Args:
        at_times: what made it makes others, too, which do not: of one kind of data set, say.
        elsewhere: it is told of where it is used, and not where it is made.
    """
    if (
        loader.made is None
        or (used.path == module.path and unconsumed.is_one(machine.project, module, used.span.row, name))
        or _loses_nothing(machine, loader)
        or left_out.is_for_samples(module, name)
        or first_batches.are_all(machine, module, name)
        or re.search(rf"(?i)(infinit|cycle|endless|repeat)\w*\(\s*(self\.)?{re.escape(name)}\b", module.code)
    ):
        return
    if loader.made.path == module.path and not elsewhere:
        node = _keyword(machine, module, loader.made, "drop_last")
    else:
        node = _expression(machine, module, used) if used.path == module.path else None
    made = _call(machine, module, loader.made)
    if node is not None and not (made is not None and left_out.is_as_long_as_asked(module, made)):
        severity = "warning" if at_times or consumers.are_capped(machine.project, module, name) else "error"
        yield _at(machine, module, node, "drop_last", severity=severity, data=name, reasons=(loader.made, used))


def _loses_nothing(machine: Machine, loader: LibObject) -> bool:
    """Say whether a loader loses nothing: batches of one, or a data set that draws at random for ever."""
    if loader.arg(1, "batch_size") in {Const(1), Const(None)}:
        return True
    return any(is_random(machine, option) for option in options(loader.arg(0, "dataset") or Const(None)))


def is_random(machine: Machine, dataset: Value) -> bool:
    if not isinstance(dataset, Ref) or dataset.cls is None:
        return isinstance(dataset, LibObject) and "Iterable" in dataset.name
    for base in classes.bases(machine, dataset.cls):
        if isinstance(base, Lib) and "Iterable" in base.name:
            return True
        if isinstance(base, Class):
            for each in base.node.body:
                if isinstance(each, ast.FunctionDef) and each.name == "__getitem__" and RANDOM.search(text_of(each)):
                    return True
    return False


def _keyword(machine: Machine, module: Module, place: Evidence, name: str) -> ast.AST | None:
    call = _call(machine, module, place)
    return next((each.value for each in call.keywords if each.arg == name), call) if call is not None else None


def _call(machine: Machine, module: Module, place: Evidence) -> ast.Call | None:
    anchor = machine.anchor(module)
    calls = (each for each in at_row(module.tree, place.span.row) if isinstance(each, ast.Call))
    return next((each for each in calls if place.path == module.path and anchor.span(each) == place.span), None)


def _expression(machine: Machine, module: Module, place: Evidence) -> ast.AST | None:
    anchor = machine.anchor(module)
    nodes = (node for node in at_row(module.tree, place.span.row) if isinstance(node, ast.expr))
    return next((node for node in nodes if anchor.span(node) == place.span), None)


# -- loops ------------------------------------------------------------------------------------------------------------


def _cut(machine: Machine, module: Module, loops: list[scored.Looped]) -> Iterator[Truncation]:
    for node, loop in loops:
        if loop.statement is None:
            continue
        if isinstance(loop.statement, ast.For) and streams.goes_on(
            machine, module, whole.unwrapped(loop.statement.iter)
        ):
            continue
        early = early_returns.of_loop(node, loop)
        if early is not None:
            yield _at(machine, module, early, "return", data=_data(loop), reasons=(loop.place,))
        endless = _is_endless(machine, module, loop)
        function = node if isinstance(node, Function) else None
        around = function if function is not None else module.tree
        origin = Origin(machine, module, function)
        found = list(cuts.cuts(origin, loop.statement, around))
        standing = standing_caps.of_loop(origin, loop.statement, around) if not found else None
        for cut in (*found, standing) if standing is not None else found:
            if cut is not standing and endless and (cut.how != "whole" or _is_drawn(loop)):
                continue
            if cut.severity == "warning" and unused_helpers.is_one(machine.project, module, node):
                continue
            if cut.how == "short":  # what is scored is full, whatever is lost
                left_out.note_full(machine, loop, loop.place)
            yield _at(
                machine,
                module,
                cut.node,
                cut.how,
                cap=cut.cap,
                severity=cut.severity,
                data=_data(loop),
                reasons=(loop.place,),
            )


def _restarted(machine: Machine, module: Module, loops: list[scored.Looped]) -> Iterator[Truncation]:
    """Find `next(iter(loader))` in the loops of an evaluation: each step scores the first batch once more."""
    statements = {loop.statement for _, loop in loops}
    for place, loop, loader in machine.restarted:
        node = (
            _expression(machine, module, place) if loop.statement in statements and place.path == module.path else None
        )
        rows = options(loader.arg(0, "dataset") or Const(None))
        if node is not None and not any(is_random(machine, each) for each in rows):
            yield _at(machine, module, node, "restarted", data=text_of(node)[:50], reasons=(loop.place,))


def _thrown(machine: Machine, module: Module, loops: Iterable[scored.Looped]) -> Iterator[Truncation]:
    """Find the batches of single rows that end an evaluation half read."""
    statements = {loop.statement for _, loop in loops}
    for each in machine.thrown:
        if each.loop.statement in statements and each.shown.path == module.path:
            node = _expression(machine, module, each.shown)
            if node is not None:
                yield _at(
                    machine, module, node, "thrown", data=text_of(node)[:50], reasons=(each.place, each.loop.place)
                )


def _is_endless(machine: Machine, module: Module, loop: Loop) -> bool:
    """Say whether what is iterated has no end: a random or streaming data set, a generator with `while True`."""
    for option in options(loop.iterates):
        if isinstance(option, LibObject) and loaders.is_loader(option):
            return any(is_random(machine, each) for each in options(option.arg(0, "dataset") or Const(None)))
    if "streaming=True" in module.code or (loop.equal and "sampler" in loop.equal[0].message):
        return True
    return any("while True" in text_of(function.node) for function in _generators(machine, module, loop, None))


def _is_drawn(loop: Loop) -> bool:
    """Say whether batches begin where numbers were drawn: as many as there are whole ones is the size of a sample."""
    return any("numbers were drawn" in each.message for each in loop.equal)


def _data(loop: Loop) -> str:
    if loop.statement is None or isinstance(loop.statement, ast.While):
        return ""
    return text_of(whole.unwrapped(loop.statement.iter))[:50]


def _generators(machine: Machine, module: Module, loop: Loop, around: ast.AST | None) -> list[Func]:
    """Return the generators of the project that a loop may run over, by the names in its header.

    around: the function whose assignments say what a name in the header stands for.
    """
    if loop.statement is None or isinstance(loop.statement, ast.While):
        return []
    found: list[Func] = []
    header = whole.unwrapped(loop.statement.iter)
    sources = [loop.statement.iter]
    if isinstance(header, ast.Name) and around is not None:
        sources += assigned(around, header.id)
    for node in (each for source in sources for each in ast.walk(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            value = _global(machine, module, node.func.id)
            if isinstance(value, Func):
                found.append(value)
    for option in options(loop.over):
        if isinstance(option, Ref) and option.cls is not None:
            for base in classes.bases(machine, option.cls):
                if isinstance(base, Class):
                    found += [Func(each, base.module) for each in base.node.body if isinstance(each, Function)]
    return found


def _global(machine: Machine, module: Module, name: str) -> Value | None:
    from lintloss.facts import imports
    from lintloss.facts.values import Pending

    slot = machine.global_slot(module.path, name)
    if slot is None:
        return None
    return imports.resolve(machine, slot.value) if isinstance(slot.value, Pending) else slot.value


def _is_shared(module: Module, function: Func) -> bool:
    """Say whether a generator serves other loops too, where giving full batches only may be what is wanted."""
    name = getattr(function.node, "name", "")
    return sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(module.tree)) > 1


def _kept(machine: Machine, module: Module, passes: list[Pass]) -> Iterator[Truncation]:
    for each, loop in scored.passed(passes):
        for function in _generators(machine, module, loop, each.scene.node):
            place = leftovers.keeps(function.node)
            if place is None:
                continue
            if function.module is module and not _is_shared(module, function):
                yield _at(machine, module, place, "leftovers", data=_data(loop), reasons=(loop.place,))
            elif loop.statement is not None and isinstance(loop.statement, ast.For):
                span = machine.anchor(function.module).span(place)
                why = Evidence(function.module.path, span, "only full batches are given here")
                yield _at(machine, module, loop.statement.iter, "leftovers", data=_data(loop), reasons=(why,))


# -- makers -----------------------------------------------------------------------------------------------------------


def _left_out(
    machine: Machine, module: Module, loops: list[scored.Looped], known: list[Truncation]
) -> Iterator[Truncation]:
    """Tell what the makers of the batches leave out, but what is told already."""
    told = {place for each in known for place in (each.span, *(reason.span for reason in each.reasons))}
    for each in left_out.observe(machine, module, loops):
        why = left_out.evidence(machine, each)
        anchor = machine.anchor(module)
        if {why.span, machine.anchor(each.module).span(each.made), anchor.span(each.shown)} & told:
            continue
        node = each.node if left_out.is_own(module, each) else each.shown
        told.add(anchor.span(node))
        name = text_of(whole.unwrapped(each.shown))[:50]
        used = Evidence(module.path, anchor.span(each.shown), "what the evaluation runs over")
        cap = text_of(each.node) if each.how == "whole" else ""
        severity = "error" if each.sure else "warning"
        yield _at(machine, module, node, each.how, cap=cap, severity=severity, data=name, reasons=(why, used))


# -- the Hugging Face Trainer -----------------------------------------------------------------------------------------


def _trainers(machine: Machine, module: Module) -> Iterator[Truncation]:
    """`dataloader_drop_last=True` holds for the evaluation loader too."""
    if "dataloader_drop_last" not in module.code or "eval_dataset" not in module.code:
        return
    named = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    evaluates = any(
        each.arg == "eval_dataset" and text_of(each.value) != "None" for node in named for each in node.keywords
    )
    for node in named:
        if evaluates and ARGUMENTS.search(text_of(node.func)):
            for each in node.keywords:
                if (
                    each.arg == "dataloader_drop_last"
                    and isinstance(each.value, ast.Constant)
                    and each.value.value is True
                ):
                    yield _at(machine, module, each.value, "trainer", data="the evaluation set")


__all__ = ["Truncation", "observe"]
