"""What is iterated, seen through tqdm, enumerate, zip and islice: its unit, its length, and one element of it."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts import aliases, bindings, counts
from lintloss.facts.expressions import evaluate
from lintloss.facts.linear import Linear
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
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
EPOCHS = regex(r"epoch", re.IGNORECASE)
RANKS = regex(r"world_size|num_gpus|nprocs|rank", re.IGNORECASE)


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


def see_through(machine: Machine, node: ast.expr, value: Value) -> Iterated:
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
            return see_through(machine, node.args[0], evaluate(machine, node.args[0]))
        if name == "enumerate" and node.args:
            inner = see_through(machine, node.args[0], evaluate(machine, node.args[0]))
            inner.wrap.append("enumerate")
            inner.first = _start(machine, [*node.args[1:], *(each.value for each in node.keywords)])
            return inner
        if name == "zip" and node.args:
            return _zipped(machine, node)
        if name in {"range", "trange"}:
            return _range(machine, node)
        if name == "take" and isinstance(node.func, ast.Attribute) and len(node.args) == 1:  # of TensorFlow's datasets
            taken = see_through(machine, node.func.value, evaluate(machine, node.func.value))
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
    parts = [see_through(machine, arg, evaluate(machine, arg)) for arg in node.args if not isinstance(arg, ast.Starred)]
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
    from lintloss.facts.library import loaders

    loader = classes.loader_of(machine, ref)
    if loader is not None:
        return Iterated(loader, loaders.unit(loader), loader.key)
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
