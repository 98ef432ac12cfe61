"""Python's own functions and containers, and what they are in array libraries: len, max, next, getattr, dict, save, load."""

from __future__ import annotations

import ast
import re

from lintloss.facts import batch_shapes, exponent, imports, modes
from lintloss.facts.library import caches, growing, losses, pieces
from lintloss.facts.machine import Machine
from lintloss.facts.units import count
from lintloss.facts.values import (
    UNKNOWN,
    Choice,
    Class,
    Const,
    Func,
    Key,
    Lib,
    LibObject,
    ModuleValue,
    Opaque,
    Quantity,
    Ref,
    Tuple,
    Value,
)

Kwargs = dict[str, Value]
COUNTS = "@counts"  # the field of a Counter, which adds what it is updated with


def length(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    from lintloss.facts.lengths import length_of

    if not args:
        return None
    inner = node.args[0] if isinstance(node, ast.Call) and node.args else node
    value = args[0]
    if isinstance(inner, ast.BinOp) and isinstance(inner.right, ast.Constant):  # len(x - 1): as long as x
        from lintloss.facts.expressions import evaluate

        return length(machine, ast.Call(node.func, [inner.left], []), [evaluate(machine, inner.left)], {})  # type: ignore[attr-defined]
    grown = growing.rows(machine, value)
    if grown is not None:
        return grown
    if isinstance(value, Choice):
        known = [option for option in value.options if not isinstance(option, Const)]
        value = known[0] if known else value
    if isinstance(value, Quantity) and losses.is_flat(value):
        return losses.positions(value)
    if _is_text_in_bytes(inner, value):
        return Quantity(count("token"), of=machine.key(node), presumed=True)  # bytes, as the bits per byte count them
    found = length_of(machine, value, inner)
    pieces.note_length(machine, value, found)
    return found


def _is_text_in_bytes(node: ast.AST, value: Value) -> bool:
    """Say whether len() is taken of `text.encode("utf-8")`, a string's own method: a tokenizer is given the text."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "encode":
        return False
    spelled = [each.value for each in node.args if isinstance(each, ast.Constant)]
    return len(spelled) == len(node.args) and all(str(each).lower().startswith("utf") for each in spelled)


def extreme(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """min(loss, 20) and max(1, n) are guards: the quantity passes through."""
    quantities = [arg for arg in args if isinstance(arg, Quantity)]
    lengths = [each for each in quantities if each.is_count and each.axes]  # one a row, no more than a width
    if _is_larger_of_two(node, args):
        return machine.opaque(node)
    if len(quantities) == 1 or len(lengths) == 1:
        return (lengths or quantities)[0]
    opaque = [arg for arg in args if isinstance(arg, Opaque)]
    return opaque[0] if len(opaque) == 1 and len(args) == 2 else machine.opaque(node)


def _is_larger_of_two(node: ast.AST, args: list[Value]) -> bool:
    """Say whether it is the larger of two numbers of which neither is written out: nobody knows which."""
    return _called(node) in {"max", "maximum"} and len(args) == 2 and not any(isinstance(arg, Const) for arg in args)


def power(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    return exponent.power(machine, node, args[0], args[1]) if len(args) == 2 else machine.opaque(node)


def attribute(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    from lintloss.facts.expressions import member

    if len(args) >= 2 and isinstance(args[1], Const) and isinstance(args[1].value, str):
        return member(machine, args[0], args[1].value, node)
    if args and isinstance(args[0], ModuleValue):  # `getattr(models, config.name)`: any of them
        return machine.elem(imports.members(machine, args[0].module))
    key = modes.key_of(args[0]) if args else ()
    return Opaque((*key, ".?", *machine.key(node)), "") if key else machine.opaque(node)


# What makes an empty list, to which is appended or joined.
EMPTY = {"builtins.list", "collections.deque", "torch.Tensor", "torch.FloatTensor", "torch.DoubleTensor"}


def with_default(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    ref = Ref(machine.key(node, "dict"), "dict")
    machine.state.heap.clear(ref.id)
    made = args[0] if args else None
    if isinstance(made, Lib) and made.name in {"builtins.float", "builtins.int"}:
        machine.put(ref, "len", Const(0))
        machine.put(ref, "elem", Const(0))
    elif isinstance(made, Lib | Class | Func):
        from lintloss.facts import calls

        lists = isinstance(made, Lib) and made.name in EMPTY
        machine.put(ref, "@made", machine.new_list(node) if lists else calls.call(machine, node, made, [], {}))
    for name, value in kwargs.items():
        machine.put(ref, name, value)
    return ref


def namespace(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """SimpleNamespace(loss=0.0) has nothing but the attributes that it is given."""
    ref = Ref(machine.key(node, "namespace"), "instance")
    machine.state.heap.clear(ref.id)
    for name, value in kwargs.items():
        machine.put(ref, name, value)
    return ref


def counter(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Counter() holds 0 for what it has not counted yet; given a dict it holds its numbers, else what nobody knows."""
    given = args[0] if args else None
    if args and not (isinstance(given, Ref) and given.kind == "dict"):
        return None
    held = {name: slot.value for name, slot in machine.fields(given).items()} if isinstance(given, Ref) else {}
    made = with_default(machine, node, [Lib("builtins.int")], {**held, **kwargs})
    if isinstance(made, Ref):
        machine.put(made, COUNTS, Const(True))
    return made


def fields(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """dataclasses.asdict(x), vars(x): the fields of an object of the project, as a dict."""
    owner = args[0] if args else None
    if not isinstance(owner, Ref) or owner.kind != "instance":
        return None
    held = Ref(machine.key(node, "fields"), "dict")
    machine.state.heap.clear(held.id)
    for name, slot in machine.fields(owner).items():
        machine.put(held, name, slot.value, slot.depth)
    return held


def queue(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """deque(maxlen=n) is a list that may forget."""
    return machine.new_list(node) if not args else None


def made_dict(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """dict(x) holds what x holds, and `dict([(name, 0) for name in names])` under each key what stands second."""
    if args and not kwargs and (isinstance(args[0], Opaque) or (isinstance(args[0], Ref) and args[0].kind == "dict")):
        return args[0]
    made = with_default(machine, node, args, kwargs)
    pair = machine.elem(args[0]) if args and isinstance(args[0], Ref) and args[0].kind == "list" else None
    if isinstance(made, Ref) and isinstance(pair, Tuple) and len(pair.items) == 2:
        machine.put(made, "elem", pair.items[1])
    return made


def encoding(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """BatchEncoding(data) holds what its dict holds, as a tokenizer's own batch does (transformers)."""
    data = args[0] if args else kwargs.get("data")
    return data if isinstance(data, Ref) and data.kind == "dict" else None


def following(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """next(iterator) inside a counting loop makes that loop one over the loader's batches."""
    from lintloss.facts.library import loaders

    first = args[0] if args else UNKNOWN
    for option in first.options if isinstance(first, Choice) else (first,):
        if isinstance(option, LibObject) and loaders.is_loader(option):
            if machine.loops:
                batch_shapes.note_loader(machine, machine.loops[-1], option)
                _note_restarted(machine, node, option)
                machine.loops[-1].unit = "batch" if machine.loops[-1].unit == "step" else machine.loops[-1].unit
                return loaders.element(machine, option, machine.loops[-1])
            return Opaque((*option.key, "[]"), "")
        item = _next_of(machine, node, option)
        if item is not None:
            return item
    return None


def _next_of(machine: Machine, node: ast.AST, iterator: Value) -> Value | None:
    """Return what a generator of the project yields, or what the `__next__` or `__iter__` of its object gives."""
    from lintloss.facts import calls, classes, generators, iterated

    if isinstance(iterator, Tuple) and len(iterator.items) == 1:  # what a generator yields, in each of its steps
        return iterator.items[0]
    if isinstance(iterator, Ref) and iterator.kind == "list":
        return machine.elem(iterator)
    if not isinstance(iterator, Ref) or iterator.kind != "instance" or not machine.loops:
        return None
    step = classes.method(machine, iterator, "__next__")
    if step is not None:
        return calls.call(machine, node, step, [], {})
    header = _iterator(node)
    if header is None or classes.method(machine, iterator, "__iter__") is None:
        return None
    seen = iterated.see_through(machine, header, iterator)
    if seen.made is not None:
        generators.note_made(machine, machine.loops[-1], seen.made)
    return seen.element(machine, header, machine.loops[-1])


def _iterator(node: ast.AST) -> ast.expr | None:
    """Return what `next(it)` or `it.__next__()` takes one more item of."""
    if not isinstance(node, ast.Call):
        return None
    return node.args[0] if node.args else node.func.value if isinstance(node.func, ast.Attribute) else None


def _note_restarted(machine: Machine, node: ast.AST, loader: LibObject) -> None:
    """Remember `next(iter(loader))` in a loop: the first batch is as full as all others, and without a shuffle the same."""
    inner = node.args[0] if isinstance(node, ast.Call) and node.args else None
    if not isinstance(inner, ast.Call) or _called(inner) != "iter" or loader.made is None:
        return
    place = machine.evidence(node, "the loader is started anew here, in each step")
    if place not in machine.loops[-1].full:
        machine.loops[-1].full.append(place)
    chosen = any(loader.arg(-1, name) is not None for name in ("sampler", "batch_sampler"))
    if loader.arg(2, "shuffle") in {None, Const(False)} and not chosen and _is_stepwise(machine, loader):
        machine.restarted.append((place, machine.loops[-1], loader))


def _is_stepwise(machine: Machine, loader: LibObject) -> bool:
    """Say whether a loop counts steps and runs over a loader that was there before: not one of each task, or each model."""
    from lintloss.facts.library import loaders

    statement = machine.loops[-1].statement
    counts = isinstance(statement, ast.While) or (
        isinstance(statement, ast.For) and re.search(r"\bt?range\(", ast.unparse(statement.iter)) is not None
    )
    if statement is None or loader.made is None or not counts or loaders.takes_all(loader):
        return False
    same = loader.made.path == machine.frame.module.path
    return not (same and statement.lineno <= loader.made.span.row <= (statement.end_lineno or 0))


def _called(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def drawn(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """torch.randint(n, (rows,)), np.random.randint(0, n, rows), torch.randperm(n): indices of several rows."""
    indices = machine.opaque(node)
    sized = len(args) > 2 or "size" in kwargs or any(isinstance(arg, Tuple) for arg in (*args, *kwargs.values()))
    if sized or _called(node) in {"randperm", "permutation"}:
        one = (Const(1), Tuple((Const(1),)))
        size = kwargs.get("size", args[-1] if args else None)
        place = machine.evidence(node, "several places are drawn at once") if size not in one else None
        machine.vectors[indices.key] = place
    return indices


def ordered(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """np.argsort(values), np.flatnonzero(mask): indices of several rows."""
    indices = machine.opaque(node)
    machine.vectors[indices.key] = None
    return indices


def saved(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """torch.save(data, path): what another line reads from the same path."""
    if len(args) == 2 and isinstance(args[1], Opaque | Const):
        machine.saved[_path(args[1])] = args[0]
    return None


def loaded(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    known = machine.saved.get(_path(args[0])) if args and isinstance(args[0], Opaque | Const) else None
    if known is None and caches.is_filled_here(machine.frame.node, node):
        return Const(None)  # it gives way to what the other branch makes
    return known


def _path(value: Opaque | Const) -> Key:
    return value.key if isinstance(value, Opaque) else (str(value.value),)
