"""Unreset: a total, list or meter of losses that the training filled, goes on in the evaluation, and is averaged there.

Either one loop runs over both phases, with the total made before it and shown in each pass, or two loops stand one
behind the other. What is said to be the evaluation's mean holds all losses of the training before it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from lintloss.facts import shown_texts
from lintloss.facts.callers import text_of
from lintloss.facts.machine import Machine
from lintloss.facts.set_back import Resets
from lintloss.facts.split_names import is_evaluation, is_training
from lintloss.facts.survey import called_name, walk
from lintloss.facts.training_steps import STEPS
from lintloss.parse import Module
from lintloss.patterns import regex

LOSS = regex(r"loss|nll|ppl|perplex|entropy|\bce\b", re.IGNORECASE)
MEANS = frozenset({"mean", "average", "fmean", "compute", "result"})
FIELDS = frozenset({"avg", "mean", "average", "global_avg", "val_avg"})

Found = tuple[ast.AST, str, str]
Blocks = Iterator[list[ast.stmt]]


def observe(machine: Machine, module: Module) -> Iterator[Found]:
    """Yield where a mean is read that holds the training's losses: its place, what it goes by, and what was not set back."""
    if STEPS.search(module.code) is None:
        return
    resets = Resets(machine, module)
    for block in _blocks(module.tree):
        for index, statement in enumerate(block):
            loop = _loop_in(statement)
            if loop is None:
                continue
            yield from _over_phases(resets, loop)
            if STEPS.search(text_of(loop)) is not None:
                behind = [*_beside(statement, loop), *block[index + 1 :]]
                yield from _one_behind_the_other(resets, loop, behind)


def _blocks(tree: ast.AST) -> Blocks:
    for node in walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def _loop_in(statement: ast.stmt) -> ast.For | None:
    """Return a loop, or the only one that a `with` holds directly."""
    while isinstance(statement, ast.With):
        loops = [each for each in statement.body if isinstance(each, ast.For | ast.With)]
        if len(loops) != 1:
            return None
        statement = loops[0]
    return statement if isinstance(statement, ast.For) else None


# -- two loops --------------------------------------------------------------------------------------------------------


def _one_behind_the_other(resets: Resets, trained: ast.For, behind: Sequence[ast.stmt]) -> Iterator[Found]:
    kept = _accumulated(trained)
    if not kept or any(STEPS.search(text_of(each)) for each in behind):
        return
    for index, statement in enumerate(behind):
        loop = _loop_in(statement)
        if loop is None:
            continue
        if not is_evaluation(text_of(loop.iter)) or is_evaluation(text_of(trained.iter)):
            return
        between = [*behind[:index], *_beside(statement, loop)]
        names = {each for each in kept & _accumulated(loop) if not _is_bound(between, each)}
        told = [*_told(behind[index + 1 :], names)]
        yield from [each for each in told if not _is_reset(resets, (trained, loop), between, each[2])][:1]
        return


def _beside(statement: ast.stmt, loop: ast.For) -> Iterator[ast.stmt]:
    """Yield what else the `with` blocks around a loop hold."""
    while isinstance(statement, ast.With):
        inner = next(each for each in statement.body if each is loop or isinstance(each, ast.With))
        yield from (each for each in statement.body if each is not inner)
        statement = inner


def _told(rest: Sequence[ast.stmt], names: set[str]) -> Iterator[Found]:
    """Yield the means of what was not set back that go by the name of an evaluation."""
    for statement in rest:
        if isinstance(statement, ast.For | ast.While | ast.FunctionDef | ast.ClassDef):
            return
        if isinstance(statement, ast.Assign):
            said = called_name(statement.targets[0])
            yield from ((node, said, name) for node, name in _means(statement.value, names) if is_evaluation(said))
        else:
            for caption, value in shown_texts.shown(statement):
                found = _means(value, names) if is_evaluation(caption.lower()) else ()
                yield from ((node, caption.strip(" :=\n"), name) for node, name in found)
        if _is_bound([statement], *names):
            return


# -- one loop over the phases -----------------------------------------------------------------------------------------


def _over_phases(resets: Resets, outer: ast.For) -> Iterator[Found]:
    """Find `for phase in ["train", "val"]:` whose inner loop adds to what was made before it, and which shows its mean."""
    phase = outer.target.elts[0] if isinstance(outer.target, ast.Tuple) else outer.target
    inner = [(at, loop) for at, loop in ((k, _loop_in(each)) for k, each in enumerate(outer.body)) if loop is not None]
    if len(inner) != 1 or not isinstance(phase, ast.Name) or not _trains_first(outer, phase.id):
        return
    at, loop = inner[0]
    if not _steps_at_times(loop):
        return
    around = [*outer.body[:at], *outer.body[at + 1 :]]
    names = {each for each in _accumulated(loop) if phase.id not in each and not _is_bound(around, each)}
    names = {each for each in names if not _is_reset(resets, (loop,), around, each)}
    for statement in outer.body[at + 1 :]:
        shown = phase.id in {each.id for each in walk(statement) if isinstance(each, ast.Name)}
        found = list(_means(statement, names)) if names else []
        if found and (shown or isinstance(statement, ast.Assign)):
            yield from ((node, phase.id, name) for node, name in found[:1])
            return


def _trains_first(outer: ast.For, phase: str) -> bool:
    """Say whether a loop runs over phases of which the first trains, by the list that it runs over, or by what it asks."""
    if isinstance(outer.iter, ast.List | ast.Tuple) and outer.iter.elts:
        first, others = outer.iter.elts[0], outer.iter.elts[1:]
        return is_training(text_of(first)) and bool(others) and all(map(is_evaluation, map(text_of, others)))
    return any(
        isinstance(each, ast.Compare)
        and text_of(each.left) == phase
        and isinstance(each.ops[0], ast.Eq)
        and is_training(text_of(each.comparators[0]))
        for each in walk(outer)
    )


def _steps_at_times(loop: ast.For) -> bool:
    """Say whether a loop trains under a test alone."""
    tests = [each for each in walk(loop) if isinstance(each, ast.If)]
    under = any(STEPS.search(_code(each.body)) for each in tests)
    plain = (each for each in loop.body if not isinstance(each, ast.If | ast.With))
    return under and not any(STEPS.search(text_of(each)) for each in plain)


# -- what is added up -------------------------------------------------------------------------------------------------


def _accumulated(loop: ast.For) -> set[str]:
    """Return what a loop adds losses to, but in no loop inside of it: totals, lists, meters, entries of a dict."""
    found: set[str] = set()
    for node in _direct(loop.body):
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and _is_loss(node.value):
            found.add(text_of(node.target))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value
            if isinstance(call.func, ast.Attribute) and call.func.attr in {"append", "update"} and call.args:
                if _is_loss(call.args[0]):
                    found.add(text_of(call.func.value))
        elif isinstance(node, ast.Assign):
            target = text_of(node.targets[0])
            parts = {text_of(each) for each in walk(node.value)}
            grows = isinstance(node.value, ast.Call) and called_name(node.value.func) in {"cat", "concatenate"}
            if grows and target in parts and _is_loss(node.value):
                found.add(target)
    return found


def _direct(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for each in body:
        yield each
        if isinstance(each, ast.With):
            yield from _direct(each.body)


def _is_loss(value: ast.expr) -> bool:
    return LOSS.search(text_of(value)) is not None


def _is_bound(statements: Iterable[ast.stmt], *names: str) -> bool:
    """Say whether something is assigned to a name, to a part of it, or to what it is a part of."""
    for node in (each for statement in statements for each in walk(statement)):
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For):
            targets = [node.target]
        else:
            continue
        texts = {text_of(part) for each in targets for part in walk(each)}
        if any(name == text or name.startswith((text + "[", text + ".")) for name in names for text in texts):
            return True
    return False


def _is_reset(resets: Resets, loops: Sequence[ast.For], between: Sequence[ast.stmt], name: str) -> bool:
    """Say whether loops set back what they add to, every so many steps, or something between them does."""
    for node in (each for loop in loops for each in walk(loop)):
        if isinstance(node, ast.Assign) and name in {text_of(each) for each in node.targets}:
            if not any(text_of(each) == name for each in walk(node.value)):
                return True
    return resets.any_of([*loops, *between], name)


def _code(statements: Iterable[ast.stmt]) -> str:
    return "\n".join(map(text_of, statements))


def _means(node: ast.AST, names: set[str]) -> Iterator[tuple[ast.AST, str]]:
    """Yield the means that are taken of what goes by one of these names: a quotient, mean(), `.avg`."""
    for each in walk(node):
        if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Div):
            left = each.left.args[0] if isinstance(each.left, ast.Call) and each.left.args else each.left
            if text_of(left) in names:
                yield each, text_of(left)
        elif isinstance(each, ast.Call) and called_name(each.func) in MEANS:
            over = each.args[0] if each.args else each.func.value if isinstance(each.func, ast.Attribute) else None
            if over is not None and text_of(over) in names:
                yield each, text_of(over)
        elif isinstance(each, ast.Attribute) and each.attr in FIELDS and text_of(each.value) in names:
            yield each, text_of(each.value)
