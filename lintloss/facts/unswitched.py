"""Dropout that no eval() reaches: a function that drops unless it is told not to, or a layer made anew in each forward().

`F.dropout(x, 0.1)` drops in either mode, as its `training` is true by default, and so does attention with
`dropout_p=0.1`. What forward() is sure to run is read, and what the parts are sure to run that it runs; what stands under a
test that is open, or under `self.training`, is left out.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import lru_cache, partial

from lintloss.facts import bindings, classes, mode_blind, mode_tests, rates
from lintloss.facts.callers import text_of
from lintloss.facts.forward_methods import FORWARD
from lintloss.facts.machine import Machine
from lintloss.facts.mode_tests import Spot
from lintloss.facts.modes import inner_model, is_module
from lintloss.facts.rates import Made
from lintloss.facts.state import Slot
from lintloss.facts.stochastic import DEPTH, NONE, Stochastic
from lintloss.facts.survey import called_name, walk
from lintloss.facts.unconditional import COMPREHENSIONS, Course
from lintloss.facts.values import Class, Const, Func, Lib, LibObject, Ref, Tuple, Value, options
from lintloss.patterns import regex

MEANT = regex(r"mc_?drop|monte_?carlo|bayes|uncertain|prenet", re.IGNORECASE)  # drops on purpose
ADDS = {"append", "extend", "insert", "add_module"}  # to a list of modules, or a Sequential
ASKS = {"len", "isinstance", "hasattr", "getattr", "callable", "print", "type", "id"}  # of a part, and do not run it


def of(machine: Machine, model: Value) -> Stochastic:
    """Say what in a model drops whatever its mode, if each that it may be has such a thing."""
    if not any(mode_blind.may_hold_one(module.code) for module in machine.loaded()):
        return NONE
    reader = _Reader(machine)
    found = [reader.of_module(inner_model(each), 0) for each in options(model) if not isinstance(each, Const)]
    seen = [each for one in found for each in one]
    return next((each for each in seen if each.sure == rates.YES), seen[0]) if found and all(found) else NONE


Known = dict[object, list[Stochastic]]


@dataclass(frozen=True, slots=True)
class _Reader:
    """A reader of the modules of one model; known: what those drop that it has read, nothing for those it is reading."""

    machine: Machine
    known: Known = field(default_factory=dict)

    def of_module(self, model: Value, depth: int) -> list[Stochastic]:
        """Return what a module drops each time that it is run."""
        if depth > DEPTH:
            return []
        if isinstance(model, LibObject):
            return [found for arg in model.args for found in self._held(arg, depth)]
        if not isinstance(model, Ref) or model.cls is None:
            return []
        if model not in self.known:
            self.known[model] = []
            self.known[model] = self._of_class(Made(model.cls, model), depth)
        return self.known[model]

    def _held(self, value: Value, depth: int) -> list[Stochastic]:
        """Return what a value drops, whichever module it is; of a list of modules, each is run."""
        found = []
        for each in options(value):
            items = [one for part in self._items(each) for one in options(part) if is_module(one)]
            found.append([drop for one in items for drop in self.of_module(one, depth + 1)])
        return [drop for one in found for drop in one] if all(found) else []

    def _items(self, value: Value) -> tuple[Value, ...]:
        if isinstance(value, Tuple):
            return value.items
        return (self.machine.elem(value) if isinstance(value, Ref) and value.kind == "list" else value,)

    def _of_class(self, made: Made, depth: int) -> list[Stochastic]:
        """Return what a class drops on the way through its forward(), or all that it holds where a library has that."""
        for base in classes.bases(self.machine, made.cls):
            methods = base.node.body if isinstance(base, Class) else ()
            for method in (each for each in methods if isinstance(each, ast.FunctionDef) and each.name in FORWARD):
                return self._of_method(made, base, method, depth)  # type: ignore[arg-type]  # a Class, as it has a body
        return [drop for name in self._fields(made) for drop in self._of_field(made, name, depth)]

    def _of_method(self, made: Made, base: Class, method: ast.FunctionDef, depth: int) -> list[Stochastic]:
        key = (made.cls, made.instance, method)
        if key not in self.known and not MEANT.search(base.node.name):
            self.known[key] = []
            spot = Spot(self.machine, made, base, method)
            course = Course(partial(mode_tests.holds, spot), partial(self._in_node, spot, depth))
            self.known[key] = course.of_block(method.body)
        return self.known.get(key, [])

    def _in_node(self, spot: Spot, depth: int, node: ast.AST) -> list[Stochastic]:
        """Return what one node that is sure to run drops: a call, or a method or a part of the object that it runs."""
        found = list(mode_blind.dropping(spot, node)) if isinstance(node, ast.Call) else []
        if isinstance(node, ast.Call):
            found += self._of_function(spot, node.func, depth)
            handed = [drop for each in node.args for drop in self._of_function(spot, each, depth)]
            found += handed if handed and self._is_library(spot, node.func) else []
        for name in (_part(spot, each) for each in _run_in(node)):
            found += self._of_field(spot.made, name, depth) if name else []
        return found

    def _is_library(self, spot: Spot, function: ast.expr) -> bool:
        """Say whether a library's function is called, `checkpoint(self.mix, x)`: it runs what it is handed."""
        return isinstance(classes.in_module(self.machine, spot.base, function), Lib)

    def _of_function(self, spot: Spot, run: ast.expr, depth: int) -> list[Stochastic]:
        """Return what a method of the object drops, or a function that stands in the method, which are run here."""
        if isinstance(run, ast.Attribute) and isinstance(run.value, ast.Name) and run.value.id == "self":
            found = classes.class_member(self.machine, spot.made.cls, run.attr)
            node = found.node if isinstance(found, Func) else None
            if isinstance(found, Func) and isinstance(node, ast.FunctionDef) and found.owner is not None:
                return self._of_method(spot.made, found.owner, node, depth)
        named = [each for each in _inner(spot.method) if isinstance(run, ast.Name) and each.name == run.id]
        return self._of_method(spot.made, spot.base, named[0], depth) if len(named) == 1 else []

    def _fields(self, made: Made) -> list[str]:
        if self._is_looked_into(made):
            return list(self._slots(made))
        keys = [key for maker in _makers(made) for key in bindings.of(maker) if key.startswith("self.")]
        return [key.removeprefix("self.") for key in keys]

    def _slots(self, made: Made) -> dict[str, Slot]:
        return self.machine.fields(made.instance) if made.instance is not None else {}

    def _is_looked_into(self, made: Made) -> bool:
        """Say whether the __init__ of an object was run, so that its parts are known with what they were given."""
        parts = (part for slot in self._slots(made).values() for part in options(slot.value))
        return any(is_module(each) or (isinstance(each, Ref) and each.kind == "list") for each in parts)

    def _of_field(self, made: Made, name: str, depth: int) -> list[Stochastic]:
        """Return what the part of an object drops that goes by a name: as it was looked into, or as __init__ makes it."""
        if self._is_looked_into(made):
            slot = self._slots(made).get(name)
            return self._held(slot.value, depth) if slot is not None else []
        return [drop for maker in _makers(made) for drop in self._of_name(made, maker, f"self.{name}", depth)]

    def _of_name(self, made: Made, maker: ast.FunctionDef, name: str, depth: int) -> list[Stochastic]:
        """Return what is made in __init__ under a name: by each of its bindings, and by what is appended to it."""
        key = (made.cls, made.instance, maker, name)
        if key not in self.known:
            self.known[key] = []
            test = partial(mode_tests.holds, Spot(self.machine, made, made.cls, maker))
            values = [each.value for each in bindings.of(maker).get(name, ()) if each.key is None]
            course = Course(test, partial(self._in_value, made, maker, depth))
            bound = [course.of_node(value) if value is not None else [] for value in values]
            added = Course(test, partial(_added, name)).of_block(maker.body)
            either = [drop for one in bound for drop in one] if all(bound) else []
            self.known[key] = [*either, *(drop for value in added for drop in course.of_node(value))]
        return self.known[key]

    def _in_value(self, made: Made, maker: ast.FunctionDef, depth: int, node: ast.AST) -> list[Stochastic]:
        """Return what an object drops that __init__ makes, or what goes by a name of its own there."""
        if isinstance(node, ast.Name) and node.id != "self":
            return self._of_name(made, maker, node.id, depth)
        if not isinstance(node, ast.Call) or not called_name(node.func)[:1].isupper() or depth >= DEPTH:
            return []
        value = classes.in_module(self.machine, made.cls, node.func)
        if not isinstance(value, Class):
            return []
        given = rates.given(self.machine, made, maker, node, value)
        key = (value, tuple(sorted(given.items())))
        if key not in self.known:
            self.known[key] = []
            self.known[key] = self._of_class(Made(value, None, given), depth + 1)
        return self.known[key]


@lru_cache(maxsize=512)
def _inner(method: ast.FunctionDef) -> tuple[ast.FunctionDef, ...]:
    """Return the functions that stand in a method."""
    return tuple(each for each in walk(method) if isinstance(each, ast.FunctionDef) and each is not method)


def _run_in(node: ast.AST) -> list[ast.expr]:
    """Return what a node calls, hands to a function or runs over: to compare a part with None, or to ask for it, runs none."""
    if isinstance(node, ast.Call):
        own = text_of(node.func).startswith("self.")  # a method of its own may run it in training alone
        return [node.func, *(node.args if not own and called_name(node.func) not in ASKS else ())]
    if isinstance(node, ast.For | ast.AsyncFor):
        return [node.iter]
    return [each.iter for each in node.generators] if isinstance(node, COMPREHENSIONS) else []


def _part(spot: Spot, run: ast.expr, depth: int = 0) -> str:
    """Return the name of the part of the object that an expression is, or is taken from: `self.layers[i]`."""
    while isinstance(run, ast.Subscript) or (isinstance(run, ast.Attribute) and run.attr == "forward"):
        run = run.value
    if isinstance(run, ast.Attribute):
        return run.attr if isinstance(run.value, ast.Name) and run.value.id == "self" else ""
    bound = bindings.of(spot.method).get(run.id, ()) if isinstance(run, ast.Name) and depth < DEPTH else ()
    value = bindings.only(bound)
    return _part(spot, value, depth + 1) if value is not None else ""


def _makers(made: Made) -> list[ast.FunctionDef]:
    return [each for each in made.cls.node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]


def _added(name: str, node: ast.AST) -> list[ast.expr]:
    """Return what a call adds to a list that goes by a name."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return []
    return list(node.args) if node.func.attr in ADDS and text_of(node.func.value) == name else []
