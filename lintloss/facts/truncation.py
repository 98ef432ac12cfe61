"""Truncations: evaluation data that is never scored, because a loader drops it, a loop is cut, or an iterator keeps it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from lintloss.facts import (
    classes,
    cut_texts,
    cuts,
    dropped,
    early_returns,
    keras_steps,
    left_out,
    leftovers,
    scored,
    standing_caps,
    streams,
    unused_helpers,
    whole,
)
from lintloss.facts.callers import text_of
from lintloss.facts.caps import Function, Origin, assigned
from lintloss.facts.library import loaders
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Observation
from lintloss.facts.scored_passes import Pass
from lintloss.facts.truncated import Truncation, at, expression
from lintloss.facts.values import Class, Const, Func, LibObject, Ref, Value, options
from lintloss.findings import Evidence
from lintloss.parse import Module
from lintloss.patterns import regex

ARGUMENTS = regex(r"(TrainingArguments|SFTConfig|TrainingConfig)$")


def observe(machine: Machine, module: Module, passes: list[Pass], seen: Iterable[Observation] = ()) -> list[Truncation]:
    """Return what the evaluations of a module leave out.

    Args:
        seen: what was observed; loops over which a loss is averaged evaluate, whatever computes it.
    """
    loops = scored.evaluated(module, passes, seen)
    loops += scored.named(machine, module, loops)
    loops = [pair for pair in loops if scored.measures(*pair) and scored.keeps_something(*pair)]
    found = [
        *dropped.observe(machine, module, passes, loops),
        *_cut(machine, module, loops),
        *_restarted(machine, module, loops),
        *_thrown(machine, module, loops),
        *_kept(machine, module, passes),
        *_trainers(machine, module),
        *(
            at(machine, module, node, "whole", cap=text, severity="warning")
            for node, text in keras_steps.observe(module)
        ),
    ]
    found += _left_out(machine, module, loops, found)
    found += [
        at(machine, module, place, "text", data=text_of(text)[:50], reasons=(loop.place,))
        for place, text, loop in cut_texts.observe(machine, module, loops)
    ]
    first: dict[object, Truncation] = {}
    for each in found:
        first.setdefault(each.span, each)
    return list(first.values())


def handed_over(machine: Machine, module: Module, loops: Iterable[scored.Looped]) -> Iterator[Truncation]:
    """Find what another file hands to the evaluations of this one: loaders that drop, readers that throw rows away.

    Args:
        machine: has run that file.
        loops: the loops that this file alone was seen to evaluate in.
    """
    statements = {loop.statement for _, loop in loops if loop.statement is not None}
    for loop in machine.loop_of.values():
        if loop.statement in statements:
            yield from dropped.of_loop(machine, module, loop, ())
    yield from _thrown(machine, module, loops)


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
            yield at(machine, module, early, "return", data=_data(loop), reasons=(loop.place,))
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
            yield at(
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
            expression(machine, module, place) if loop.statement in statements and place.path == module.path else None
        )
        rows = options(loader.arg(0, "dataset") or Const(None))
        if node is not None and not any(dropped.is_random(machine, each) for each in rows):
            yield at(machine, module, node, "restarted", data=text_of(node)[:50], reasons=(loop.place,))


def _thrown(machine: Machine, module: Module, loops: Iterable[scored.Looped]) -> Iterator[Truncation]:
    """Find the batches of single rows that end an evaluation half read."""
    statements = {loop.statement for _, loop in loops}
    for each in machine.thrown:
        if each.loop.statement in statements and each.shown.path == module.path:
            node = expression(machine, module, each.shown)
            if node is not None:
                yield at(
                    machine, module, node, "thrown", data=text_of(node)[:50], reasons=(each.place, each.loop.place)
                )


def _is_endless(machine: Machine, module: Module, loop: Loop) -> bool:
    """Say whether what is iterated has no end: a random or streaming data set, a generator with `while True`."""
    for option in options(loop.iterates):
        if isinstance(option, LibObject) and loaders.is_loader(option):
            return any(dropped.is_random(machine, each) for each in options(option.arg(0, "dataset") or Const(None)))
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
                yield at(machine, module, place, "leftovers", data=_data(loop), reasons=(loop.place,))
            elif loop.statement is not None and isinstance(loop.statement, ast.For):
                span = machine.anchor(function.module).span(place)
                why = Evidence(function.module.path, span, "only full batches are given here")
                yield at(machine, module, loop.statement.iter, "leftovers", data=_data(loop), reasons=(why,))


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
        yield at(machine, module, node, each.how, cap=cap, severity=severity, data=name, reasons=(why, used))


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
                    yield at(machine, module, each.value, "trainer", data="the evaluation set")


__all__ = ["Truncation", "observe"]
