"""Loaders and datasets: what they yield, how long they are, whether their batches can differ."""

from __future__ import annotations

from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.units import count
from lintloss.facts.values import UNKNOWN, LibObject, Opaque, Quantity, Value

LOADERS = ("DataLoader", "BucketIterator", "BPTTIterator", "Iterator", "MultiEpochsDataLoader", "StatefulDataLoader")


def short(value: LibObject) -> str:
    return value.name.rsplit(".", 1)[-1]


def is_loader(value: Value) -> bool:
    return isinstance(value, LibObject) and (short(value).endswith("Loader") or short(value) in LOADERS)


def unit(value: LibObject) -> str:
    """Return what one iteration over a library object is."""
    if is_loader(value):
        return "batch"
    return "example" if "dataset" in value.name.lower() else "step"


def length(value: LibObject) -> Value:
    return Quantity(count(unit(value)), of=value.key, counted=value)


def element(machine: Machine, value: LibObject, loop: Loop) -> Value:
    from lintloss.facts.library import rows

    batch = rows.of_loader(machine, value) if is_loader(value) else None
    return batch if batch is not None and batch != UNKNOWN else Opaque((*value.key, "[]"), "")


def member(value: LibObject, name: str) -> Value:
    """Return an attribute of a library object."""
    if name == "dataset" and is_loader(value):
        dataset = value.arg(0, "dataset")
        return dataset if dataset is not None else Opaque((*value.key, "dataset"), "dataset")
    if name == "batch_size" and is_loader(value):
        return value.arg(1, "batch_size") or UNKNOWN
    if name == "module" and short(value).endswith("Parallel") and value.args:
        return value.args[0]
    return Opaque((*value.key, "." + name), name)
