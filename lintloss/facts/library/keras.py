"""Keras: what a model's last layer makes, and what the loss that compile() is given takes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from lintloss.facts import regularizers
from lintloss.facts.library import losses, shapes
from lintloss.facts.library.tables import KERAS_CRITERIA
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Observation, Reported
from lintloss.facts.settings import seen_at
from lintloss.facts.values import (
    UNKNOWN,
    Const,
    Func,
    Lib,
    LibObject,
    Opaque,
    Quantity,
    Ref,
    Tensor,
    Tuple,
    Value,
    options,
)
from lintloss.patterns import regex

Kwargs = dict[str, Value]
LIBRARY = regex(r"(^|\.)keras\.|^tensorflow\.")
FORMS = {"softmax": "probs", "linear": "logits", "None": "logits", "log_softmax": "log_probs"}
RECURRENT = frozenset({"LSTM", "GRU", "SimpleRNN"})
SAME = frozenset({"Dropout", "LayerNormalization", "BatchNormalization", "Embedding", "MultiHeadAttention", "Masking"})
POSITIONS = ("row", "pos", "vocab")
ALIASES = {"mse": "mean_squared_error"}
EVALUATES = ("validation_data", "validation_split", ".evaluate(")
PLAIN = regex(r"entropy|perplexity|\bnll|\bce\b|loss", re.IGNORECASE)  # what a metric beside the loss may be
LAST = "@last"
LOSS = "@loss"
SPARSE = frozenset({"sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"})
MASKS = regex(r"mask|sample_weight|ignore_class", re.IGNORECASE)


def is_own(made: Value) -> bool:
    return isinstance(made, LibObject) and LIBRARY.search(made.name) is not None


def layer(machine: Machine, node: ast.AST, made: LibObject, fed: Tensor | None) -> Tensor | None:
    """Return what a layer makes of its input; None for a layer of which nothing is known."""
    name = made.name.rsplit(".", 1)[-1]
    given = fed or Tensor("", None, None, machine.key(node))
    if name in {"TimeDistributed", "Bidirectional"}:
        inner = made.arg(0, "layer")
        found = layer(machine, node, inner, given) if isinstance(inner, LibObject) else None
        return replace(found, axes=POSITIONS) if found is not None and name == "TimeDistributed" else found
    if name in RECURRENT:
        axes = POSITIONS if dict(made.kwargs).get("return_sequences") == Const(True) else ("row", "vocab")
        return Tensor("hidden", given.window, axes, machine.key(node), model=made)
    if name in SAME:
        return replace(given, form="hidden" if given.form in {"ids", "", "logits"} else given.form)
    if name not in {"Dense", "Activation", "Softmax"}:
        return None
    form = "probs" if name == "Softmax" else _form(made.arg(name == "Dense", "activation"))
    made_of = made if name == "Dense" else given.model
    result = replace(given, form=form, key=machine.key(node, name), model=made_of)
    return result.with_step(machine.evidence(node, f"{name} with activation={_said(form)} here"))


def _said(form: str) -> str:
    return next((name for name, each in FORMS.items() if each == form), "something else")


def _form(activation: Value | None) -> str:
    if activation is None:
        return "logits"
    named = str(activation.value) if isinstance(activation, Const) else getattr(activation, "name", "")
    return FORMS.get(named.rsplit(".", 1)[-1], "hidden")


def added(machine: Machine, model: LibObject, given: Value) -> None:
    """Remember the last layer of a model that is put together by `model.add(layer)`."""
    slot = machine.get(model.key, LAST)
    before = slot.value.items if slot is not None and isinstance(slot.value, Tuple) else ()
    machine.put(model.key, LAST, Tuple((*before, given)))


def output(machine: Machine, node: ast.AST, model: Value) -> Tensor | None:
    """Return what a model makes of its input."""
    from lintloss.facts import calls, forwards

    if isinstance(model, Ref) and model.kind == "instance":
        with forwards.by_framework(machine):
            made = calls.call(machine, node, model, [Opaque(machine.key(node, "inputs"), "inputs")], {})
        return made if isinstance(made, Tensor) else None
    if not isinstance(model, LibObject) or not is_own(model):
        return None
    name = model.name.rsplit(".", 1)[-1]
    if name == "Model":
        made = model.arg(1, "outputs") or Const(None)
        return made if isinstance(made, Tensor) else None
    return _through(machine, node, _layers(machine, model)) if name == "Sequential" else None


def called(machine: Machine, node: ast.AST, made: LibObject, args: list[Value]) -> Tensor | None:
    """Return what a layer or a model makes of what it is called with; None where that is not known."""
    name = made.name.rsplit(".", 1)[-1]
    if name == "Sequential":
        result = _through(machine, node, _layers(machine, made), fed(args))
    elif name == "Model":
        result = output(machine, node, made)
    else:
        return layer(machine, node, made, fed(args))
    return replace(result, key=machine.key(node, name), model=made) if result is not None else None


def _layers(machine: Machine, model: LibObject) -> list[Value]:
    listed = model.arg(0, "layers")
    slot = machine.get(model.key, LAST)
    more = slot.value.items if slot is not None and isinstance(slot.value, Tuple) else ()
    return [*(listed.items if isinstance(listed, Tuple) else ()), *more]


def _through(machine: Machine, node: ast.AST, layers: list[Value], given: Tensor | None = None) -> Tensor | None:
    made = given
    for each in layers:
        made = called(machine, node, each, [made] if made is not None else []) if isinstance(each, LibObject) else None
    return made if layers else None


def compiled(machine: Machine, node: ast.Call, model: Value, args: list[Value], kwargs: Kwargs) -> None:
    """Score what a model makes by the loss that compile() is given, where some file evaluates with it."""
    from lintloss.facts import calls

    loss = kwargs.get("loss", args[1] if len(args) > 1 else None)
    if loss is None or not _evaluates(machine):
        return
    made = output(machine, node, model)
    for option in options(loss):
        if isinstance(option, Func) and not any(map(PLAIN.search, _metrics(machine, node))):
            _note_terms(machine, node, option, made)
    if made is None:
        return
    if isinstance(model, LibObject | Ref):
        machine.put(model.key if isinstance(model, LibObject) else model.id, LOSS, loss)
    before = set(machine.log)
    at = next((each.value for each in node.keywords if each.arg == "loss"), node)
    wanted = Opaque(machine.key(node, "wanted"), "y_true")
    for option in options(loss):
        name = _name(option)
        if isinstance(option, Func):
            calls.call(machine, node, option, [wanted, made], {})
        elif name in KERAS_CRITERIA:
            known = option if isinstance(option, LibObject) else None
            losses.call(machine, at, name, KERAS_CRITERIA[name], [wanted, made], {}, known)
            _note_smoothing(machine, at, known)
    for key in [key for key in machine.log if key not in before]:  # fit() and evaluate() report it
        machine.log[key] = _reported(machine.log[key])


def evaluated(
    machine: Machine, node: ast.Call, model: LibObject | Ref, name: str, args: list[Value], kwargs: Kwargs
) -> None:
    """Score the targets that evaluate() or fit() is given by the loss of compile(), where they are filled up."""
    slot = machine.get(model.key if isinstance(model, LibObject) else model.id, LOSS)
    held_out = kwargs.get("validation_data") if name == "fit" else Tuple((UNKNOWN, *args[1:], *_named(kwargs, "y")))
    target = held_out.items[1] if isinstance(held_out, Tuple) and len(held_out.items) == 2 else None
    if slot is None or not isinstance(target, Tensor) or target.pad is None or _masks(machine):
        return
    made = output(machine, node, model)
    for option in options(slot.value) if made is not None else ():
        called = _name(option)
        if called in SPARSE:
            known = option if isinstance(option, LibObject) else None
            losses.call(machine, node, called, KERAS_CRITERIA[called], [target, made or UNKNOWN], {}, known)


def _metrics(machine: Machine, node: ast.Call) -> Iterator[str]:
    """Yield what compile() is told to report beside the loss, in the words of the code."""
    yield from (machine.text(each.value) for each in node.keywords if each.arg and each.arg.endswith("metrics"))


def _note_terms(machine: Machine, node: ast.Call, loss: Func, made: Tensor | None) -> None:
    """Note what the project's own loss holds besides a cross entropy: it is evaluated by this function as well."""
    from lintloss.facts import calls

    before = dict(machine.log)
    given = made or Opaque(machine.key(node, "made"), "y_pred")
    value = calls.call(machine, node, loss, [Opaque(machine.key(node, "wanted"), "y_true"), given], {})
    machine.log = before  # how it scores is seen where the model's output is known
    for each in options(value):
        if isinstance(each, Quantity) and each.scoring is not None:
            regularizers.report(machine, each.scoring)


def _named(kwargs: Kwargs, name: str) -> tuple[Value, ...]:
    return (kwargs[name],) if name in kwargs else ()


def _masks(machine: Machine) -> bool:
    """Say whether some file speaks of a mask: an embedding's goes from layer to layer, and leaves the padding out."""
    return any(MASKS.search(module.code) for module in machine.loaded())


def _reported(seen: Observation) -> Observation:
    return replace(seen, setting=replace(seen.setting, phase="evaluation"))


def _name(loss: Value) -> str:
    named = loss.value if isinstance(loss, Const) else loss.name if isinstance(loss, Lib | LibObject) else ""
    last = str(named).rsplit(".", 1)[-1]
    return ALIASES.get(last, last)


def _note_smoothing(machine: Machine, node: ast.AST, criterion: LibObject | None) -> None:
    amount = dict(criterion.kwargs).get("label_smoothing") if criterion is not None else None
    if isinstance(amount, Const) and amount.value:
        said = f"label_smoothing={amount.value}"
        machine.observe(Reported(extras=((said, True),), **seen_at(machine, node, ())))


def _evaluates(machine: Machine) -> bool:
    """Say whether this file, or one that runs with it, has a loss of held-out data computed."""
    module = machine.frame.module
    if any(each in module.code for each in EVALUATES):
        return True
    return any(machine.project.using(module.path, "fit", EVALUATES))


def fed(args: list[Value]) -> Tensor | None:
    return shapes.tensor(args[0]) if args and isinstance(args[0], Tensor) else None
