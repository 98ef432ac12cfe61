"""Iteration: what a loop runs over, what one pass of it is, and how often its body has to be interpreted."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import partial

from lintloss.facts import assign, batch_shapes, full_ranges, generators, iterated, objectives, symbolic
from lintloss.facts.callers import text_of
from lintloss.facts.expressions import evaluate
from lintloss.facts.iterated import EPOCHS
from lintloss.facts.loops import Loop
from lintloss.facts.machine import TOTAL, Machine, OutOfBudget
from lintloss.facts.observations import Averaging, Observation
from lintloss.facts.state import join_states
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import UNKNOWN, Key, LibObject, Ref, Value, options
from lintloss.patterns import regex

SEVERAL = regex(r"(splits?|loaders|datasets|subsets|phases|domains|tasks)(\.(items|values|keys)\(\))?$")
TF_DATASETS = regex(r"(dataset|_ds|\bds)(\.(take|prefetch|cache|skip)\(.*)?\)*$", re.IGNORECASE)
MODES = frozenset({"training", "switched"})
BATCH_NAMES = regex(r"^(batch|b|minibatch|batch_data|data_batch)$", re.IGNORECASE)


def over(machine: Machine, node: ast.For | ast.AsyncFor, body: Callable[[], str]) -> None:
    """Run a for loop."""
    from lintloss.facts import drops, known_keys, marked_positions

    iterable = evaluate(machine, node.iter)
    loop, elements = describe(machine, node, node.iter, iterable, machine.text(node.target))
    loop.statement = node
    loop.over = iterable if not isinstance(node.iter, ast.Call) else _wrapped(machine, node.iter)
    batch_shapes.note_sampler(machine, loop, node.body, node.target)
    batch_shapes.note_bound(machine, loop, node.iter)
    generators.note_stepped(machine, loop, node.body)
    batch_shapes.note_carried(machine, loop, node.body)
    full_ranges.note(machine, loop, node)
    drops.note_looped(machine, loop)
    marked_positions.note(machine, loop, node)
    entries = known_keys.of_loop(machine, node)
    for key in entries:
        run(machine, loop, partial(assign.store, machine, node.target, key), body, once=True)
    if entries:
        return
    once = _runs_over_keys(machine, node.iter, iterable) and not _starts_over(loop)
    run(machine, loop, lambda: assign.store(machine, node.target, elements()), body, once=once)


def _runs_over_keys(machine: Machine, node: ast.expr, iterable: Value) -> bool:
    """Say whether a loop runs over the keys of a dict, so that `d[k] /= n` divides each of its values once."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"items", "keys"}:
        iterable = evaluate(machine, node.func.value)
    return any(isinstance(each, Ref) and each.kind == "dict" for each in options(iterable))


def _wrapped(machine: Machine, node: ast.expr) -> Value:
    """Return what tqdm(), enumerate() and the like wrap, where that has a name."""
    while isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    return evaluate(machine, node) if isinstance(node, ast.Name | ast.Attribute) else UNKNOWN


def endless(machine: Machine, node: ast.While, body: Callable[[], str]) -> None:
    """Run a while loop: an unknown number of steps."""
    loop = _loop(machine, node, "while")
    loop.statement = node
    text = machine.text(node)
    if re.search(r"\bnext\(", text):
        loop.unit = "batch"
    if (
        isinstance(node.test, ast.Compare)
        and isinstance(node.test.ops[0], ast.Lt | ast.LtE)
        and isinstance(node.test.left, ast.Name)
    ):
        loop.length = evaluate(machine, node.test.comparators[0])
    batch_shapes.note_sampler(machine, loop, node.body, ast.Tuple(_counters(node)))
    generators.note_stepped(machine, loop, node.body)
    run(machine, loop, lambda: None, body)


def _counters(node: ast.While) -> list[ast.expr]:
    """Return the names that a while loop counts up, as the target of a for loop: `at += width`."""
    added = (each for statement in node.body for each in walk(statement) if isinstance(each, ast.AugAssign))
    return [each.target for each in added if isinstance(each.op, ast.Add) and isinstance(each.target, ast.Name)]


def run(machine: Machine, loop: Loop, bind: Callable[[], None], body: Callable[[], str], *, once: bool = False) -> None:
    """Interpret a loop's body until sums over it have shown: twice, once where loops nest deeply.

    A loop that only trains takes no more than half of the steps that are left: the evaluation comes after it.
    """
    outer = machine.limit
    if loop.statement is not None and objectives.only_trains_in(loop.statement):
        machine.limit = machine.steps + max((outer - machine.steps) // 2, 1)
    try:
        _run(machine, loop, bind, body, once=once)
    except OutOfBudget:
        if machine.steps + 1 > outer or machine.spent > TOTAL:
            raise
        machine.exhausted = True
        machine.cut_loops += 1
    finally:
        machine.limit = outer


def _run(machine: Machine, loop: Loop, bind: Callable[[], None], body: Callable[[], str], *, once: bool) -> None:
    frame = machine.frame
    passes = 2 if len(machine.loops) < 3 and not once else 1
    seen, first = dict(machine.log), {}
    cut = machine.cut_loops
    for turn in range(passes):
        if machine.cut_loops > cut:  # another pass would see less than this one
            break
        if turn:  # what the first pass saw was incomplete: the sums had not shown yet
            first, machine.log = machine.log, dict(seen)
        before = frame.state.copy()
        outer_exits, frame.exits = frame.exits, []
        guards = len(machine.guards)
        machine.passes.append(first)
        try:
            with machine.in_loop(loop):
                bind()
                outcome = body()
        except OutOfBudget:
            machine.log = first | {key: each for key, each in machine.log.items() if not _is_of_unread(loop, each)}
            frame.state, frame.exits = join_states(before, frame.state), outer_exits
            raise
        finally:
            machine.passes.pop()
            del machine.guards[guards:]
        ends = list(frame.exits)
        if outcome in {"next"}:
            ends.append(frame.state)
        frame.exits = outer_exits
        after = machine.merge(ends)
        if after is None or not (once or _is_stack(loop)):  # of an empty dict, there is nothing to know
            frame.state = join_states(before, after) if after is not None else before
        else:
            frame.state = after
        for owner in loop.rewritten:
            if after is not None and (slot := after.heap.get(owner, "elem")) is not None:
                frame.state.heap.put(owner, "elem", slot)
        if turn == 0 and after is not None and _starts_over(loop):
            frame.state.heap.take(after.heap, MODES)
    frame.state.heap.settle(machine.depth)
    if not machine.loops:
        machine.added.clear()


def _covers(statement: ast.stmt, seen: Observation) -> bool:
    return statement.lineno <= seen.span.row <= (statement.end_lineno or 0)


def _is_of_unread(loop: Loop, seen: Observation) -> bool:
    """Say whether an average was seen in a loop that was not read to its end, where it may train."""
    if not isinstance(seen, Averaging) or loop.statement is None or "backward(" not in text_of(loop.statement):
        return False
    own = loop in seen.before.loops or all(each.unit in {"step", "example"} for each in seen.before.loops)
    return own and not loop.trains and _covers(loop.statement, seen)


def _is_stack(loop: Loop) -> bool:
    """Say whether a loop runs over the layers of a network, of which there is at least one."""
    return all(isinstance(each, LibObject) and each.name.endswith(".ModuleList") for each in options(loop.over))


def _starts_over(loop: Loop) -> bool:
    """Say whether a loop has a second step, which starts as the first one ended: over a list that is written out, or
    over several loaders or splits, where modes are switched inside.
    """
    listed = loop.statement.iter if isinstance(loop.statement, ast.For) else None
    if isinstance(listed, ast.List | ast.Tuple):
        return len(listed.elts) > 1
    several = isinstance(listed, ast.Call | ast.Name | ast.Attribute) and SEVERAL.search(ast.unparse(listed))
    return bool(several) and loop.unit not in {"batch", "epoch"}


def _loop(machine: Machine, node: ast.AST, said: str) -> Loop:
    key = machine.key(node, "loop")
    loop = machine.loop_of.get(key)
    if loop is None:
        loop = Loop(key, machine.evidence(node, said), frame=len(machine.frames), activation=machine.frame.key)
        loop.function = machine.frame.node
        machine.loop_of[key] = loop
    return loop


def as_ranged(machine: Machine, generator: ast.comprehension) -> Key:
    """Return the identity that the index of a list made over a range has in common with others made so.

    `xs = [ids[i : i + n] for i in range(0, end, n)]`, and then ys of `ids[i + 1 : i + n + 1]`: item k of each is of one
    index. That is all that they share: what the one loop does, the other need not.
    """
    header = generator.iter
    if not isinstance(header, ast.Call) or called_name(header.func) != "range" or header.keywords or generator.ifs:
        return ()
    numbers = [symbolic.of(machine, each) for each in header.args]
    around = [loop.key for loop in machine.loops]
    return machine.identity((*machine.frame.key, "range", *numbers, *around))


def describe(
    machine: Machine, node: ast.AST, source_node: ast.expr, iterable: Value, target: str, number: Key = ()
) -> tuple[Loop, Callable[[], Value]]:
    """Return the loop over `iterable` and a maker of its elements; `number`: what its index has in common with others."""
    loop = _loop(machine, source_node, f"the loop over `{machine.text(source_node)[:60]}`")
    loop.number = number
    seen = iterated.see_through(machine, source_node, iterable)
    loop.unit, loop.source, loop.iterates, loop.length = seen.unit, seen.source, seen.value, seen.length
    symbolic.note_stride(machine, loop, source_node)
    loop.bound, loop.first, loop.cut = seen.bound, seen.first, seen.cut
    if seen.made is not None:
        generators.note_made(machine, loop, seen.made)
    if seen.filled is not None:
        loop.take_proofs(seen.filled)
    if loop.unit == "example" and _is_batched(machine, source_node):
        loop.unit = "batch"
    if loop.unit == "step" and any(BATCH_NAMES.match(part.strip(" ()")) for part in target.split(",")):
        loop.unit = "batch"
    if EPOCHS.search(target):
        loop.unit = "epoch"
    batch_shapes.note_loader(machine, loop, loop.iterates)
    generators.note(machine, loop, source_node)
    return loop, lambda: seen.element(machine, source_node, loop)


def _is_batched(machine: Machine, node: ast.expr) -> bool:
    """Say whether a data set is one of TensorFlow's, which yields the batches that it was cut into."""
    return "import tensorflow" in machine.frame.module.code and TF_DATASETS.search(machine.text(node)) is not None
