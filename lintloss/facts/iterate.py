"""Iteration: what a loop runs over, what one pass of it is, and how often its body has to be interpreted."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from lintloss.facts import (
    aliases,
    assign,
    batch_shapes,
    bindings,
    counts,
    full_ranges,
    generators,
    objectives,
    symbolic,
)
from lintloss.facts.callers import text_of
from lintloss.facts.expressions import evaluate
from lintloss.facts.linear import Linear
from lintloss.facts.loops import Loop
from lintloss.facts.machine import TOTAL, Machine, OutOfBudget
from lintloss.facts.observations import Averaging, Observation
from lintloss.facts.state import join_states
from lintloss.facts.survey import called_name, walk
from lintloss.facts.units import count
from lintloss.facts.values import (
    UNKNOWN,
    Choice,
    Const,
    Func,
    Key,
    LibObject,
    Opaque,
    Quantity,
    Ref,
    Tensor,
    Tuple,
    Value,
    Window,
    join,
    options,
)
from lintloss.patterns import regex

BATCHES = regex(
    r"loader|dataloader|(^|_)dl$|batches$|batch_iter|iterator$|data_iter|_iter$|minibatch|batched|generator$|val_data$",
    re.IGNORECASE,
)
EXAMPLES = regex(
    r"(dataset|samples?|examples?|texts?|sentences?|sents|documents?|docs|prompts|rows|lines|sequences|records|instances|items|corpus)$",
    re.IGNORECASE,
)
SEVERAL = regex(r"(splits?|loaders|datasets|subsets|phases|domains|tasks)(\.(items|values|keys)\(\))?$")
EPOCHS = regex(r"epoch", re.IGNORECASE)
TF_DATASETS = regex(r"(dataset|_ds|\bds)(\.(take|prefetch|cache|skip)\(.*)?\)*$", re.IGNORECASE)
MODES = frozenset({"training", "switched"})
RANKS = regex(r"world_size|num_gpus|nprocs|rank", re.IGNORECASE)
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
    seen = iterated(machine, source_node, iterable)
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


class Iterated:
    """What is iterated, seen through tqdm, enumerate, zip and islice."""

    def __init__(self, value: Value, unit: str, source: tuple[object, ...], length: Value = UNKNOWN) -> None:
        self.value, self.unit, self.source, self.length = value, unit, source, length
        self.bound: tuple[Key, int] | None = None
        self.first: int | None = None
        self.cut = ""
        self.wrap: list[str] = []
        self.partners: list[Iterated] = []
        self.made: Func | None = None  # the `__iter__` or `__getitem__` of the instance that is iterated
        self.filled: Loop | None = None  # the loop that made what is iterated, an item in each pass

    def element(self, machine: Machine, node: ast.expr, loop: Loop) -> Value:
        if "zip" in self.wrap and self.partners:
            return Tuple(tuple(partner.element(machine, node, loop) for partner in self.partners))
        inner = _element(machine, self.value, loop)
        if "enumerate" in self.wrap:
            inner = _numbered(self.value, inner, loop)
            return Tuple((Quantity(count(loop.unit), of=loop.key, loops=(loop,)), inner))
        return inner


def _numbered(row: Value, element: Value, loop: Loop) -> Value:
    """Return an id of one row that is enumerated: it sits where the number says, counted from the row's begin."""
    window = row.window if isinstance(row, Tensor) and row.form in {"ids", ""} else None
    if window is None or window.axis != 0 or window.flat or not isinstance(element, Tensor):
        return element
    begin = window.lower + Linear.of(loop.index)
    return replace(element, window=replace(window, lower=begin, upper=begin.plus(1)).marked("at"))


def _element(machine: Machine, value: Value, loop: Loop) -> Value:
    from lintloss.facts.library import loaders, rows

    if isinstance(value, Const) and value.value == "range":
        return Quantity(count(loop.unit), of=loop.key, loops=(loop,))
    if isinstance(value, Ref) and value.kind in {"list", "tensor"}:
        return machine.elem(value)
    if isinstance(value, Ref) and value.kind == "dict":
        return Opaque((*value.id, "key"))
    if isinstance(value, Tuple):
        merged: Value | None = None
        for item in value.items:
            merged = item if merged is None else join(merged, item)
        return merged if merged is not None else UNKNOWN
    if isinstance(value, Quantity):
        return replace(value, axes=value.axes[1:])
    if isinstance(value, LibObject):
        return loaders.element(machine, value, loop)
    if isinstance(value, Opaque):
        return Opaque((*value.key, "[]"), "")
    if isinstance(value, Quantity) and value.axes[:1] == ("rank",):
        return replace(value, axes=value.axes[1:])
    if isinstance(value, Choice):
        merged = None
        for option in value.options:
            each = _element(machine, option, loop)
            merged = each if merged is None else join(merged, each)
        return merged if merged is not None else UNKNOWN
    if isinstance(value, Tensor):
        if value.form == "" and value.axes is None and not _is_shifted(value.window):
            return Opaque((*value.key, "[]"), "")  # rows of a tensor, or what a sliced list holds
        return rows.row_of(value)
    return Opaque((*loop.key, "[]"), "")


def _is_shifted(window: Window | None) -> bool:
    """Say whether a tensor was shifted, as targets are; of `rows[n_train:]`, each row is whole."""
    return window is not None and window.is_trimmed and window.lower.const <= 1


def iterated(machine: Machine, node: ast.expr, value: Value) -> Iterated:
    """See through wrappers that do not change what is iterated."""
    if isinstance(node, ast.Call):
        name = aliases.last_name(node.func, aliases.of(machine.frame.module))
        if (
            name
            in {
                "tqdm",
                "trange",
                "islice",
                "iter",
                "list",
                "reversed",
                "track",
                "sorted",
                "cycle",
                "prefetch",
                "progress_bar",
            }
            and name != "trange"
            and node.args
        ):
            return iterated(machine, node.args[0], evaluate(machine, node.args[0]))
        if name == "enumerate" and node.args:
            inner = iterated(machine, node.args[0], evaluate(machine, node.args[0]))
            inner.wrap.append("enumerate")
            inner.first = _start(machine, [*node.args[1:], *(each.value for each in node.keywords)])
            return inner
        if name == "zip" and node.args:
            return _zipped(machine, node)
        if name in {"range", "trange"}:
            return _range(machine, node)
        if name == "take" and isinstance(node.func, ast.Attribute) and len(node.args) == 1:  # of TensorFlow's datasets
            taken = iterated(machine, node.func.value, evaluate(machine, node.func.value))
            taken.length = evaluate(machine, node.args[0])
            return taken
        if name == "items" and isinstance(node.func, ast.Attribute):
            owner = evaluate(machine, node.func.value)
            each = Iterated(owner, "step", ())
            dicts = [option for option in options(owner) if isinstance(option, Ref) and option.kind == "dict"]
            if dicts:
                each.value = Tuple(tuple(Tuple((Opaque((*one.id, "key")), machine.elem(one))) for one in dicts))
            return each
    return _by_kind(machine, node, value)


def _start(machine: Machine, given: list[ast.expr]) -> int | None:
    """Return the first number of enumerate() or range(): 0 unless another one is given, None where it is not known."""
    value = evaluate(machine, given[0]) if given else Const(0)
    return value.value if isinstance(value, Const) and isinstance(value.value, int) else None


def _zipped(machine: Machine, node: ast.Call) -> Iterated:
    parts = [iterated(machine, arg, evaluate(machine, arg)) for arg in node.args if not isinstance(arg, ast.Starred)]
    lead = next((part for part in parts if part.unit == "batch"), parts[0] if parts else Iterated(UNKNOWN, "step", ()))
    length = next((part.length for part in (lead, *parts) if part.length != UNKNOWN), UNKNOWN)  # zip(range(n), loader)
    zipped = Iterated(lead.value, lead.unit, lead.source, length)
    zipped.wrap.append("zip")
    zipped.partners = parts
    return zipped


def _range(machine: Machine, node: ast.Call) -> Iterated:
    arguments = [evaluate(machine, arg) for arg in node.args]
    if not arguments:
        return Iterated(UNKNOWN, "step", ())
    bound = arguments[0] if len(arguments) == 1 else arguments[1]
    text = machine.text(node)
    unit = "step"
    source: tuple[object, ...] = ()
    if EPOCHS.search(text):
        unit = "epoch"
    elif RANKS.search(text):
        unit = "rank"
    if isinstance(bound, Quantity) and bound.is_count and len(bound.unit.powers) == 1:
        name, power = bound.unit.powers[0]
        if power == 1 and name in {"batch", "example", "step"} and len(arguments) < 3 and not bound.offset:
            unit, source = name, bound.of
    ranged = Iterated(Const("range"), unit, source, bound if len(arguments) < 3 else UNKNOWN)
    ranged.first = _start(machine, node.args[:1] if len(node.args) > 1 else [])
    ranged.bound = _bound(machine, node.args[min(len(node.args), 2) - 1])
    ranged.cut = _cut(machine, node.args[min(len(node.args), 2) - 1]) if ranged.bound is not None else ""
    return ranged


def _cut(machine: Machine, node: ast.expr) -> str:
    """Return what caps a bound that is `min(cap, length)`, or a name that was given that; "" where nothing does."""
    from lintloss.facts import caps

    values = caps.assigned(machine.frame.node, node.id) if isinstance(node, ast.Name) else [node]
    if len(values) != 1 or not isinstance(values[0], ast.Call) or machine.text(values[0].func) != "min":
        return ""
    rest = [each for each in values[0].args if not caps.is_length(each)]
    return machine.text(rest[0]) if len(rest) == 1 and len(values[0].args) == 2 else ""


def _bound(machine: Machine, node: ast.expr) -> tuple[Key, int] | None:
    """Read `len(x) - 1` as the identity of x's length and -1."""
    offset = 0
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and isinstance(node.right, ast.Constant):
        offset = -node.right.value if isinstance(node.right.value, int) else 0
        node = node.left
    key = counts.length_key(evaluate(machine, node))
    return (key, offset) if key else None


def _by_kind(machine: Machine, node: ast.expr, value: Value) -> Iterated:
    from lintloss.facts.library import filling, loaders

    for option in sorted(options(value), key=lambda each: not filling.holds_filled(machine, each)):
        if isinstance(option, Quantity) and option.axes[:1] == ("rank",):
            return Iterated(value, "rank", ())
        if isinstance(option, LibObject) and option.name == "builtins.enumerate" and option.args:
            inner = _by_kind(machine, node, option.args[0])
            inner.wrap.append("enumerate")
            inner.first = 0 if len(option.args) == 1 and not option.kwargs else None
            return inner
        if isinstance(option, LibObject):
            return Iterated(option, loaders.unit(option), option.key)
        if isinstance(option, Ref) and option.kind == "list":
            slot = machine.get(option, "len")
            unit = named_unit(machine.text(node))
            filled = machine.list_loops.get(option.id, ())
            unit = filled[-1].unit if unit == "step" and filled else unit  # one value for each pass of that loop
            listed = Iterated(option, unit, option.id, slot.value if slot else UNKNOWN)
            listed.filled = filled[-1] if filled else None
            return listed
        if isinstance(option, Ref) and option.kind == "instance":
            return _instance(machine, node, option)
        if isinstance(option, Opaque) and option.key:
            return Iterated(option, named_unit(option.name or machine.text(node)), option.key)
        if isinstance(option, Quantity) and option.axes:
            return Iterated(option, "example" if option.axes[0] == "row" else "step", machine.key(node))
        if isinstance(option, Tensor | Tuple):
            return Iterated(option, named_unit(machine.text(node)), getattr(option, "key", ()))
    return Iterated(value, named_unit(machine.text(node)), machine.key(node))


def _instance(machine: Machine, node: ast.expr, ref: Ref) -> Iterated:
    """Iterate over an instance of a project class: a loader when it yields batches, a dataset otherwise."""
    from lintloss.facts import calls, classes

    name = machine.text(node)
    unit = named_unit(name)
    if unit == "step" and ref.cls is not None:
        unit = named_unit(ref.cls.node.name)
    made = classes.method(machine, ref, "__iter__") or classes.method(machine, ref, "__getitem__")
    value: Value = Opaque(ref.id, name)
    if made is not None:
        result = calls.call(machine, node, made, [] if made.node.name == "__iter__" else [UNKNOWN], {})  # type: ignore[union-attr]
        is_handed = isinstance(result, Ref | LibObject) or _is_yielded(made, result)
        value = result if is_handed else Tuple((result,))
    seen = Iterated(value, unit, ref.id)
    seen.made = made if isinstance(made, Func) else None
    filled = machine.list_loops.get(value.id, ()) if isinstance(value, Ref) else ()
    seen.filled = filled[-1] if filled else None  # an `__iter__` that hands on what a loader yields
    return seen


def _is_yielded(made: Value, result: Value) -> bool:
    """Say whether a call gave what an `__iter__` yields, and not one item."""
    return (
        isinstance(made, Func)
        and not isinstance(made.node, ast.Lambda)
        and bindings.is_generator(made.node)
        and isinstance(result, Tuple)
        and len(result.items) == 1
    )


def named_unit(name: str) -> str:
    name = name.split("[")[0].split("(")[0] if not BATCHES.search(name) else name
    if BATCHES.search(name):
        return "batch"
    if EXAMPLES.search(name):
        return "example"
    return "step"
