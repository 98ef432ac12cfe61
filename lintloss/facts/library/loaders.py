"""Loaders and datasets: what they yield, how long they are, whether their batches can differ."""

from __future__ import annotations

import ast

from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.units import count
from lintloss.facts.values import UNKNOWN, Key, Lib, LibObject, Opaque, Quantity, Ref, Tensor, Tuple, Value, Window

OF_ROWS = ("DataLoader", "MultiEpochsDataLoader", "StatefulDataLoader")  # of a data set's rows, in order unless told
LOADERS = (*OF_ROWS, "BucketIterator", "BPTTIterator", "Iterator")
PARTS = ("Subset", "random_split")  # of a data set: data sets of their own

PAIRED = ("trg", "tgt", "target")  # texts that a source text is translated to


def short(value: LibObject) -> str:
    return value.name.rsplit(".", 1)[-1]


def is_loader(value: Value) -> bool:
    return isinstance(value, LibObject) and (short(value).endswith("Loader") or short(value) in LOADERS)


def takes_all(loader: LibObject) -> bool:
    """Say whether a loader hands out all rows in one batch: `DataLoader(rows, batch_size=len(rows))`."""
    size = loader.arg(1, "batch_size")
    if isinstance(size, Opaque):
        return size.key[-1:] == ("len",)
    return isinstance(size, Quantity) and size.is_count and size.offset == 0


def unit(value: LibObject) -> str:
    """Return what one iteration over a library object is."""
    if is_loader(value):
        return "batch"
    return "example" if "dataset" in value.name.lower() or short(value) in PARTS else "step"


def length(value: LibObject) -> Value:
    return Quantity(count(unit(value)), of=value.key, counted=value)


def element(machine: Machine, value: LibObject, loop: Loop) -> Value:
    from lintloss.facts import symbolic
    from lintloss.facts.library import rows

    if value.name == "builtins.range":
        at = (*value.key, "[]")
        machine.strides[at] = (symbolic.of_range(value)[1], loop.place)
        return Opaque(at, "")
    if short(value) in {"ModuleList", "Sequential"}:
        return _layer_of(machine, value)
    batch = rows.of_loader(machine, value, loop) if is_loader(value) else None
    at = (*value.key, "[]")
    if short(value) == "BucketIterator":
        _fill_up(machine, value, at)
    return _as_tensors(machine, batch, at) if batch is not None and batch != UNKNOWN else Opaque(at, "")


def whole(part: LibObject) -> Value | None:
    """Return the data set that a part is one of."""
    return part.arg(1, "dataset") if short(part) == "random_split" else part.arg(0, "dataset")


def splits(machine: Machine, node: ast.AST, owner: Lib, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """Return torchtext's `BucketIterator.splits((train, valid, test), …)`: a loader for each data set."""
    sets = args[0] if args else kwargs.get("datasets", UNKNOWN)
    made = machine.evidence(node, "BucketIterator made here")
    number = len(sets.items) if isinstance(sets, Tuple) else 0
    rest = tuple(kwargs.items())
    loaders = (LibObject(owner.name, (), rest, made, machine.key(node, owner.name, index)) for index in range(number))
    return Tuple(tuple(loaders)) if number else machine.opaque(node)


def _fill_up(machine: Machine, value: LibObject, at: Key) -> None:
    """Let the target sentences of torchtext's batches be filled up to the longest, as its fields do it."""
    for name in PAIRED:
        if machine.get(at, name) is None:
            source = (*at, "." + name)
            steps = (value.made,) if value.made is not None else ()
            pad = Opaque((*source, "pad"), "pad_token")
            machine.put(at, name, Tensor("ids", Window(source), None, source, name, steps, pad=pad))


def _as_tensors(machine: Machine, batch: Value, at: Key) -> Value:
    """Return a batch whose lists of numbers, a row each, have become tensors; what is unknown has its place at least."""
    if batch == UNKNOWN:
        return Opaque(at, "")
    if isinstance(batch, Tuple):
        return Tuple(tuple(_as_tensors(machine, item, (*at, i)) for i, item in enumerate(batch.items)))
    if isinstance(batch, Ref) and batch.kind == "list":
        return Opaque((*batch.id, "batched"), "")
    if isinstance(batch, Ref) and batch.kind == "dict":
        for name, slot in list(machine.fields(batch).items()):
            if isinstance(slot.value, Ref) and slot.value.kind == "list":
                machine.put(batch, name, Opaque((*slot.value.id, "batched"), name))
    return batch


def _layer_of(machine: Machine, value: LibObject) -> Value:
    """Return one of the layers of a ModuleList: they differ in weights only."""
    held = value.args[0] if len(value.args) == 1 else Tuple(value.args)
    if isinstance(held, Ref) and held.kind == "list":
        return machine.elem(held)
    layers = held.items if isinstance(held, Tuple) else ()
    return layers[0] if layers else Opaque((*value.key, "[]"), "layer")


def member(value: LibObject, name: str) -> Value:
    """Return an attribute of a library object."""
    if name == "dataset" and (is_loader(value) or short(value) in PARTS):
        dataset = whole(value) if short(value) in PARTS else value.arg(0, "dataset")
        return dataset if dataset is not None else Opaque((*value.key, "dataset"), "dataset")
    if name == "batch_size" and is_loader(value):
        return value.arg(1, "batch_size") or UNKNOWN
    if name == "module" and short(value).endswith("Parallel") and value.args:
        return value.args[0]
    return Opaque((*value.key, "." + name), name)
