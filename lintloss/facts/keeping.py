"""Keeping calls: what they return may be made of what earlier calls left, as a meter's running mean is, or a closure's."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from lintloss.facts import bindings, global_values, provenance
from lintloss.facts.bindings import Function
from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk
from lintloss.facts.values import Class, Func, Lib, ModuleValue
from lintloss.parse import Module
from lintloss.patterns import regex

# Methods that change what they are called on, by their names: of what is out of sight, there is nothing else to ask.
CHANGES = regex(
    r"^(update|add|append|extend|accumulate|push|record|observe|track|merge)(_|$)|^(log|put|insert|compute)$"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """A function (or a module body) whose calls are looked at."""

    machine: Machine
    module: Module
    node: ast.AST

    def may_keep(self, call: ast.Call) -> bool:
        """Say whether a call may return what hangs on earlier calls; of a method, where its object is not of the batch."""
        if isinstance(call.func, ast.Attribute):
            return self._is_changing(call.func)
        return isinstance(call.func, ast.Name) and self._is_keeping(call.func.id)

    def _is_changing(self, method: ast.Attribute) -> bool:
        root = next((each for each in walk(method) if isinstance(each, ast.Name)), None)
        held = global_values.global_value(self.machine, self.module, root.id) if root is not None else None
        if isinstance(held, Lib | ModuleValue):  # `torch.add(losses, weights)`
            return False
        written = [each for each in walk(self.module.tree) if isinstance(each, Function) and each.name == method.attr]
        return any(map(_stores, written)) if written else CHANGES.search(method.attr) is not None

    def _is_keeping(self, name: str) -> bool:
        """Say whether a function keeps something, or what goes by its name was made by one that hands out its inside."""
        inner = [each for each in walk(self.node) if isinstance(each, Function) and each.name == name]
        bound = bindings.of(self.node).get(name, ()) if not inner else ()
        if bound:
            made = [provenance.part(each.value, each.picks) or each.value for each in bound if each.value is not None]
            return any(isinstance(each, ast.Call) and self._hands_out(each) for each in made)
        found = self._global(name)
        return any(map(_stores, [*inner, *([found.node] if isinstance(found, Func) else [])]))

    def _global(self, name: str) -> object:
        return global_values.global_value(self.machine, self.module, name)

    def _hands_out(self, made: ast.Call) -> bool:
        """Say whether a call makes a function that keeps something, or an object that does where it is called."""
        found = self._global(made.func.id) if isinstance(made.func, ast.Name) else None
        if not isinstance(found, Func | Class):
            return False
        wanted = "__call__" if isinstance(found, Class) else ""
        inside = (each for each in walk(found.node) if isinstance(each, Function) and each is not found.node)
        return any(_stores(each) for each in inside if wanted in {"", each.name})


def _stores(function: ast.AST) -> bool:
    """Say whether a function writes into what is there before and after it: its arguments, `self`, an outer name."""
    if not isinstance(function, Function):
        return False
    spec = function.args
    given = {each.arg for each in walk(spec) if isinstance(each, ast.arg)}
    own = {each.id for each in walk(function) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    written = {root for each in walk(function) for root in _written(each)} - {""}
    says = any(isinstance(each, ast.Global | ast.Nonlocal) for each in walk(function))
    return says or any(root in given or root not in own for root in written)


def _written(node: ast.AST) -> Iterator[str]:
    """Yield the names of what a node writes into: `self.total += loss`, `sums[key] = …`, `losses.append(loss)`."""
    if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
        yield _root(node)
    call = node.value if isinstance(node, ast.Expr) else None  # what it returns is of no use: it changes something
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and CHANGES.search(call.func.attr):
        yield _root(call.func)


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
