"""Loops that evaluate: a model runs in them, or a loss is averaged over them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from lintloss.facts.callers import text_of
from lintloss.facts.caps import Function
from lintloss.facts.cuts import given_in
from lintloss.facts.differentiating import TRAINS
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.measuring import is_unit_test
from lintloss.facts.observations import Averaging, Observation
from lintloss.facts.regions import NAME, TRAINING
from lintloss.facts.scored_passes import Pass
from lintloss.facts.split_names import is_held_out, is_training
from lintloss.facts.survey import called_name, walk
from lintloss.parse import Module
from lintloss.patterns import regex

# what is added up or kept of each batch: a loss, a perplexity
COLLECTS = regex(
    r"(loss|nll|ppl|perplex|entropy|xent)\w*(\[[^\]]*\])?( \+= |\.(append|update|add|update_state)\()", re.IGNORECASE
)
LOSS = regex(r"loss|nll|ppl|perplex|entropy", re.IGNORECASE)
MEASURES = regex(
    r"loss|nll|ppl|perplex|entropy|criterion|acc|correct|metric|score|f1|bleu|wer|auc|mse|err|pred|eval|valid|test|report|log\(|print",
    re.IGNORECASE,
)
RUNS = regex(r"eval|infer|loss|forward|score|step$", re.IGNORECASE)
Looped = tuple[ast.AST | None, Loop]  # a loop, and the function that it stands in


def evaluated(module: Module, passes: list[Pass], seen: Iterable[Observation]) -> list[Looped]:
    """List the loops of a module that evaluate: a model runs in them, or a loss is averaged over them."""
    return [*looped(passes), *_averaged(module, passes, seen)]


def measures(function: ast.AST | None, loop: Loop) -> bool:
    """Say whether the code around a loop speaks of what may be reported; one that only keeps logits is no evaluation."""
    around = function if function is not None else loop.statement
    return around is None or MEASURES.search(text_of(around)) is not None


def keeps_something(function: ast.AST | None, loop: Loop) -> bool:
    """Say whether anything comes out of a loop: a number added up, kept, given away, or read behind it.

    A loop that only sees whether two batches run through evaluates nothing that could be cut short.
    """
    statement = loop.statement
    if function is None or not isinstance(statement, ast.For | ast.AsyncFor | ast.While):
        return True
    parts = [each for part in statement.body for each in walk(part)]
    if any(_goes_out(each) for each in parts):
        return True
    inside = {id(each) for each in walk(statement)}
    bound = {each.id for each in parts if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    read = (each for each in walk(function) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load))
    return any(each.id in bound and id(each) not in inside for each in read)


def _goes_out(node: ast.AST) -> bool:
    """Say whether a part of a loop's body keeps, gives away or reports something: by itself, or by a call for its effect."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Attribute | ast.Subscript):
        return isinstance(node.ctx, ast.Store)
    return isinstance(node, ast.AugAssign | ast.Return | ast.Yield | ast.YieldFrom | ast.NamedExpr | ast.Global)


def _averaged(module: Module, passes: list[Pass], seen: Iterable[Observation]) -> Iterator[Looped]:
    """Yield the loops of evaluations over which a loss is averaged, where no model is seen to run."""
    told = {loop.statement for _, loop in looped(passes)}
    for each in seen:
        if not isinstance(each, Averaging) or each.setting.phase != "evaluation" or each.how == "framework":
            continue
        for loop in each.loops:
            own = loop.place.path == module.path and not loop.trains and loop.unit not in {"epoch", "rank"}
            if own and loop.statement is not None and loop.statement not in told:
                told.add(loop.statement)
                yield _function_around(module, loop.statement), loop


def named(machine: Machine, module: Module, told: Iterable[Looped]) -> Iterator[Looped]:
    """Yield the loops over what is called an evaluation's data, in which something is measured, whatever runs the model."""
    known = {loop.statement for _, loop in told}
    for loop in machine.loop_of.values():
        statement = loop.statement
        if not isinstance(statement, ast.For) or loop.place.path != module.path or loop.trains or statement in known:
            continue
        header, text = text_of(statement.iter), text_of(statement)
        if loop.unit == "epoch" or is_training(header) or TRAINS.search(text) or is_unit_test(module):
            continue
        function = _function_around(module, statement)
        collects = is_held_out(header) and COLLECTS.search(text)
        if collects or _hands_on(function, statement, loop):
            known.add(statement)
            yield function, loop


def _hands_on(function: ast.AST | None, statement: ast.For, loop: Loop) -> bool:
    """Say whether a function that evaluates by its name hands each batch to what computes the loss out of sight."""
    name = getattr(function, "name", "")
    if loop.unit != "batch" or not NAME.search(name) or TRAINING.search(name) or not LOSS.search(text_of(function)):
        return False
    names = given_in(statement)
    for call in (
        each for each in walk(statement) if isinstance(each, ast.Call) and RUNS.search(called_name(each.func))
    ):
        given = (*call.args, *(word.value for word in call.keywords))
        if names & {each.id for arg in given for each in walk(arg) if isinstance(each, ast.Name)}:
            return True
    return False


def _function_around(module: Module, statement: ast.stmt) -> ast.AST | None:
    """Return the innermost function that holds a statement, None at module level."""
    functions = (each for each in walk(module.tree) if isinstance(each, Function))
    holding = [each for each in functions if each.lineno <= statement.lineno <= (each.end_lineno or 0)]
    return max(holding, key=lambda each: each.lineno) if holding else None


def looped(passes: list[Pass]) -> Iterator[Looped]:
    """Yield the loops of the regions' own functions around their forward passes, each once."""
    for each, loop in passed(passes):
        yield each.scene.node, loop


def passed(passes: list[Pass]) -> Iterator[tuple[Pass, Loop]]:
    """Yield each of those loops with the first pass that is seen in it."""
    seen = set()
    for each in passes:
        for loop in each.forward.loops:
            own = loop.frame == each.region.index + 1 and loop.unit not in {"epoch", "rank"}
            if own and (loop.key not in each.outer or _gives_pieces(loop, each)) and loop.statement not in seen:
                seen.add(loop.statement)
                yield each, loop


def _gives_pieces(outer: Loop, each: Pass) -> bool:
    """Say whether a loop counts batches, and the one inside of it runs over pieces of each batch."""
    statement, inner = outer.statement, each.region.loop.statement if each.region.loop is not None else None
    if not isinstance(statement, ast.For) or not isinstance(inner, ast.For) or "batch" not in text_of(statement.iter):
        return False
    ranges = isinstance(statement.iter, ast.Call) and text_of(statement.iter.func) == "range"
    return ranges and bool(given_in(statement) & {one.id for one in walk(inner.iter) if isinstance(one, ast.Name)})
