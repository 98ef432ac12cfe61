"""Lightning's hooks: steps run once per batch, and what they return or leave on self is averaged at the epoch's end."""

from __future__ import annotations

import ast
import re

from lintloss.facts import batch_shapes, forwards
from lintloss.facts.library import data_modules, meters
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Func, LibObject, Opaque, Ref, Value, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

Kwargs = dict[str, Value]
STEP = regex(r"^(validation|test)_step$")
END = regex(r"^(validation|test)(_epoch)?_end$")


def loop_around(machine: Machine, function: Func) -> Loop | None:
    """Return the loop over batches in which a framework calls a step, None for other functions."""
    if not _is_hook(machine, function, STEP):
        return None
    key = ("lightning", function.module.path, function.node.lineno)
    loop = machine.loop_of.get(key)
    if loop is None:
        span = machine.anchor(function.module).span(function.node)
        place = Evidence(function.module.path, span, "called by the framework once per batch")
        loop = machine.loop_of[key] = Loop(key, place, unit="batch")
    return loop


def note_returned(machine: Machine, function: Func, loop: Loop, value: Value) -> None:
    """Remember what a step returns: the hook at the epoch's end is given a list of it."""
    owner = function.self_value
    if isinstance(owner, Ref) and value != Const(None):
        outputs = _outputs(owner, function)
        machine.put(outputs, "elem", value, 0)
        machine.put(outputs, "len", Const(0), 0)
        machine.list_loops[outputs.id] = (loop,)


def given(machine: Machine, function: Func) -> list[Value]:
    """Return what a framework gives a hook: a batch to a step, what the steps returned to the hook at the epoch's end."""
    owner = function.self_value
    if isinstance(owner, Ref) and _is_hook(machine, function, STEP):
        loader = _loader(machine, function, owner)
        batch = batch_of(machine, function, loader) if loader is not None else None
        return [batch] if batch is not None else []
    if not isinstance(owner, Ref) or not _is_hook(machine, function, END):
        return []
    outputs = _outputs(owner, function)
    return [outputs] if outputs.id in machine.list_loops else []


def _outputs(owner: Ref, function: Func) -> Ref:
    """Return the list of what a step returned, of whichever instance of the class."""
    place = (owner.cls.module.path, owner.cls.node.lineno) if owner.cls is not None else owner.id
    return Ref(("outputs", *place, _stem(function)), "list")


def _loader(machine: Machine, function: Func, owner: Ref) -> Value | None:
    """Return the loader that a module makes for its own steps, or the only one that a data module makes for them."""
    name = {"validation": "val_dataloader", "test": "test_dataloader"}.get(_stem(function), "")
    own = data_modules.own_loader(machine, function.node, owner, name)
    if own is not None:
        return own
    made = data_modules.loaders(machine, function.node, name)
    return made[0] if len(made) == 1 else None


def batch_of(machine: Machine, function: Func, loader: Value) -> Value | None:
    """Return a batch of a loader, as the loop around a step sees it."""
    from lintloss.facts.library import loaders

    loop = loop_around(machine, function)
    known = [each for each in options(loader) if isinstance(each, LibObject) and loaders.is_loader(each)]
    return loaders.element(machine, known[0], loop) if loop is not None and len(known) == 1 else None


def fitted(machine: Machine, node: ast.Call, trainer: Value, name: str, args: list[Value], kwargs: Kwargs) -> None:
    """Run the evaluating steps of the module that a trainer is given, on batches of the loader that it is given."""
    from lintloss.facts import calls, classes

    given = kwargs.get("model", args[0] if args else UNKNOWN)
    modules = (each for each in options(given) if isinstance(each, Ref) and meters.is_lightning(machine, each))
    module = next(modules, None)  # made anew, or from a checkpoint
    if not isinstance(trainer, LibObject) or not trainer.name.endswith("Trainer") or module is None:
        return
    stem = "test" if name == "test" else "validation"
    step = classes.method(machine, module, f"{stem}_step")
    loader = _handed(machine, node, stem, name, args, kwargs)
    if step is None or loader is None:
        return
    loop = loop_around(machine, step)
    batch = batch_of(machine, step, loader) or Opaque(machine.key(node, "batch"), "batch")
    if loop is not None:
        batch_shapes.note_loader(machine, loop, loader)
        with machine.in_loop(loop), forwards.by_framework(machine):
            value = calls.call(machine, node, step, [batch, Opaque(machine.key(node, "index"), "batch_idx")], {})
        note_returned(machine, step, loop, value)
        _end_epoch(machine, node, module, stem)


def _end_epoch(machine: Machine, node: ast.Call, module: Ref, stem: str) -> None:
    """Run the hooks at the epoch's end on the module whose steps ran: what they left on it is what the hooks average."""
    from lintloss.facts import calls, classes

    for name in (f"{stem}_epoch_end", f"on_{stem}_epoch_end"):
        hook = classes.method(machine, module, name)
        if hook is not None:
            calls.call(machine, node, hook, given(machine, hook), {})


def _handed(machine: Machine, node: ast.Call, stem: str, name: str, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Return the loader that evaluation reads: handed over, or made by the data module that is."""
    from lintloss.facts import calls, classes

    names = ("val_dataloaders", "val_dataloader") if name == "fit" else ("dataloaders", "test_dataloaders")
    found = next((kwargs[each] for each in names if each in kwargs), None)
    if found is None:
        index = 2 if name == "fit" else 1
        found = args[index] if len(args) > index else None
    if found is None:
        found = kwargs.get("datamodule", args[1] if len(args) == 2 else None)
    if isinstance(found, Ref) and found.kind == "instance":
        maker = classes.method(machine, found, "test_dataloader" if stem == "test" else "val_dataloader")
        setup = classes.method(machine, found, "setup")
        if maker is not None and setup is not None:
            calls.call(machine, node, setup, [], {})
        return calls.call(machine, node, maker, [], {}) if maker is not None else None
    return machine.elem(found) if isinstance(found, Ref) and found.kind == "list" else found


def _stem(function: Func) -> str:
    return getattr(function.node, "name", "").split("_")[0]


def _is_hook(machine: Machine, function: Func, names: re.Pattern[str]) -> bool:
    owner = function.self_value
    if not names.match(getattr(function.node, "name", "")) or not isinstance(owner, Ref):
        return False
    return meters.is_lightning(machine, owner)
