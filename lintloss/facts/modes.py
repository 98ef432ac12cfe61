"""Training or evaluation mode of a module: what eval() and train() set, on what, and what a module is born in."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence

from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Choice, Const, Func, Key, LibObject, Opaque, Ref, Tuple, Value, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

SAME_MODULE = frozenset(
    {"to", "cuda", "cpu", "half", "float", "double", "bfloat16", "requires_grad_", "share_memory", "type", "to_empty"}
)
WRAPPERS = {"DataParallel", "DistributedDataParallel", "FullyShardedDataParallel", "OptimizedModule", "PeftModel"}
PARTS = {"modules", "children", "named_modules", "named_children"}
TURNED_OFF = regex(r"\.eval\(\)|\.train\((mode=)?False\)|\.training = False")
BY_PARAMETER = regex(r"\.train\((?:mode=)?(\w+)\)")
MODE_OF_PART = regex(r"\.eval\(\)|\.train\(|\.training = ")
GIVEN = "@given"  # the code out of sight that a module was given to since its mode was set (see `strangers`)
LENT = "@lent"  # … or at any time
DEPTH = 4  # modules inside modules


def key_of(value: Value) -> Key:
    return value.id if isinstance(value, Ref) else getattr(value, "key", ())


def call(machine: Machine, node: ast.Call, receiver: Value, name: str, args: Sequence[Value]) -> Value:
    """model.eval(), model.train(), model.train(flag): remember the mode and return the model."""
    training: Value = Const(name == "train")
    if name == "train" and args:
        training = args[0]
    switch(machine, receiver, training, machine.evidence(node, _said(training, name)))
    return receiver


def looked_up(machine: Machine, node: ast.Call, receiver: Value, name: Value, args: Sequence[Value]) -> None:
    """Follow `getattr(model, mode)()`: it sets the mode where the name says so, and may where nobody knows it."""
    if isinstance(name, Const):
        if name.value in {"eval", "train"} and len(args) <= 1:
            call(machine, node, receiver, str(name.value), args)
    elif not args and any(map(is_module, options(receiver))):
        switch(machine, receiver, UNKNOWN, machine.evidence(node, "a method is looked up by its name here"))


def _said(training: Value, name: str) -> str:
    if not isinstance(training, Const):
        return "the mode depends on a flag here"
    return "put in training mode here" if training.value else "put in evaluation mode here"


def switch(machine: Machine, receiver: Value, training: Value, place: Evidence | None, depth: int = 0) -> None:
    """Set the mode of a module and of the modules in it."""
    for each in options(receiver):
        key = key_of(each)
        if not key:
            continue
        machine.put(key, "training", training)
        machine.put(key, "switched", Opaque(("place", place), "place"))
        if machine.get(key, GIVEN) is not None:
            machine.put(key, GIVEN, Const(None))
        if isinstance(each, Opaque):
            for owner in owners(key):
                machine.put(owner, "@partly", training)
        if depth >= DEPTH:
            continue
        for inner in inside(machine, each):
            switch(machine, inner, training, place, depth + 1)


def inside(machine: Machine, value: Value) -> Iterable[Value]:
    """Return the modules that a module holds: what it was made of, or what its fields are."""
    if isinstance(value, LibObject):
        return [
            each for arg in value.args for each in options(arg) if isinstance(each, Ref | LibObject) and key_of(each)
        ]
    if isinstance(value, Ref) and value.kind == "instance":
        held = [each for slot in machine.fields(value).values() for each in options(slot.value)]
        return [each for each in held if is_module(each) and each != value]
    return []


def is_module(value: Value) -> bool:
    return isinstance(value, LibObject) or (isinstance(value, Ref) and value.kind == "instance")


def inner_model(value: Value) -> Value:
    """See through DataParallel and the like."""
    while isinstance(value, LibObject) and value.name.rsplit(".", 1)[-1] in WRAPPERS and value.args:
        value = value.args[0]
    return value


def mode(machine: Machine, model: Value) -> tuple[str, Evidence | None]:
    """Return "eval", "train" or "unsure" where a call says so, else "" (as it was born), and the place of that call."""
    found = {_mode_of_one(machine, each) for each in options(model) if not isinstance(each, Const)}
    if len(found) == 1:
        return found.pop()
    states = {state for state, _ in found}
    place = next((where for _, where in found if where is not None), None)
    return (states.pop() if len(states) == 1 else "unsure"), place


def _mode_of_one(machine: Machine, model: Value) -> tuple[str, Evidence | None]:
    told, where = _told(machine, model)
    if told in {"eval", "unsure"}:
        return told, where
    parts = _modes_of_parts(machine, inner_model(model), 0)
    if not parts or "eval" not in {state for state, _ in parts}:
        return told, where
    place = next(place for state, place in parts if state == "eval")
    return ("eval" if not told and all(state == "eval" for state, _ in parts) else "unsure"), place


def _told(machine: Machine, model: Value) -> tuple[str, Evidence | None]:
    """Return what a call said of a module itself, or of what it wraps, or of what holds it."""
    for key in _keys(model):
        if _stranger(machine, key, GIVEN):
            return "unsure", None
        slot = machine.get(key, "training")
        if slot is None:
            continue
        place = machine.get(key, "switched")
        where = place.value.key[1] if place and isinstance(place.value, Opaque) and len(place.value.key) > 1 else None
        said = slot.value
        if isinstance(said, Const):
            return ("train" if said.value else "eval"), where if isinstance(where, Evidence) else None
        return "unsure", where if isinstance(where, Evidence) else None
    return "", None


def _stranger(machine: Machine, key: Key, when: str) -> str:
    """Return the name of the code out of sight that a module was given to, "" for none."""
    slot = machine.get(key, when)
    found = (each.name for each in options(slot.value) if isinstance(each, Opaque)) if slot is not None else ()
    return next(iter(found), "")


def given_to(machine: Machine, model: Value) -> str:
    """Return the name of code out of sight that a model, or what it wraps, was given to; "" for none."""
    return next((name for each in options(model) for key in _keys(each) if (name := _stranger(machine, key, LENT))), "")


def _modes_of_parts(machine: Machine, model: Value, depth: int) -> list[tuple[str, Evidence | None]]:
    """Return what was said of the modules in a module, one by one: `model.encoder.eval(); model.decoder.eval()`."""
    found: list[tuple[str, Evidence | None]] = []
    if machine.get(key_of(model), "@partly") is not None:  # of which, nobody can tell
        found += [("eval", None), ("unsure", None)]
    if depth >= DEPTH:
        return found
    for inner in inside(machine, model):
        state, place = _told(machine, inner)
        found += _modes_of_parts(machine, inner, depth + 1) or [(state, place)] if state != "eval" else [(state, place)]
    return found


def owners(key: Key) -> Iterable[Key]:
    """Yield the identities of what holds a part: `model.encoder.layers[0]` is one of `model`."""
    while len(key) > 1 and (isinstance(key[-1], int) or (isinstance(key[-1], str) and key[-1][:1] in ".[")):
        key = key[:-1]
        yield key


def parts(model: Value, name: str) -> Value | None:
    """Return what `model.modules()` and the like run over: parts of that model, whichever they are."""
    key = key_of(model)
    return Opaque((*key, "." + name), name) if key and name in PARTS else None


def applied(machine: Machine, node: ast.AST, receiver: Value, function: Value) -> None:
    """Note what `model.apply(function)` does to the mode of the modules in a model."""
    if isinstance(function, Func) and MODE_OF_PART.search(machine.text(function.node)):
        switch(machine, receiver, UNKNOWN, machine.evidence(node, "a function is applied to its modules here"))


def _keys(model: Value) -> Iterable[Key]:
    """Yield the identities under which a module's mode may be known: its own, what it wraps, what holds it."""
    yield key_of(model)
    inner = inner_model(model)
    if inner != model:
        yield key_of(inner)
    if isinstance(model, Opaque):
        key = model.key
        while len(key) > 1 and isinstance(key[-1], str) and key[-1].startswith("."):
            key = key[:-1]
            yield key


def asserted(machine: Machine, test: ast.expr) -> None:
    """Believe `assert not model.training`."""
    from lintloss.facts.expressions import evaluate

    for part in test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]:
        if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not) and isinstance(part.operand, ast.Attribute):
            if part.operand.attr == "training":
                switch(
                    machine,
                    evaluate(machine, part.operand.value),
                    Const(False),
                    machine.evidence(part, "is in evaluation mode"),
                )


def by_wrapper(
    machine: Machine, function: Func, args: Sequence[Value], kwargs: Mapping[str, Value] | None = None
) -> None:
    """Apply what a decorator or context manager of the project does to the mode of the modules it is given.

    One that is a method may switch those of its own object: `with self.evaluating():`.
    """
    text = machine.text(function.node)
    training = Const(False) if TURNED_OFF.search(text) is not None else _handed_mode(function, text, args, kwargs or {})
    if training is not None:
        _unsettle(machine, [*args, *(kwargs or {}).values(), *_own(function)], training)


def _handed_mode(function: Func, text: str, args: Sequence[Value], kwargs: Mapping[str, Value]) -> Value | None:
    """Return what `with in_mode(model, False):` hands on to `model.train(training)`; None for True, and where it is not told."""
    said = BY_PARAMETER.search(text)
    if said is None or isinstance(function.node, ast.Lambda):
        return None
    taken = function.node.args
    names = [each.arg for each in (*taken.posonlyargs, *taken.args)]
    names = names[1:] if function.self_value is not None else names
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    if said[1] in given:
        return given[said[1]] if given[said[1]] != Const(True) else None
    default = dict(zip(reversed(names), reversed(taken.defaults), strict=False)).get(said[1])
    return Const(False) if isinstance(default, ast.Constant) and default.value is False else None


def _own(function: Func) -> tuple[Value, ...]:
    return (function.self_value,) if function.self_value is not None else ()


def entered(machine: Machine, node: ast.expr, manager: Value) -> str:
    """Apply what entering a context manager of the project does to modes; return what it does to gradients, if it says so.

    A class is one by its `__enter__`, which is run.
    """
    from lintloss.facts import calls, classes, gradients

    enter = classes.method(machine, manager, "__enter__") if isinstance(manager, Ref) and manager.cls else None
    if enter is None:
        return ""
    calls.call(machine, node, enter, [], {})
    return gradients.OFF if gradients.WORDS.search(machine.text(enter.node)) is not None else ""


def _unsettle(machine: Machine, args: Iterable[Value], training: Value) -> None:
    for value in args:
        for each in value.items if isinstance(value, Tuple) else options(value):
            if isinstance(each, Ref | LibObject | Opaque | Choice):
                switch(machine, each, training, None)
