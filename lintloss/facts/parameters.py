"""Parameters: what a call hands over, `*rows` and `**batch` included, and what each parameter is bound to."""

from __future__ import annotations

import ast

from lintloss.facts import classes
from lintloss.facts.expressions import evaluate
from lintloss.facts.library import records
from lintloss.facts.machine import Frame, Machine
from lintloss.facts.state import Slot
from lintloss.facts.values import UNLESS_GIVEN, Choice, Class, Func, Opaque, Ref, Tuple, Value, join_all
from lintloss.patterns import regex

Kwargs = dict[str, Value]

# parameters for evaluation data: `val`, `valid_loader`, `eval_dataset`, `dataloader_val`
HELD_OUT = regex(
    r"^(\w*_)?(val|valid|validation|dev|eval|test)(_?(data)?_?(loader|set|dl|ds|iter|iterator|batches|gen|generator|rows|data))?$"
    r"|^(data_?loader|loader|dataset|data|iterator|iter|dl)_(val|valid|validation|dev|eval|test)$"
)


def given_in(machine: Machine, node: ast.Call) -> tuple[list[Value], Kwargs]:
    """Evaluate the arguments of a call; `**batch` is kept under the name "**"."""
    args: list[Value] = []
    for each in node.args:
        value = evaluate(machine, each)
        if isinstance(each, ast.Starred):
            if isinstance(value, Tuple):
                args.extend(value.items)
            else:
                args.append(Opaque((*getattr(value, "key", machine.key(each)), "*"), "*"))
        else:
            args.append(value)
    kwargs: Kwargs = {}
    for keyword in node.keywords:
        value = evaluate(machine, keyword.value)
        if keyword.arg is None:
            kwargs.update(spread(machine, value))
        else:
            kwargs[keyword.arg] = value
    return args, kwargs


def spread(machine: Machine, value: Value) -> Kwargs:
    """Return the keyword arguments that `**value` hands over; of one of several dicts, those that all of them do."""
    if isinstance(value, Choice):
        each = [spread(machine, option) for option in value.options]
        shared = [name for name in each[0] if all(name in other for other in each)]
        return {name: join_all(given[name] for given in each) for name in shared} or {"**": value}
    if isinstance(value, Ref) and value.kind == "dict":
        found = {name: slot.value for name, slot in machine.fields(value).items() if name not in {"len", "elem"}}
        return found or {"**": value}
    return {"**": value}


def bind(machine: Machine, function: Func, args: list[Value], kwargs: Kwargs, frame: Frame) -> dict[str, Slot]:
    """Bind arguments to parameters; what is not given takes its default, what is unknown stays opaque."""
    from lintloss.facts.library import models

    spec = function.node.args
    names = [each.arg for each in (*spec.posonlyargs, *spec.args)]
    given = list(args)
    if function.self_value is not None:
        given.insert(0, function.self_value)
    values: dict[str, Value] = dict(zip(names, given, strict=False))
    spread = kwargs.get("**")
    keywords = {*names, *(each.arg for each in spec.kwonlyargs)}
    values.update({name: value for name, value in kwargs.items() if name in keywords})
    if spec.vararg is not None:
        values[spec.vararg.arg] = Tuple(tuple(given[len(names) :]))
    defaults = dict(zip(reversed(names), reversed(spec.defaults), strict=False))
    defaults.update({each.arg: d for each, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is not None})
    for name in keywords:
        if name in values:
            continue
        if isinstance(spread, Opaque):
            held = machine.get(spread.key, name)
            values[name] = held.value if held is not None else Opaque((*spread.key, name), name)
            if held is None and name in defaults and isinstance(defaults[name], ast.Constant):
                machine.put((*spread.key, name), UNLESS_GIVEN, evaluate(machine, defaults[name]))
        elif isinstance(spread, Ref) and machine.get(spread, "elem") is not None:  # keys that nobody can tell
            values[name] = Opaque((*spread.id, name), name)
        elif name in defaults:
            values[name] = _default(machine, frame, name, defaults[name])
        else:
            values[name] = (
                _annotated(machine, function, name)
                or models.guess(machine, function, name)
                or Opaque((*frame.key, name), name)
            )
    if spec.kwarg is not None:
        rest = {name: value for name, value in kwargs.items() if name not in keywords and name != "**"}
        ref = Ref((*frame.key, spec.kwarg.arg), "dict")
        for name, value in rest.items():
            machine.put(ref, name, value)
        values[spec.kwarg.arg] = spread if spread is not None and not rest else ref
    return {name: Slot(value, machine.depth) for name, value in values.items()}


def _default(machine: Machine, frame: Frame, name: str, node: ast.expr) -> Value:
    """Return a default by the names of the function's own file, `criterion=nn.NLLLoss()`: the caller need not have them.

    Held-out data that nobody was seen to give is given by somebody: `fit(loader, val_loader=None)`.
    """
    if isinstance(node, ast.Constant) and node.value is None and len(machine.frames) == 1 and HELD_OUT.match(name):
        return Opaque((*frame.key, name), name)
    if isinstance(node, ast.Constant) or frame.module is machine.frame.module:
        return evaluate(machine, node)
    with machine.within(frame):
        return evaluate(machine, node)


def _annotated(machine: Machine, function: Func, name: str) -> Value | None:
    """Return an instance of the project class that a parameter of a root is annotated with."""
    spec = function.node.args
    each = next((arg for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs) if arg.arg == name), None)
    if (
        each is None
        or not isinstance(each.annotation, ast.Name | ast.Attribute)
        or function.module is not machine.frame.module
    ):
        return None
    cls = evaluate(machine, each.annotation)
    if not isinstance(cls, Class) or len(machine.frames) > 1:
        return None
    return records.as_given(machine, classes.instantiate(machine, each, cls, [], {}))
