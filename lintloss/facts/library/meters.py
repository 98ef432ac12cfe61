"""Meters of libraries: torchmetrics' MeanMetric, Keras' Mean, AverageMeter; and what Lightning does with self.log."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts import counts, factors, quotients
from lintloss.facts.library import data_modules, logged_weights
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.units import Unit, count
from lintloss.facts.values import UNKNOWN, Const, Lib, LibObject, Opaque, Quantity, Ref, Tuple, Value, options
from lintloss.patterns import regex

Kwargs = dict[str, Value]
MEANS = regex(
    r"^(MeanMetric|Mean|RunningMean)$|^(\w*(Avg|Average|Loss|Running|Value|Score)\w*)?(Meter|Averager|Average|AverageMetric)$|^(Avg|Average|Loss)\w*(Tracker|Recorder)$"
)
HELD = regex(
    r"meter|averager|recorder|^(\w+_)?loss(es)?$|^(\w+_)?loss(es)?_(avg|average|tracker)$|^avg_(\w+_)?loss$",
    re.IGNORECASE,
)
LOGGERS = regex(r"metric_?logger$", re.IGNORECASE)  # keeps a meter for each keyword that update() is given
UPDATES = frozenset({"update", "update_state", "add", "__call__", "forward", "append"})
READS = frozenset({"compute", "result", "value", "avg", "mean", "average", "global_avg", "item"})
WEIGHTS = ("weight", "n", "num", "sample_weight", "weights", "k", "count")
STEPS = regex(r"^(validation|test|val|eval)_step$")


def is_mean(value: Value) -> bool:
    return isinstance(value, LibObject) and MEANS.match(value.name.rsplit(".", 1)[-1]) is not None


STREAMED = frozenset({"tensorflow.metrics.mean", "tensorflow.compat.v1.metrics.mean"})


def call(
    machine: Machine, node: ast.Call, receiver: Value, name: str, args: list[Value], kwargs: Kwargs
) -> Value | None:
    """Call a method of a meter, or log in a Lightning module; None where it is neither."""
    if isinstance(receiver, LibObject) and is_mean(receiver):
        if name in UPDATES and (args or kwargs):
            return update(machine, node, receiver, args, kwargs)
        return read(machine, receiver, args[0] if args else None) if name in READS else None
    if name in {"update", "add"} and isinstance(receiver, LibObject | Opaque):
        return _of_name(machine, node, receiver, args, kwargs)
    if name in {"log", "log_dict"} and isinstance(receiver, Ref) and receiver.kind == "instance":
        return _log(machine, node, receiver, name, args, kwargs)
    return None


def _of_name(
    machine: Machine, node: ast.AST, meter: LibObject | Opaque, args: list[Value], kwargs: Kwargs
) -> Value | None:
    """Give a value to what is a meter by its name, and is out of sight."""
    name = meter.name.rsplit(".", 1)[-1]
    if LOGGERS.search(name):
        for value in [each for given in kwargs.values() for each in options(given)]:
            if isinstance(value, Quantity) and (value.is_loss or value.is_perplexity) and not value.loops:
                _averaged(machine, node, replace(value, presumed=True), None)
        return Const(None)
    given = next((each for each in options(args[0]) if isinstance(each, Quantity)), None) if args else None
    if not isinstance(meter, Opaque) or not HELD.search(name) or given is None or given.loops or given.axes:
        return None
    return update(machine, node, meter, [replace(given, presumed=True), *args[1:]], kwargs)


def read(machine: Machine, meter: LibObject | Opaque, index: Value | None = None) -> Value | None:
    """Return the mean that a meter holds, or the one at a position."""
    which = f"mean {index.value}" if isinstance(index, Const) and isinstance(index.value, int) else "mean"
    slot = machine.get(meter.key, which) or machine.get(meter.key, "mean")
    return slot.value if slot is not None else None


def update(machine: Machine, node: ast.AST, meter: LibObject | Opaque, args: list[Value], kwargs: Kwargs) -> Value:
    """Give a value to a meter: it is averaged over the loops since the meter was made, by the weight it comes with."""
    given = args[0] if args else kwargs.get("value", kwargs.get("values", kwargs.get("val", UNKNOWN)))
    weight = args[1] if len(args) > 1 else next((kwargs[name] for name in WEIGHTS if name in kwargs), None)
    if isinstance(given, Tuple):  # several values at once: a mean for each position
        for index, item in enumerate(given.items):
            update(machine, node, meter, [item, *([weight] if weight is not None else [])], {})
            slot = machine.get(meter.key, "mean")
            if slot is not None:
                machine.put(meter.key, f"mean {index}", slot.value, 0)
        return Const(None)
    for value in options(given):
        if isinstance(value, Quantity) and (value.is_loss or value.is_perplexity):
            after = _averaged(machine, node, value, weight)
            if after is not None:
                machine.put(meter.key, "mean", after, 0)
                return after
    return Const(None)


def streamed(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value:
    """Return what TensorFlow 1 makes of a batch's number in a graph: its mean over all batches, and what updates that."""
    given = args[0] if args else kwargs.get("values", UNKNOWN)
    weighted = len(args) > 1 or kwargs.get("weights", Const(None)) != Const(None)
    mean: Value = machine.opaque(node)
    for value in options(given) if not weighted else ():
        if isinstance(value, Quantity) and (value.is_loss or value.is_perplexity) and not (value.axes or value.loops):
            loop = framework_loop(machine, node)
            mean = over(machine, node, value, (loop,), Quantity(count("batch"), of=loop.key), "framework")
    return Tuple((mean, machine.opaque(node, "update")))


def _averaged(machine: Machine, node: ast.AST, value: Quantity, weight: Value | None) -> Quantity | None:
    """Record the mean over all calls of an update."""
    loops = tuple(loop for loop in machine.loops if loop.unit != "epoch")[-1:] or (framework_loop(machine, node),)
    if weight is None or weight == Const(1):
        return over(machine, node, value, loops, Quantity(counts.unit_of(loops[-1]), of=loops[-1].key), "meter")
    known = (counts.presumed(machine, each) for each in options(weight))
    number = next((each for each in known if each is not None), None)
    if number is None:
        return None
    scaled = factors.multiply(machine, node, value, number)
    if not isinstance(scaled, Quantity):
        return None
    return quotients.average(machine, node, replace(scaled, loops=(*scaled.loops, *loops)), number, "meter")


def over(
    machine: Machine, node: ast.AST, value: Quantity, loops: tuple[Loop, ...], number: Quantity, how: str
) -> Quantity:
    """Average a value over loops with equal weight per `number`."""
    total = replace(value, unit=value.unit * number.unit, loops=(*value.loops, *loops))
    return quotients.average(machine, node, total, number, how)


def framework_loop(machine: Machine, node: ast.AST, owner: Ref | None = None) -> Loop:
    """Return the loop over batches that a framework runs around a step, with what is known of its loader."""
    key = machine.key(node, "framework")
    loop = machine.loop_of.get(key)
    if loop is None:
        loop = Loop(
            key,
            machine.evidence(node, "averaged by the framework over batches"),
            unit="batch",
            frame=len(machine.frames),
        )
        machine.loop_of[key] = loop
        if owner is not None:
            data_modules.note_loaders(machine, node, loop, owner)
    return loop


# -- Lightning --------------------------------------------------------------------------------------------------------


def is_lightning(machine: Machine, ref: Ref) -> bool:
    from lintloss.facts import classes

    if ref.cls is None:
        return False
    names = (base.name if isinstance(base, Lib) else base.node.name for base in classes.bases(machine, ref.cls))
    return any(name.endswith("LightningModule") for name in names)


def _is_averaged(reduce_fx: Value | None) -> bool:
    """Say whether an epoch's values are averaged, as they are unless `reduce_fx="sum"`, a maximum or a function says else."""
    name = reduce_fx.name.rsplit(".", 1)[-1] if isinstance(reduce_fx, Lib) else getattr(reduce_fx, "value", "mean")
    return reduce_fx is None or name in {"mean", "avg"}


def _log(machine: Machine, node: ast.Call, owner: Ref, name: str, args: list[Value], kwargs: Kwargs) -> Value | None:
    """self.log averages over batches, each with the weight of its rows."""
    if not any(STEPS.match(frame.name) for frame in machine.frames) or not is_lightning(machine, owner):
        return None
    if any(loop.frame and loop.unit != "step" for loop in machine.loops):  # a loop over names logs each once
        return None
    if not _is_averaged(kwargs.get("reduce_fx")):
        return None
    rows = logged_weights.of(machine, node, kwargs.get("batch_size"))
    for value in _logged(machine, name, args, kwargs):
        if isinstance(value, Quantity) and (value.is_loss or value.is_perplexity) and _is_of_step(value):
            if rows is None:
                continue
            loop = framework_loop(machine, node, owner)
            _take_over(machine, loop)
            if rows.unit == Unit.of(example=1):
                over(machine, node, value, (loop,), rows, "framework")  # with sync_dist, over the rows of all ranks
            else:
                _averaged(machine, node, value, rows)
    return Const(None)


def _is_of_step(value: Quantity) -> bool:
    """Say whether a number is that of one batch: what it was summed over are pieces, `logits.split(128)`, not batches."""
    return not value.loops or (not value.weights and all(loop.unit == "step" for loop in value.loops))


def _take_over(machine: Machine, loop: Loop) -> None:
    """Let the loop of what is logged know what the loader says that a trainer was given."""
    for around in machine.loops:
        for name in ("unequal", "varies", "alike", "cropped", "ignored"):
            known = getattr(loop, name)
            known += [place for place in getattr(around, name) if place not in known]


def _logged(machine: Machine, name: str, args: list[Value], kwargs: Kwargs) -> list[Value]:
    given = (
        args[1]
        if name == "log" and len(args) > 1
        else kwargs.get("value")
        if name == "log"
        else args[0]
        if args
        else kwargs.get("dictionary")
    )
    found: list[Value] = []
    for option in options(given) if given is not None else ():
        if isinstance(option, Ref) and option.kind == "dict":
            found += [each for slot in machine.fields(option).values() for each in options(slot.value)]
        else:
            found.append(option)
    return found
