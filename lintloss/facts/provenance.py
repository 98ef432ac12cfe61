"""Provenance: the calls that made what a loop runs over, followed through names, functions and files in the code's words.

The interpreter's values reach as far as its steps do. A loader is often made by another file's factory, kept by a
trainer and handed to the loop by a third file: that way is short when only the loader is followed, and nothing is run.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeGuard

from lintloss.facts import bindings, callers, classes, entries, moved
from lintloss.facts.caps import Function, defaults, parameters
from lintloss.facts.entries import EACH, Picks, trains
from lintloss.facts.global_values import as_callable, global_value, is_library
from lintloss.facts.machine import Machine
from lintloss.facts.measuring import is_unit_test
from lintloss.facts.split_names import is_held_out
from lintloss.facts.survey import at_row, called_name
from lintloss.facts.values import Class, Func
from lintloss.facts.whole import unwrapped
from lintloss.parse import Module
from lintloss.patterns import regex

DEPTH = 24  # links of one chain
SITES = 8  # calls of one function that are followed
STEPS = 600  # expressions looked at for one loop
MAKERS = regex(r"load|batch|data|iter|gen|split")
PASSED = {"prepare", "prepare_data_loader", "setup_dataloaders", "MpDeviceLoader"}
# what makes a data set of another one, row by row or batch by batch
CHAINED = {"prefetch", "map", "cache", "shuffle", "batch", "padded_batch", "with_options", "filter", "apply", "iter"}
CHAINED |= {"with_format", "as_numpy_iterator", "numpy"}
DROPS = {"drop_remainder", "drop_last_batch", "drop_last"}
STAR = "**"


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """An expression and where it is written.

    around: the classes and functions that it stands in, outermost first. given: the arguments of the call that
    entered the innermost function; None where it may be any of its calls.
    """

    node: ast.expr
    module: Module
    around: tuple[ast.AST, ...] = ()
    given: dict[str, Spot] | None = None

    def at(self, node: ast.expr) -> Spot:
        """Return another expression at the same place."""
        return replace(self, node=node)

    @property
    def owner(self) -> ast.ClassDef | None:
        return next((each for each in reversed(self.around) if isinstance(each, ast.ClassDef)), None)


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A call that makes something, and the function or class of the project that it calls; None for a library's."""

    spot: Spot
    target: Func | Class | None


World = tuple[Made | None, ...]  # what it may be, by one way through the callers; None: nobody can tell


class Tracer:
    """Follows one expression to what made it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._open: set[tuple[object, ...]] = set()
        self._steps = 0
        self.presumed = False

    def worlds(self, spot: Spot, picks: Picks = ()) -> list[World]:
        """Return, for each way through the callers, all that an expression may be. Training data is left out."""
        self._steps += 1
        key = (spot.node, picks)
        if key in self._open:
            return []
        if len(self._open) > DEPTH or self._steps > STEPS:
            return [(None,)]
        self._open.add(key)
        try:
            return self._followed(spot.at(unwrapped(spot.node)), picks)
        finally:
            self._open.discard(key)

    def _followed(self, spot: Spot, picks: Picks) -> list[World]:
        node = spot.node
        if isinstance(node, ast.Constant):
            return [] if node.value is None else [(Made(spot, None),)]
        if isinstance(node, ast.Name):
            return [] if trains(node.id) else self._named(spot, node.id, picks)
        if isinstance(node, ast.Attribute):
            return [] if trains(node.attr) else self._attribute(spot, node, picks)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            taken = node.slice.value
            return [] if trains(str(taken)) else self.worlds(spot.at(node.value), (taken, *picks))
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name):
            return self._any([(spot.at(node.value), (each, *picks)) for each in self._keys(spot, node.slice)])
        if isinstance(node, ast.IfExp):
            return self._any([(spot.at(each), picks) for each in (node.body, node.orelse)])
        if isinstance(node, ast.BoolOp):
            return self._any([(spot.at(each), picks) for each in node.values])
        if isinstance(node, ast.Call):
            return self._call(spot, node, picks)
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.List | ast.BinOp) and not picks:
            return [(Made(spot, None),)]
        if picks and _is_empty(node):  # what is stored in it is bound elsewhere
            return []
        if isinstance(node, ast.DictComp) and picks and _is_key(picks[0]):
            return self.worlds(spot.at(node.value), picks[1:])
        if isinstance(node, ast.Dict) and picks and node.keys:
            return self._any([(spot.at(each), picks[1:]) for each in entries.of_dict(node, picks)]) or [(None,)]
        item = part(node, picks)
        return self.worlds(spot.at(item), picks[1:]) if item is not None else [(None,)]

    def _any(self, alternatives: Iterable[tuple[Spot, Picks]]) -> list[World]:
        """Join alternatives that one function has: of all callers' ways together, where there are several."""
        found = [worlds for worlds in (self.worlds(*each) for each in alternatives) if worlds]
        if len(found) == 1:
            return found[0]
        return [tuple(made for worlds in found for world in worlds for made in world)] if found else []

    def _keys(self, spot: Spot, name: ast.Name) -> Picks:
        """Return the keys that a name stands for, the training's left out; EACH where nobody can tell."""
        made = [each for world in self.worlds(spot.at(name)) for each in world]
        known = [each.spot.node.value for each in made if each and isinstance(each.spot.node, ast.Constant)]
        if not known or len(known) < len(made):
            return (EACH,)
        return tuple(each for each in known if not trains(str(each)))

    # -- names --------------------------------------------------------------------------------------------------

    def _named(self, spot: Spot, name: str, picks: Picks) -> list[World]:
        for index in range(len(spot.around) - 1, -1, -1):
            scope = spot.around[index]
            if not isinstance(scope, Function):
                continue
            given = spot.given if index == len(spot.around) - 1 else None
            inside = Spot(spot.node, spot.module, spot.around[: index + 1], given)
            bound = bindings.of(scope).get(name)
            row = getattr(spot.node, "lineno", 0) if index == len(spot.around) - 1 else 0
            if bound and not (name in parameters(scope) and bindings.is_before(bound, row)):
                return self._bound(inside, bindings.before(bound, name, row), picks)
            if name in parameters(scope):
                return self._parameter(inside, scope, name, picks)
        return self._global(spot.module, name, picks, spot)

    def _bound(self, inside: Spot, bound: Iterable[bindings.Binding], picks: Picks) -> list[World]:
        alternatives: list[tuple[Spot, Picks]] = []
        for each in bound:
            if each.value is None:
                looped = list(entries.of_loop(each.over, each.picks)) if each.over is not None else []
                if not looped:
                    return [(None,)]
                alternatives += [(inside.at(node), (*taken, *picks)) for node, taken in looped]
            elif each.key is not None:  # `loaders["val"] = …`
                if picks and (each.key is bindings.ANY or entries.is_taken(each.key, picks[0])):
                    alternatives.append((inside.at(each.value), picks[1:]))
            else:
                alternatives.append((inside.at(each.value), (*each.picks, *picks)))
        return self._any(alternatives)

    def _global(self, module: Module, name: str, picks: Picks, spot: Spot | None = None) -> list[World]:
        bound = bindings.of(module.tree).get(name)
        if bound:
            row = getattr(spot.node, "lineno", 0) if spot is not None and not spot.around else 0
            return self._bound(Spot(ast.Name(name), module), bindings.before(bound, name, row), picks)
        for node in module.tree.body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if name in {alias.asname or alias.name}:
                        source = self.machine.project.resolve(module.path, node.module or "", node.level)
                        return self._global(source, alias.name, picks) if source is not None else [(None,)]
        return [(None,)]

    def _parameter(self, inside: Spot, function: Function, name: str, picks: Picks) -> list[World]:
        if inside.given is not None:
            return self._argument(inside, function, inside.given, name, picks)
        found: list[World] = []
        for call in self.calls(inside, function):
            found += self._argument(inside, function, bind(function, call), name, picks)
        return found or [(None,)]

    def _argument(
        self, inside: Spot, function: Function, given: dict[str, Spot], name: str, picks: Picks
    ) -> list[World]:
        """Follow what a call gives for a parameter, else its default."""
        default = defaults(function).get(name)
        if name in given:
            return self.worlds(given[name], picks)
        if default is None or (STAR in given and name not in DROPS):
            return [(None,)]
        self.presumed = self.presumed or STAR in given  # that the options which nobody sees say nothing of it
        return self.worlds(Spot(default, inside.module, inside.around[:-1]), picks)

    def calls(self, inside: Spot, function: Function) -> list[Spot]:
        """Return the calls of a function, found by its name (or that of its class) in the files that speak of it."""
        owner = inside.owner.name if inside.owner is not None else ""
        name = owner if function.name == "__init__" else function.name
        if not name or name in {"forward", "__call__", "main"}:
            return []
        found = []
        for where in callers.mentioning(self.machine.project, inside.module, name, owner, inside.module.path):
            if not is_unit_test(where) or where.path == inside.module.path:
                found += [Spot(call, where, around) for call, around in bindings.calls(where).get(name, ())]
        return found[:SITES]

    # -- attributes ---------------------------------------------------------------------------------------------

    def _attribute(self, spot: Spot, node: ast.Attribute, picks: Picks) -> list[World]:
        owner = spot.owner
        if isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"} and owner is not None:
            return self._field(Class(owner, spot.module), node.attr, picks, None)
        return self.worlds(spot.at(node.value), ("." + node.attr, *picks))

    def _field(self, cls: Class, name: str, picks: Picks, made: Spot | None) -> list[World]:
        """Follow an attribute to what the methods of its class assign to it.

        made: the call that made the instance, where it is known.
        """
        alternatives: list[tuple[Spot, Picks]] = []
        for base in classes.bases(self.machine, cls):
            for method, each in bindings.fields(base.node).get(name, ()) if isinstance(base, Class) else ():
                if each.value is None or not isinstance(base, Class):
                    return [(None,)]
                given = bind(method, made) if made is not None and method.name == "__init__" else None
                spot = Spot(each.value, base.module, (base.node, method), given)
                alternatives.append((spot, (*each.picks, *picks)))
        if alternatives:
            return self._any(alternatives)
        getter = self._method(cls, name)
        return self._returned(None, getter, picks) if getter is not None else [(None,)]

    # -- calls --------------------------------------------------------------------------------------------------

    def _call(self, spot: Spot, node: ast.Call, picks: Picks) -> list[World]:
        target = self.target(spot, node.func)
        if isinstance(target, Class):
            if picks and isinstance(picks[0], str) and picks[0].startswith("."):
                return self._field(target, picks[0][1:], picks[1:], spot)
            return [(Made(spot, target),)] if not picks else [(None,)]
        if isinstance(target, Func):
            return self._returned(spot, target, picks)
        if called_name(node.func) in PASSED and node.args:
            passed = node.args[int(str(picks[0]))] if _is_index(picks, node.args) else node.args[0]
            several = len(node.args) > 1 and not _is_index(picks, node.args)
            rest = picks[1:] if len(node.args) > 1 else picks
            return self.worlds(spot.at(passed), rest) if not several else [(None,)]
        if isinstance(node.func, ast.Attribute) and node.func.attr in CHAINED and not picks:
            if not any(each.arg in DROPS for each in node.keywords) and len(node.args) < 2:
                return self.worlds(spot.at(node.func.value))
        source = moved.source_of(node) if not picks else None
        if source is not None:
            return self.worlds(spot.at(source))
        return [(Made(spot, None),)] if not picks else [(None,)]

    def _returned(self, spot: Spot | None, target: Func, picks: Picks) -> list[World]:
        """Follow what a function returns; of a property there is no call."""
        function = target.node
        if isinstance(function, ast.Lambda):
            return [(None,)]
        if bindings.is_generator(function):
            return [(Made(spot, target),)] if spot is not None and not picks else [(None,)]
        around = (target.owner.node, function) if target.owner is not None else (function,)
        given = bind(function, spot) if spot is not None else {}
        returned = [Spot(each, target.module, around, given) for each in bindings.returns(function) if _is_some(each)]
        named = returned[0].node if len(returned) == 1 else None
        if isinstance(named, ast.Name) and is_held_out(function.name):  # whatever it is called inside
            return self._named(returned[0], named.id, picks)
        return self._any([(each, picks) for each in returned]) or [(None,)]

    def field(self, cls: Class, name: str, made: Spot) -> list[World]:
        """Follow an attribute of the instance that a call makes."""
        return self._field(cls, name, (), made)

    def target(self, spot: Spot, function: ast.expr) -> Func | Class | None:
        """Return the function or class of the project that is called."""
        if isinstance(function, ast.Name):
            for scope in reversed(spot.around):
                for each in getattr(scope, "body", ()) if isinstance(scope, Function) else ():
                    if isinstance(each, ast.ClassDef) and each.name == function.id:
                        return Class(each, spot.module)
                    if isinstance(each, Function) and each.name == function.id:
                        return Func(each, spot.module)
            return as_callable(global_value(self.machine, spot.module, function.id))
        if not isinstance(function, ast.Attribute):
            return None
        receiver = function.value
        if isinstance(receiver, ast.Name) and receiver.id in {"self", "cls"} and spot.owner is not None:
            return self._method(Class(spot.owner, spot.module), function.attr)
        if isinstance(receiver, ast.Name):
            found = as_callable(global_value(self.machine, spot.module, receiver.id, function.attr))
            if found is not None:
                return found
        return self._by_receiver(spot, receiver, function.attr)

    def _by_receiver(self, spot: Spot, receiver: ast.expr, name: str) -> Func | None:
        """Return the method of what makes data by its name, or that is a generator."""
        if isinstance(receiver, ast.Name) and is_library(self.machine, spot.module, receiver.id):
            return None
        makes = MAKERS.search(name) is not None
        if not makes and not self._yields(spot, name):
            return None
        made = [each for world in self.worlds(spot.at(receiver)) for each in world]
        known = [self._method(each.target, name) for each in made if each and isinstance(each.target, Class)]
        if known and known[0] is not None:
            return known[0] if makes or bindings.is_generator(known[0].node) else None
        return self._only(spot, name) if makes else None

    def _yields(self, spot: Spot, name: str) -> bool:
        """Say whether what the file calls by this name may be a generator of one of the project's classes."""
        imported = self.machine.project.defining(spot.module.path, name)
        return any("yield" in each.code and f"def {name}(" in each.code for each in (spot.module, *imported))

    def _method(self, cls: Class, name: str) -> Func | None:
        for base in classes.bases(self.machine, cls):
            if isinstance(base, Class):
                for each in base.node.body:
                    if isinstance(each, Function) and each.name == name:
                        return Func(each, base.module, None, base)
        return None

    def _only(self, spot: Spot, name: str) -> Func | None:
        """Return the only method of that name in the project."""
        found: list[Func] = []
        for module in (spot.module, *self.machine.project.defining(spot.module.path, name)):
            for node in module.tree.body:
                for each in node.body if isinstance(node, ast.ClassDef) else ():
                    if isinstance(each, Function) and each.name == name:
                        found.append(Func(each, module, None, Class(node, module)))  # type: ignore[arg-type]
        return found[0] if len(found) == 1 else None


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.Dict) and not node.keys


def _is_some(node: ast.expr | None) -> TypeGuard[ast.expr]:
    return node is not None and not (isinstance(node, ast.Constant) and node.value is None)


def part(node: ast.expr, picks: Picks) -> ast.expr | None:
    """Return the part of a tuple or list that is written out."""
    if isinstance(node, ast.Tuple | ast.List) and _is_index(picks, node.elts):
        return node.elts[int(str(picks[0]))]
    return None


def _is_key(pick: object) -> bool:
    return pick is EACH or (isinstance(pick, str) and not pick.startswith("."))


def _is_index(picks: Picks, parts: list[ast.expr]) -> bool:
    if not picks or not isinstance(picks[0], int) or any(isinstance(each, ast.Starred) for each in parts):
        return False
    return -len(parts) <= picks[0] < len(parts)


def bind(function: Function, call: Spot) -> dict[str, Spot]:
    """Return the arguments of a call by the names of the parameters; STAR is among them where it hides some."""
    node = call.node
    if not isinstance(node, ast.Call):
        return {STAR: call}
    names = parameters(function)
    is_method = names[:1] in (["self"], ["cls"])
    if is_method and (isinstance(node.func, ast.Attribute) or function.name == "__init__"):
        names = names[1:]
    plain = list(itertools.takewhile(lambda each: not isinstance(each, ast.Starred), node.args))
    found = {name: call.at(value) for name, value in zip(names, plain, strict=False)}
    found.update({each.arg or STAR: call.at(each.value) for each in node.keywords})
    return found if len(plain) == len(node.args) else {**found, STAR: call}


def spot_at(module: Module, node: ast.expr) -> Spot:
    """Return an expression of a module with the definitions around it."""
    around = [each for each in at_row(module.tree, node.lineno) if isinstance(each, ast.ClassDef | Function)]
    return Spot(node, module, tuple(each for each in around if each.body[0].lineno <= node.lineno))


def constant(tracer: Tracer, spot: Spot | None) -> object:
    """Return what an expression always is, by all ways through the callers; None where that is not known."""
    return constant_of(tracer.worlds(spot)) if spot is not None else None


def constant_of(worlds: Iterable[World]) -> object:
    """Return the constant that something is in all worlds."""
    made = [each for world in worlds for each in world]
    values = [each.spot.node.value for each in made if each is not None and isinstance(each.spot.node, ast.Constant)]
    return values[0] if values and len(values) == len(made) and all(each == values[0] for each in values) else None
