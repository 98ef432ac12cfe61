"""Streams: whether what an evaluation is said to read without an end has one, where its code is at hand."""

from __future__ import annotations

import ast
import re

from lintloss.facts import bindings, leftovers
from lintloss.facts.callers import text_of
from lintloss.facts.machine import Machine
from lintloss.facts.provenance import Made, Tracer, spot_at
from lintloss.facts.survey import called_name
from lintloss.facts.values import Class, Func
from lintloss.parse import Module
from lintloss.patterns import regex

STREAM = regex(r"stream", re.IGNORECASE)
DRAWS = regex(r"rand|choice\(|sampl|cycle|infinit|endless|forever|repeat|itertools\.count")

CUTS = frozenset({"islice", "zip"})


def goes_on(machine: Machine, module: Module, source: ast.expr) -> bool:
    """Say whether what is called a stream may go on for ever: a generator of the project that ends does not."""
    if STREAM.search(text_of(source)) is None:
        return False
    while isinstance(source, ast.Call) and called_name(source.func) in CUTS:
        source = next((each for each in source.args if STREAM.search(text_of(each)) is not None), source.func)
    made = [each for world in Tracer(machine).worlds(spot_at(module, source)) for each in world]
    return not made or not all(each is not None and _ends(each) for each in made)


def _ends(made: Made) -> bool:
    """Say whether what was made is a generator that comes to an end, or an instance of a class whose `__iter__` is one."""
    if isinstance(made.target, Func):
        return _is_finite(made.target.node)
    methods = made.target.node.body if isinstance(made.target, Class) else []
    return any(getattr(each, "name", "") == "__iter__" and _is_finite(each) for each in methods)


def _is_finite(function: ast.AST) -> bool:
    if not isinstance(function, ast.FunctionDef) or DRAWS.search(text_of(function)) is not None:
        return False
    yields = [each for each in bindings.own(function) if isinstance(each, ast.Yield)]
    return bool(yields) and not leftovers.is_endless(function, yields)
