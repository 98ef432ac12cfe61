"""Dropout rates: how likely it is that a rate in a class's code is more than 0, followed to where the object is made.

"yes": written out; "maybe": it is a default, or an option that is not seen; "no": it is 0, it depends on the mode, or
nobody can tell.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lintloss.facts import bindings, classes
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import UNLESS_GIVEN, Class, Const, Opaque, Ref, Value, options
from lintloss.patterns import regex

YES, MAYBE, NO = "yes", "maybe", "no"
LAYER = regex(r"^(Alpha)?Dropout(1d|2d|3d)?$")


@dataclass(frozen=True, slots=True)
class Made:
    """A class of the project, with the instance of it where that is known, and the rates that its __init__ is given."""

    cls: Class
    instance: Ref | None = None
    given: Mapping[str, str] = field(default_factory=dict)


def of(machine: Machine, made: Made, method: ast.FunctionDef, node: ast.expr) -> str:
    """Say how likely a rate in a method is more than 0."""
    if isinstance(node, ast.Constant):
        return _of_constant(node.value)
    if isinstance(node, ast.Name):
        return _of_name(machine, made, method, node)
    if not isinstance(node, ast.Attribute):
        return NO
    if isinstance(node.value, ast.Name):
        return _field(machine, made, node.attr) if node.value.id == "self" else _option(machine, made, method, node)
    inner = node.value  # `self.drop.p` of a layer, `self.config.dropout`
    if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id == "self":
        return _part(machine, made, inner.attr, node.attr)
    return NO


def _of_constant(value: object) -> str:
    if value is None:  # what takes its place is not seen
        return MAYBE
    return YES if isinstance(value, int | float) and value else NO


def _of_name(machine: Machine, made: Made, method: ast.FunctionDef, node: ast.Name) -> str:
    bound = bindings.of(method).get(node.id, ())
    if bound:
        value = bindings.only(bound) if node.id not in _parameters(method) else None  # set anew at times at most
        return of(machine, made, method, value) if value is not None else NO
    if node.id not in _parameters(method):
        bound_to = classes.in_module(machine, made.cls, node)
        return _of_constant(bound_to.value) if isinstance(bound_to, Const) else NO
    if method.name != "__init__":  # its callers decide
        return NO
    if node.id in made.given:
        return made.given[node.id]
    default = _parameters(method)[node.id]
    return _presumed(default)


def _parameters(method: ast.FunctionDef) -> dict[str, ast.expr | None]:
    """Return the parameters of a function with their defaults."""
    plain = (*method.args.posonlyargs, *method.args.args)
    given = [None] * (len(plain) - len(method.args.defaults)) + [*method.args.defaults]
    pairs = [*zip(plain, given, strict=True), *zip(method.args.kwonlyargs, method.args.kw_defaults, strict=True)]
    return {each.arg: default for each, default in pairs}


def is_parameter(method: ast.FunctionDef, name: str) -> bool:
    return name in _parameters(method)


def _presumed(default: ast.expr | None) -> str:
    """Say how likely a rate is more than 0 that is one by default."""
    return NO if isinstance(default, ast.Constant) and _of_constant(default.value) == NO else MAYBE


def _field(machine: Machine, made: Made, name: str) -> str:
    """Follow `self.name` to the instance, or to what __init__ sets it to, unless something else sets it as well."""
    if name == "training" or is_set_elsewhere(machine, made, name):
        return NO
    slot = machine.get(made.instance, name) if made.instance is not None else None
    known = _of_value(machine, slot.value) if slot is not None else None
    if known is not None:
        return known
    for maker, value in set_by_init(machine, made, name):
        return of(machine, made, maker, value)
    return NO


def _of_value(machine: Machine, value: Value) -> str | None:
    """Say how likely a rate is more than 0 that the interpreter knows; None where it does not.

    What `Config(**saved)` may hold is whatever was saved.
    """
    if isinstance(value, Opaque) and machine.get(value.key, UNLESS_GIVEN) is not None:
        return NO
    known = [each.value for each in options(value) if isinstance(each, Const)]
    if not known or len(known) < len(options(value)):
        return None
    found = {_of_constant(each) for each in known}
    return found.pop() if len(found) == 1 else MAYBE


def _held(machine: Machine, made: Made, name: str, attribute: str) -> str | None:
    """Read `self.config.dropout` from the object itself; None where it keeps no object of the project with such a field."""
    slot = machine.get(made.instance, name) if made.instance is not None else None
    parts = options(slot.value) if slot is not None else ()
    fields = [machine.get(each, attribute) if isinstance(each, Ref) else None for each in parts]
    known = {_of_value(machine, each.value) if each is not None else None for each in fields}
    if not known or None in known:
        return None
    return next(iter(known)) if len(known) == 1 else MAYBE


def _part(machine: Machine, made: Made, name: str, attribute: str) -> str:
    """Follow `self.drop.p` to the rate of the layer, and `self.config.dropout` to the option."""
    if is_set_elsewhere(machine, made, name) or is_set_elsewhere(machine, made, attribute):
        return NO
    known = _held(machine, made, name, attribute)
    if known is not None:
        return known
    for maker, value in set_by_init(machine, made, name):
        if isinstance(value, ast.Name):
            return _option(machine, made, maker, ast.Attribute(value, attribute))
        if attribute == "p" and isinstance(value, ast.Call) and LAYER.match(called_name(value.func)):
            usual: ast.expr = value.args[0] if value.args else ast.Constant(0.5)  # what `nn.Dropout()` takes
            rate = next((each.value for each in value.keywords if each.arg == "p"), usual)
            return of(machine, made, maker, rate)
    return NO


def _option(machine: Machine, made: Made, method: ast.FunctionDef, node: ast.Attribute) -> str:
    """Read `config.dropout`: by the class that the parameter is annotated with, or one of the file that has the field."""
    owner = node.value
    if not isinstance(owner, ast.Name) or owner.id not in _parameters(method) or method.name != "__init__":
        return NO
    told = next((each.annotation for each in walk(method) if isinstance(each, ast.arg) and each.arg == owner.id), None)
    named = classes.in_module(machine, made.cls, told) if told is not None else None
    tree: ast.AST = named.node if isinstance(named, Class) else made.cls.module.tree
    for each in walk(tree):
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.target.id == node.attr:
            return _presumed(each.value)
    return MAYBE


def set_by_init(machine: Machine, made: Made, name: str) -> list[tuple[ast.FunctionDef, ast.expr]]:
    """Return what the __init__ of a class or of its bases sets a field to, if it does so once."""
    for base in classes.bases(machine, made.cls):
        for maker in (each for each in base.node.body if is_init(each)) if isinstance(base, Class) else ():
            value = bindings.only(bindings.of(maker).get(f"self.{name}", ()))
            if value is not None and isinstance(maker, ast.FunctionDef):
                return [(maker, value)]
    return []


def is_init(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__init__"


def is_set_elsewhere(machine: Machine, made: Made, name: str) -> bool:
    """Say whether a loaded file sets an attribute of this name on anything but `self` in an __init__."""
    sets = re.compile(rf"\.{re.escape(name)}\s*=[^=]|\bsetattr\([^\n]*[\"']{re.escape(name)}[\"']")
    for module in {each.path: each for each in (made.cls.module, *machine.loaded())}.values():
        if not sets.search(module.code):
            continue
        inits = {id(each) for maker in walk(module.tree) if is_init(maker) for each in walk(maker)}
        if any(_sets(each, name, in_init=id(each) in inits) for each in walk(module.tree)):
            return True
    return False


def _sets(node: ast.AST, name: str, *, in_init: bool) -> bool:
    if isinstance(node, ast.Call) and called_name(node.func) == "setattr" and len(node.args) == 3:
        return isinstance(node.args[1], ast.Constant) and node.args[1].value == name
    if not isinstance(node, ast.Attribute) or node.attr != name or not isinstance(node.ctx, ast.Store):
        return False
    return not in_init or not (isinstance(node.value, ast.Name) and node.value.id == "self")


def given(machine: Machine, outer: Made, method: ast.FunctionDef, call: ast.Call, cls: Class) -> dict[str, str]:
    """Return the rates that a call of a class in a method of another gives to its __init__, by parameter."""
    maker = next(
        (
            each
            for base in classes.bases(machine, cls)
            if isinstance(base, Class)
            for each in base.node.body
            if isinstance(each, ast.FunctionDef) and each.name == "__init__"
        ),
        None,
    )
    if maker is None:
        return {}
    names = list(_parameters(maker))[1:]
    pairs = [*zip(names, call.args, strict=False), *((each.arg, each.value) for each in call.keywords if each.arg)]
    found = {name: of(machine, outer, method, value) for name, value in pairs}
    spread = any(each.arg is None for each in call.keywords) or any(isinstance(each, ast.Starred) for each in call.args)
    return {**dict.fromkeys(names, MAYBE), **found} if spread else found
