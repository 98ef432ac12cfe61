"""Caps: where the number that stops an evaluation loop comes from, and so whether somebody chose it.

A literal and a constant that no option reaches were chosen by nobody who reads the result; a default that no caller
replaces likewise, but it is on show. What the caller, the command line or a configuration sets is a choice.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TypeGuard

from lintloss.facts import callers
from lintloss.facts.callers import text_of
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Pending
from lintloss.parse import Module
from lintloss.patterns import regex

BUDGET = regex(r"tok|word|char|byte|time|elapsed|second|deadline|finish|early|patience", re.IGNORECASE)
EXPOSED = regex(r"^eval_iters$")  # nanoGPT's name for how large a random sample is
OVERRIDES = regex(r"\bexec\(|globals\(\)\[|globals\(\)\.update|\bfire\.Fire\(")
LENGTH = regex(r"\blen\(|\.size\(|\.shape|(num|n)_(\w+_)?(batches|examples|samples|rows)|\.__len__")
DEPTH = 4
ALL = 100_000  # a cap of this size stands for "all of it": nobody waits for that many batches

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Cap:
    """A number of iterations, and how sure it is that nobody chose it: "error" or "warning"."""

    text: str
    severity: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Looks up where the names of one function come from."""

    machine: Machine
    module: Module
    function: Function | None

    def cap(self, node: ast.expr, depth: int = 0) -> Cap | None:
        """Return what an expression caps, None where somebody chose it or it cannot be told."""
        if depth > DEPTH or BUDGET.search(text_of(node)):
            return None
        if isinstance(node, ast.Constant):
            return Cap(text_of(node), "error") if is_cap(node.value) else None
        if isinstance(node, ast.Name):
            return self._name(node.id, depth)
        if isinstance(node, ast.Attribute):
            return self._field(node)
        if isinstance(node, ast.BinOp):
            return self._whole(node, depth)
        if isinstance(node, ast.Call) and text_of(node.func) in {"min", "int"} and node.args:
            found = [self.cap(arg, depth + 1) for arg in node.args if not is_length(arg)]
            return found[0] if len(found) == 1 else None
        return None

    def _whole(self, node: ast.BinOp, depth: int) -> Cap | None:
        """`40 - 1`, `40 // world_size`: capped where the left side is."""
        left = self.cap(node.left, depth + 1)
        other = text_of(node.right)
        if left is None or not (
            isinstance(node.right, ast.Constant)
            or re.search(r"world|rank|gpu|device|batch|bs\b|bptt|seq|block", other, re.IGNORECASE)
        ):
            return None
        return Cap(text_of(node), left.severity)

    def _name(self, name: str, depth: int) -> Cap | None:
        if EXPOSED.search(name):
            return None
        if self.function is not None:
            if name in parameters(self.function):
                return self._parameter(self.function, name)
            values = assigned(self.function, name)
            if values:
                return self.cap(values[0], depth + 1) if len(values) == 1 else None
        return self._constant(name)

    def _parameter(self, function: Function, name: str) -> Cap | None:
        default = defaults(function).get(name)
        if not isinstance(default, ast.Constant) or not is_cap(default.value):
            return None
        if is_given(self.machine, self.module, function, name):
            return None
        return Cap(f"{name}={default.value}", "warning")

    def _field(self, node: ast.Attribute) -> Cap | None:
        """Read `self.name` of a method."""
        from lintloss.facts import kept_caps

        is_own = isinstance(node.value, ast.Name) and node.value.id == "self"
        if not is_own or self.function is None:
            return None
        return kept_caps.of_field(self.machine, self.module, self.function, node.attr)

    def _constant(self, name: str) -> Cap | None:
        """Read a constant of the module, or one that it imports."""
        from lintloss.facts import imports

        slot = self.machine.global_slot(self.module.path, name)
        if slot is None or OVERRIDES.search(self.module.code):
            return None
        value = imports.resolve(self.machine, slot.value) if isinstance(slot.value, Pending) else slot.value
        return Cap(f"{name} = {value.value}", "error") if isinstance(value, Const) and is_cap(value.value) else None


def is_cap(number: object) -> TypeGuard[int]:
    """Say whether a constant may end a loop before its data does: a whole number, and not one for "all of it"."""
    return type(number) is int and 0 < number < ALL


def is_length(node: ast.expr) -> bool:
    return (
        re.search(r"\blen\(|\.size\(|\.shape|(num|n)_(\w+_)?(batches|examples|samples|rows)|\.__len__", text_of(node))
        is not None
    )


def parameters(function: Function) -> list[str]:
    spec = function.args
    return [each.arg for each in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]


def defaults(function: Function) -> dict[str, ast.expr]:
    spec = function.args
    plain = [each.arg for each in (*spec.posonlyargs, *spec.args)]
    found = dict(zip(reversed(plain), reversed(spec.defaults), strict=False))
    found.update(
        {each.arg: value for each, value in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if value is not None}
    )
    return found


def assigned(function: ast.AST, name: str) -> list[ast.expr]:
    """Return the values that a name is bound to by plain assignments in a function."""
    found = []
    for node in ast.walk(function):
        if (
            isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
        ) or (isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == name):
            found.append(node.value)
    return found


def is_given(machine: Machine, module: Module, function: Function, name: str) -> bool:
    """Say whether some call of a function passes a parameter."""
    return bool(passed(machine, module, function, name))


def passed(machine: Machine, module: Module, function: Function, name: str) -> list[ast.expr]:
    """Return what the calls of a function, found by its name in the project, pass for a parameter."""
    calls = callers.calls(machine.project, module, function.name)
    names = parameters(function)
    if names[:1] not in (["self"], ["cls"]):
        return given_by(calls, names, name)
    bound = [each for each in calls if isinstance(each.func, ast.Attribute)]
    plain = [each for each in calls if not isinstance(each.func, ast.Attribute)]
    return [*given_by(bound, names[1:], name), *given_by(plain, names, name)]


def given_by(calls: list[ast.Call], names: list[str], name: str) -> list[ast.expr]:
    """Return what calls give, or may hide in stars, for one of the parameters that they fill in order."""
    found: list[ast.expr] = []
    index = names.index(name) if name in names else len(names)
    for call in calls:
        if index < len(call.args):
            found.append(call.args[index])
        found += [each.value for each in call.keywords if each.arg in {name, None}]
        found += [each for each in call.args[: index + 1] if isinstance(each, ast.Starred)]
    return found
