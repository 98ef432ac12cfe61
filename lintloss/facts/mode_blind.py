"""Calls that drop in either mode: a function that is not told of the mode, or a layer that is made where it is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from lintloss.facts import aliases, classes, rates
from lintloss.facts.callers import text_of
from lintloss.facts.mode_tests import Spot
from lintloss.facts.stochastic import DROPS, FUNCTIONAL, Stochastic, argument
from lintloss.facts.values import Lib
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
    r"(?<![a-z_])((alpha_|feature_)?dropout(1d|2d|3d)?|scaled_dot_product_attention|flash_attn_\w+|memory_efficient_attention)"
    r"(\(| as )"
    r"|(Dropout(1d|2d|3d)?|DropPath)(\([^()]*\)\(| as )"
)
LIBRARIES = regex(r"^(torch|flash_attn|xformers)\.")
WIDTH = 60  # of a call that is quoted whole


@lru_cache(maxsize=512)
def may_hold_one(code: str) -> bool:
    """Say whether a file may hold such a call; a rate may be given by its place, under any name."""
    return WORDS.search(code) is not None


def dropping(spot: Spot, call: ast.Call) -> Iterator[Stochastic]:
    """Yield what a call drops whatever the mode, if it does and its rate may be more than 0."""
    base = spot.base
    rate = _rate(spot, call)
    sure = rates.of(spot.machine, spot.made, spot.method, rate) if rate is not None else rates.NO
    if sure != rates.NO:
        span = spot.machine.anchor(base.module).span(call)
        text = f"`{text_of(call)}`" if len(text_of(call)) <= WIDTH else f"`{text_of(call.func)}(…)`"
        yield Stochastic(sure, text, (Evidence(base.module.path, span, f"{text} in {base.node.name} knows no mode"),))


def _rate(spot: Spot, call: ast.Call) -> ast.expr | None:
    """Return the rate of a call that drops in either mode, None for any other."""
    names = aliases.of(spot.base.module)
    made = call.func if isinstance(call.func, ast.Call) else None  # nn.Dropout(0.1)(x): made in training mode
    name = aliases.last_name(made.func if made is not None else call.func, names)
    if made is not None:
        index, keyword = (0, "p") if DROPS.match(name) else (-1, "")
    else:
        index, keyword = (1, "p") if FUNCTIONAL.match(name) else ATTENTION.get(name, (-1, ""))
    if not keyword or (made is None and FUNCTIONAL.match(name) and _is_told(call)):
        return None
    value = classes.in_module(spot.machine, spot.base, made.func if made is not None else call.func)
    if not isinstance(value, Lib) or not LIBRARIES.match(value.name):
        return None
    return argument(made or call, index, keyword) or (None if name in ATTENTION else ast.Constant(0.5))


def _is_told(call: ast.Call) -> bool:
    """Say whether a functional dropout is told whether to drop, or may be."""
    spread = any(each.arg in {None, "training", "train"} for each in call.keywords)
    return spread or len(call.args) > 2 or any(isinstance(each, ast.Starred) for each in call.args)
