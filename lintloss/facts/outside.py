"""Callers in other files: what an evaluation is given by the script that imports it, seen by running that script.

Who evaluates is often in one file and the loader, the model and the criterion are made in another. Where a comparison
says nothing by itself, the files that call its function are run, and what it shows in their hands is added.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise

from lintloss.facts import (
    callers,
    classes,
    data_files,
    evaluation,
    forwards,
    inherited,
    pad_marks,
    padding,
    phases,
    regularizers,
    scored,
    scored_passes,
    truncation,
)
from lintloss.facts.averages import LANGUAGE
from lintloss.facts.equality import proven_equal, proven_unequal
from lintloss.facts.evaluation import Evaluation
from lintloss.facts.library import outputs
from lintloss.facts.machine import TOTAL, Frame, Machine, OutOfBudget
from lintloss.facts.observations import Averaging, Compared, Exponential, Observation, Reported
from lintloss.facts.project import Project
from lintloss.facts.roots import forget_rebound, run_body, run_root
from lintloss.facts.state import Slot, State
from lintloss.facts.survey import called_name, survey
from lintloss.facts.values import Class, Func, Opaque
from lintloss.findings import Evidence, Span
from lintloss.parse import Module
from lintloss.patterns import regex

STEPS = 60_000  # for one calling file
INSTANCES = 2  # of the file's own classes, made by a calling file
FILES = 2  # calling files that are run
SILENT = 4  # definitions that average what nobody sees, whose callers are asked for
METERS = regex(r"meter|track|metric|stat|averag|record|eval|valid|test|runner|monitor", re.IGNORECASE)
MEAN = regex(r"/=? *(len\(|max\(|self\.|\w*(count|num|steps|iters|batches)\b|\w+\[\d\])|\bmean\(")
ABSTRACT = regex(r"\bNotImplementedError\b|@(abc\.)?abstractmethod\b")
EVALUATES = regex(r"\bdef _*(valid|val_|test_step|eval)")
LOSS = regex(r"loss|perplex|ppl|metric", re.IGNORECASE)
LONGEST = 200_000  # characters of a calling file
# `loss = sums[0] / sums[2]`, `return total_loss / n`
DIVIDED = regex(r"(loss|nll|ppl|perplex|metric|xent)[^\n]{0,40} /=? ", re.IGNORECASE)
# `{name: sum(v) / len(v) for name, v in metrics.items()}`, `mean(losses)`: behind the first of these in a line, in lower case
BEHIND = {"/ ": regex(r"loss|nll|ppl|perplex|metric"), "mean(": regex(r"loss|nll|ppl|perplex")}
# `metric.update(loss_value.item(), num.item())`: what divides is in another file
FEEDS = regex(r"(metric|meter|tracker)s?(\[[^\]]*\])?\.(update|add)\(", re.IGNORECASE)

STEPS_OF_FRAMEWORK = regex(r"\bLightningModule\b[\s\S]*\bdef (validation|test)_step\b")
FITS = regex(r"(?<!pre)train|\.fit\(")
DATA = regex(r"loader|dataset|batches|split", re.IGNORECASE)
Definition = ast.FunctionDef | ast.AsyncFunctionDef


def seen_outside(
    module: Module, project: Project, seen: list[Observation], loops: list[scored.Looped], unswitched: set[str]
) -> list[Observation]:
    """Return what was seen, and what shows more when other files call it: comparisons, averages, and what losses hold.

    Args:
        loops: those that evaluate; a loader that is handed to one of them may drop rows.
        unswitched: what evaluates models that other files make, in whichever mode these leave them.
    """
    steps = STEPS_OF_FRAMEWORK.search(module.code) is not None  # who fits the module has the batches
    asking = (
        each for each in seen if _asks(each) or _trains_by_default(module, each) or (steps and _is_evaluated(each))
    )
    names = {name for each in asking for name in _names(module, each)} | _silent(module, seen) | unswitched
    names.update(data_files.asking(module))
    calling: dict[str, tuple[Module, list[callers.Around]]] = {}
    for name in sorted(names):
        sites = callers.sites(project, module, name, running=module.path)
        for derived, cls in list(_derived(sites, name))[:SILENT]:  # a trainer is made where its subclass is named
            sites += callers.sites(project, derived, cls, running=module.path)
            names.add(cls)
        for site, around in sites:
            if site.path != module.path and len(site.text) < LONGEST:
                calling.setdefault(site.path, (site, []))[1].append(around)
    nearest = sorted(calling.values(), key=lambda each: _distance(module, each[0], names))
    plain: set[Span] = set()
    more = [found for site, around in nearest[:FILES] for found in _run(module, project, site, around, loops, plain)]
    more = [each for each in more if not (isinstance(each, Reported) and each.span in plain)]
    told = {_place_of(each) for each in seen if isinstance(each, Reported)}
    averaged = {each.scope_rows for each in (*seen, *more) if isinstance(each, Averaging)}
    more = [each for each in more if not isinstance(each, Reported) or _is_reported(each, averaged)]
    told |= {_place_of(each) for each in seen if isinstance(each, Evaluation) and each.mode}
    more = [each for each in more if _place_of(each) not in told]
    shown = {_place_of(each) for each in more}
    seen = [each for each in seen if not (_is_of_framework(each) and _place_of(each) in shown)]
    known = {_place_of(each) for each in (*seen, *more) if _is_known(each)}
    exact = _exact(more)
    more = [each for each in more if not (_place_of(each) in exact and _is_over_unknown(each))]
    beside = _beside(seen)
    seen = [each for each in seen if not (_is_presumed(each) and _place_of(each) in known) or _id_of(each) in beside]
    return [each for each in seen if not (_place_of(each) in exact and _is_unproven(each))] + more


def _derived(sites: list[tuple[Module, callers.Around]], name: str) -> Iterator[tuple[Module, str]]:
    """Yield the classes that take over from a class of that name, with their files."""
    for site in dict.fromkeys(site for site, _ in sites):
        for node in site.tree.body:
            if isinstance(node, ast.ClassDef) and name in {called_name(base) for base in node.bases}:
                yield site, node.name


def _exact(seen: list[Observation]) -> set[tuple[type, Span]]:
    """Return the averages whose batches score the same number of tokens, in the hands of all callers that show theirs."""
    averages = [each for each in seen if isinstance(each, Averaging)]
    others = {_place_of(each) for each in averages if not proven_equal(each.before) and not _is_over_unknown(each)}
    return {_place_of(each) for each in averages if proven_equal(each.before)} - others


def _is_unproven(seen: Observation) -> bool:
    """Say whether nothing is known of the batches of an average: the callers know."""
    return isinstance(seen, Averaging) and not proven_unequal(seen.before)


def _is_reported(seen: Reported, averaged: set[tuple[int, int]]) -> bool:
    """Say whether a loss is one that an evaluation reports: it averages there, or says by its name or mode what it is."""
    return seen.scope_rows in averaged or seen.setting.phase == "evaluation"


def _distance(module: Module, site: Module, names: set[str]) -> tuple[bool, bool, bool, bool, bool, str]:
    """Rank calling files: those that call it themselves first, that make data, that name its file, and tests last."""
    stem, _ = os.path.splitext(os.path.basename(module.path))
    is_direct = any(f"{name}(" in site.code for name in names)
    feeds = DATA.search(site.code) is not None
    fits = "ightning" not in module.code or FITS.search(site.code) is not None
    return "test" in os.path.basename(site.path), not is_direct, not fits, not feeds, stem not in site.code, site.path


def _place_of(seen: Observation) -> tuple[type, Span]:
    return type(seen), seen.span


def _is_presumed(seen: Observation) -> bool:
    """Say whether an average or an exponent is one of a loss that only its name speaks for."""
    if isinstance(seen, Averaging):
        return seen.before.presumed
    return isinstance(seen, Exponential) and seen.exponent.presumed


def _beside(seen: list[Observation]) -> set[tuple[type, Span, tuple[Evidence, ...], Evidence | None]]:
    """Return the averages of presumed losses that one call takes beside known ones: those of a dict that holds both.

    What is scored at one place, presumed in one call and known in another, is one loss.
    """
    averages = [each for each in seen if isinstance(each, Averaging)]
    known = [each for each in averages if _is_known(each)]
    return {
        _id_of(each)
        for each in averages
        if _is_presumed(each)
        and {other.stack for other in known if _place_of(other) == _place_of(each)} == {each.stack}
        and _scored_at(each) not in {_scored_at(other) for other in known}
    }


def _id_of(seen: Observation) -> tuple[type, Span, tuple[Evidence, ...], Evidence | None]:
    return type(seen), seen.span, seen.stack, _scored_at(seen)


def _scored_at(seen: Observation) -> Evidence | None:
    scoring = seen.before.scoring if isinstance(seen, Averaging) else None
    return scoring.place if scoring is not None else None


def _is_known(seen: Observation) -> bool:
    """Say whether more is known than a name says: not where nothing is known of what divided the loss."""
    if isinstance(seen, Averaging) and seen.before.unit.power("unknown"):
        return False
    return not _is_presumed(seen)


def _silent(module: Module, seen: list[Observation]) -> set[str]:
    """Return the meters and evaluations that average something in which no loss was seen: it comes from their callers."""
    rows = [each.span.row for each in seen if isinstance(each, Averaging)]
    tops = (each for each in module.tree.body if isinstance(each, Definition | ast.ClassDef))
    unseen = (each for each in tops if not any(each.lineno <= row <= (each.end_lineno or row) for row in rows))
    return set([each.name for each in unseen if _divides(padding.text_of(module, each), each.name)][:SILENT])


def _divides(text: str, name: str) -> bool:
    """Say whether a definition divides what is called a loss, is a meter by its name that divides anything, feeds a meter,
    or leaves the loss of its evaluation to subclasses.
    """
    lines = text.lower().split("\n")
    averages = (
        any(pattern.search(text) for pattern in (DIVIDED, FEEDS)) or any(map(_averages, lines)) or _reduces(lines)
    )
    if (averages or (ABSTRACT.search(text) and EVALUATES.search(text))) and LOSS.search(text):
        return True
    return METERS.search(name) is not None and MEAN.search(text) is not None and LOSS.search(text) is not None


def _averages(line: str) -> bool:
    """Say whether a line divides, or takes a mean, before it names a loss; a long literal is read once, not once a slash."""
    for opening, named in BEHIND.items():
        at = line.find(opening)
        if at >= 0 and named.search(line, at + len(opening)):
            return True
    return False


def _reduces(lines: list[str]) -> bool:
    """Say whether `dist.all_reduce(value)` stands above `value / world_size`: of metrics that others compute."""
    return any("all_reduce(" in above and " / " in line for above, line in pairwise(lines))


def _asks(seen: Observation) -> bool:
    """Say whether an evaluation compares what nothing is known of, or averages what is a loss by its name."""
    if isinstance(seen, Averaging):
        unknown = seen.before.presumed or _is_of_framework(seen) or _is_over_unknown(seen)
        return unknown and seen.setting.phase != "training"
    if not isinstance(seen, Compared):
        return False
    known = seen.alignment is not None or seen.overlap is not None
    return not known and seen.setting.phase in {"evaluation", "shared", "unknown"}


def _trains_by_default(module: Module, seen: Observation) -> bool:
    """Say whether an average is one of a training unless a caller says otherwise: `def run_epoch(…, is_train=True)`."""
    if not isinstance(seen, Averaging) or seen.setting.phase != "training":
        return False
    around = (each for each in module.tree.body if isinstance(each, Definition | ast.ClassDef))
    held = [each for each in around if each.lineno <= seen.span.row <= (each.end_lineno or each.lineno)]
    inner = [node for each in held for node in ast.walk(each) if isinstance(node, Definition)]
    makers = [node.args for node in inner if node.lineno <= seen.span.row <= (node.end_lineno or node.lineno)]
    return any(forwards.FLAG.search(each.arg) for spec in makers for each in _with_default(spec))


def _with_default(spec: ast.arguments) -> list[ast.arg]:
    named = [each for each, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if default is not None]
    positional = [*spec.posonlyargs, *spec.args]
    return [*positional[len(positional) - len(spec.defaults) :], *named]


def _is_over_unknown(seen: Observation) -> bool:
    """Say whether an average is over a loader that the function is given, of whose batches nothing is known."""
    last = seen.before.loops[-1] if isinstance(seen, Averaging) and seen.before.loops else None
    if not isinstance(seen, Averaging) or last is None or not isinstance(last.iterates, Opaque):
        return False
    return not proven_equal(seen.before) and not proven_unequal(seen.before)


def _is_of_framework(seen: Observation) -> bool:
    """Say whether a framework averages over batches of a loader that is made elsewhere, and nothing was seen of."""
    if not isinstance(seen, Averaging) or seen.how != "framework" or seen.setting.task not in LANGUAGE:
        return False
    return not any(loop.unequal for loop in seen.before.loops)


def _is_evaluated(seen: Observation) -> bool:
    return isinstance(seen, Compared) and seen.setting.phase == "evaluation"


def _names(module: Module, seen: Observation) -> list[str]:
    """Return the top-level function or class that holds a comparison."""
    return [
        each.name
        for each in module.tree.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and each.lineno <= seen.span.row <= (each.end_lineno or each.lineno)
    ]


def _run(
    home: Module,
    project: Project,
    site: Module,
    around: list[callers.Around],
    loops: list[scored.Looped],
    plain: set[Span],
) -> list[Observation]:
    """Run a calling file, and those of its functions that hold the calls.

    plain: is told where losses are reported that a caller is seen to compute by a plain criterion.
    """
    machine = Machine(project)
    machine.home, machine.spent = home.path, TOTAL - STEPS
    frame = Frame(site, site.tree, (site.path,), State())
    machine.frames.append(frame)
    run_body(machine, site.tree.body)
    machine.globals[site.path] = {name: Slot(slot.value, 0) for name, slot in frame.state.names.items()}
    forget_rebound(machine, site, survey(site.tree).rebound)
    for node in dict.fromkeys(nodes[0] for nodes in around if nodes and isinstance(nodes[0], Definition)):
        if isinstance(node, Definition) and (site.path, node.lineno) not in machine.reached:
            run_root(machine, Func(node, site), {})
    _run_subclasses(machine, home, site)
    _run_methods(machine, home)
    pad_marks.settle(machine)
    outputs.forget_unread(machine)
    regularizers.observe(machine)
    told = [(place.span, noted) for place, noted in machine.reports.items() if place.path == home.path]
    laden = {span for span, noted in told if noted.laden_for_caller}
    plain |= {span for span, noted in told if noted.is_plain_for_callers} - laden
    seen = [each for each in machine.log.values() if each.path == home.path and _tells(each)]
    seen = [each for each in seen if not _is_foreign(each, home, site)]
    modes = _in_training_mode(machine, home, site)
    loops = [*loops, *scored.evaluated(home, [], seen)]  # some are seen to evaluate with this caller only
    return [*seen, *truncation.handed_over(machine, home, loops), *modes, *_recording(machine, home)]


def _is_foreign(seen: Observation, home: Module, site: Module) -> bool:
    """Say whether an average is of a loss that the calling file computes, of what may be no tokens: it is about others."""
    scoring = seen.before.scoring if isinstance(seen, Averaging) else None
    if scoring is None or scoring.item != "item" or scoring.place is None or scoring.place.path in ("", home.path):
        return False
    return scoring.place.path == site.path and phases.task_of(site) not in LANGUAGE


def _in_training_mode(machine: Machine, home: Module, site: Module) -> list[Observation]:
    """Return the evaluations whose model the calling file made and left in training mode, as all callers do.

    Where some function sets evaluation mode, those only that called train() themselves.
    """
    told = any(callers.MODE.search(each.code) for each in (home, site))
    passes = [each for each in scored_passes.passes(machine, home) if not each.region.shared or each.region.for_caller]
    found = evaluation.observe(machine, passes)
    trains = [replace(each, gradients="off") for each in found if each.mode == "train" and _is_left(home, each, told)]
    return [each for each in trains if not callers.evaluation_mode(machine.project, callers.Asked(home, each.function))]


def _recording(machine: Machine, home: Module) -> list[Observation]:
    """Return the evaluations that record gradients in steps which only the calling file defines: a subclass's losses."""
    steps = [each for each in scored_passes.passes(machine, home) if not (each.region.shared or each.is_direct)]
    abroad = [each for each in steps if each.forward.scenes[each.region.index + 1].module is not home]
    found = (each for each in evaluation.observe(machine, abroad) if each.gradients == "on")
    return [
        replace(each, mode="")
        for each in found
        if not callers.gradients_off(machine.project, callers.Asked(home, each.function))
        and not callers.is_handed_on(machine.project, callers.Asked(home, each.function))
    ]


def _is_left(home: Module, seen: Evaluation, told: bool) -> bool:
    """Say whether nobody ends the training mode: nobody sets another one, or the function that trains does not."""
    if not told:
        return True
    first, last = seen.scope_rows
    place = seen.mode_place
    if place is None or place.path != home.path or not first < place.span.row <= last:
        return False
    return callers.MODE.search("\n".join(home.code.splitlines()[first - 1 : last])) is None


def _run_methods(machine: Machine, home: Module) -> None:
    """Run the methods that the calling file did not reach, on the instances that it made: a trainer calls them."""
    heap = machine.frames[0].state.heap
    machine.frames[:] = [Frame(home, home.tree, (home.path,), State(dict(machine.module_names(home.path)), heap))]
    for made in list(machine.handed_over)[:INSTANCES]:
        for node in made.cls.node.body if made.cls is not None else ():
            if not isinstance(node, Definition) or node.name.startswith("__"):
                continue
            is_reached = (home.path, node.lineno) in machine.reached
            if not is_reached and machine.relevance.scores(home, node):
                run_root(machine, Func(node, home, made, made.cls), {})


def _run_subclasses(machine: Machine, home: Module, site: Module) -> None:
    """Run what classes of a calling file take over from the asked one, with the steps that they define.

    The mode of a model is that of the instances which the file itself makes, where it makes some and runs them.
    """
    known, reached = set(machine.instantiated), set(machine.reached)
    for node in site.tree.body:
        if not isinstance(node, ast.ClassDef) or not node.bases:
            continue
        cls = Class(node, site)
        try:
            if not any(isinstance(each, Class) and each.module is home for each in classes.bases(machine, cls)[1:]):
                continue
            made = classes.instantiate(machine, node, cls, [], {})
        except (OutOfBudget, RecursionError):
            continue
        for template in inherited.templates(machine, site, cls, made):
            was_run = node in known and (home.path, template.node.lineno) in reached
            with forwards.forgotten(machine) if was_run else nullcontext():
                run_root(machine, template, {})


def _tells(seen: Observation) -> bool:
    """Say whether an observation is one that a caller can add to: it compares, or averages a loss that is now known."""
    if isinstance(seen, Averaging):
        told = not seen.before.presumed or seen.setting.task in LANGUAGE  # by a caller that is about tokens
        return told and seen.setting.phase != "training"
    if isinstance(seen, Exponential):  # what else one caller's hook returns is no fault of who exponentiates it
        return seen.exponent.scoring is None or seen.exponent.scoring.is_cross_entropy
    if isinstance(seen, Reported):  # weights that may only leave out the padding are told apart where they are made
        return any(is_certain or "weights" not in said for said, is_certain in seen.extras)
    return isinstance(seen, Compared)
