"""Dropout that no eval() reaches: a function that drops unless it is told not to, or a layer made anew in each forward().

`F.dropout(x, 0.1)` drops in either mode, as its `training` is true by default, and so does attention with
`dropout_p=0.1`. What a model's class runs is read, and what the classes run that it makes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from lintloss.facts import classes, rates
from lintloss.facts.callers import text_of
from lintloss.facts.forward_methods import run_by_forward
from lintloss.facts.machine import Machine
from lintloss.facts.modes import is_module, unwrapped
from lintloss.facts.rates import Made
from lintloss.facts.stochastic import DEPTH, DROPS, FUNCTIONAL, NONE, Stochastic
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Class, Const, Lib, LibObject, Ref, Value, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

# Attention as a function: where its rate stands, and what it is called. It knows no mode.
ATTENTION = {
    "scaled_dot_product_attention": (4, "dropout_p"),
    "flash_attn_func": (3, "dropout_p"),
    "flash_attn_qkvpacked_func": (1, "dropout_p"),
    "memory_efficient_attention": (4, "p"),
}
WORDS = regex(
    r"(?<![a-z_])((alpha_|feature_)?dropout(1d|2d|3d)?|scaled_dot_product_attention|flash_attn_\w+|memory_efficient_attention)\("
    r"|(Dropout(1d|2d|3d)?|DropPath)\([^()]*\)\("
)
LIBRARIES = regex(r"^(torch|flash_attn|xformers)\.")
MEANT = regex(r"mc_?drop|monte_?carlo|bayes|uncertain|prenet", re.IGNORECASE)  # drops on purpose
WIDTH = 60  # of a call that is quoted whole


def of(machine: Machine, model: Value) -> Stochastic:
    """Say what in a model drops whatever its mode, if each that it may be has such a thing."""
    if not any(_may_hold_one(module.code) for module in machine.loaded()):
        return NONE
    found = [_of_one(machine, unwrapped(each), set(), 0) for each in options(model) if not isinstance(each, Const)]
    return found[0] if found and all(each.sure != "no" for each in found) else NONE


@lru_cache(maxsize=512)
def _may_hold_one(code: str) -> bool:
    return WORDS.search(code) is not None


def _of_one(machine: Machine, model: Value, seen: set[Value], depth: int) -> Stochastic:
    if depth > DEPTH or model in seen:
        return NONE
    seen.add(model)
    if isinstance(model, LibObject):
        parts = [each for arg in model.args for each in _modules(machine, arg)]
        return _first(_of_one(machine, each, seen, depth + 1) for each in parts)
    if not isinstance(model, Ref) or model.cls is None:
        return NONE
    held = [each for slot in machine.fields(model).values() for each in _modules(machine, slot.value)]
    made = Made(model.cls, model)
    inner = (_of_one(machine, each, seen, depth + 1) for each in held)
    return _first((*_own(machine, made), *inner)) if held else _first(_read(machine, made, {model.cls.node.name}, 0))


def _modules(machine: Machine, value: Value) -> list[Value]:
    """Return the modules that a value may be, or that a list of them holds."""
    found = list(options(value))
    found += [
        each for one in found if isinstance(one, Ref) and one.kind == "list" for each in options(machine.elem(one))
    ]
    return [each for each in found if is_module(each)]


def _first(found: Iterator[Stochastic] | tuple[Stochastic, ...]) -> Stochastic:
    kept = sorted((each for each in found if each.sure != "no"), key=lambda each: each.sure != "yes")
    return kept[0] if kept else NONE


def _read(machine: Machine, made: Made, seen: set[str], depth: int) -> Iterator[Stochastic]:
    """Yield what the class of an object drops that was not looked into, and what those drop that its __init__ makes."""
    yield from _own(machine, made)
    makers = [each for each in made.cls.node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    for method, call in ((maker, each) for maker in makers for each in walk(maker) if isinstance(each, ast.Call)):
        if not called_name(call.func)[:1].isupper() or depth >= DEPTH:
            continue
        value = classes.in_module(machine, made.cls, call.func)
        if isinstance(value, Class) and value.node.name not in seen:
            seen.add(value.node.name)
            inner = Made(value, None, rates.given(machine, made, method, call, value))
            yield from _read(machine, inner, seen, depth + 1)


def _own(machine: Machine, made: Made) -> Iterator[Stochastic]:
    """Yield what drops in forward() and in what it calls, methods with an `if` that may speak of the mode left out."""
    for base in classes.bases(machine, made.cls):
        if not isinstance(base, Class) or MEANT.search(base.node.name):
            continue
        for method in run_by_forward(base.node):
            if any(
                isinstance(each, ast.If | ast.IfExp) and rates.MODE.search(text_of(each.test)) for each in walk(method)
            ):
                continue
            for call in (each for each in walk(method) if isinstance(each, ast.Call)):
                yield from _dropping(machine, made, base, method, call)
        if any(True for _ in run_by_forward(base.node)):
            return  # the forward() of a base is another's


def _dropping(
    machine: Machine, made: Made, base: Class, method: ast.FunctionDef, call: ast.Call
) -> Iterator[Stochastic]:
    rate = _rate(machine, base, call)
    sure = rates.of(machine, made, method, rate) if rate is not None else rates.NO
    if sure != rates.NO:
        span = machine.anchor(base.module).span(call)
        text = f"`{text_of(call)}`" if len(text_of(call)) <= WIDTH else f"`{text_of(call.func)}(…)`"
        yield Stochastic(sure, text, (Evidence(base.module.path, span, f"{text} in {base.node.name} knows no mode"),))


def _rate(machine: Machine, base: Class, call: ast.Call) -> ast.expr | None:
    """Return the rate of a call that drops in either mode, None for any other."""
    made = call.func if isinstance(call.func, ast.Call) else None  # nn.Dropout(0.1)(x): made in training mode
    name = called_name(made.func if made is not None else call.func)
    if made is not None:
        index, keyword = (0, "p") if DROPS.match(name) else (-1, "")
    else:
        index, keyword = (1, "p") if FUNCTIONAL.match(name) else ATTENTION.get(name, (-1, ""))
    if not keyword or (made is None and FUNCTIONAL.match(name) and _is_told(call)):
        return None
    value = classes.in_module(machine, base, made.func if made is not None else call.func)
    if not isinstance(value, Lib) or not LIBRARIES.match(value.name):
        return None
    return _argument(made or call, index, keyword) or (None if name in ATTENTION else ast.Constant(0.5))


def _is_told(call: ast.Call) -> bool:
    """Say whether a functional dropout is told whether to drop, or may be."""
    spread = any(each.arg in {None, "training", "train"} for each in call.keywords)
    return spread or len(call.args) > 2 or any(isinstance(each, ast.Starred) for each in call.args)


def _argument(call: ast.Call, index: int, keyword: str) -> ast.expr | None:
    for each in call.keywords:
        if each.arg == keyword:
            return each.value
    return (
        call.args[index] if len(call.args) > index and not any(isinstance(x, ast.Starred) for x in call.args) else None
    )
