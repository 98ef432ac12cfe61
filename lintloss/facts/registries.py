"""Registries: `@register("name")` above a class or a function files it, and others look it up by that name."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache

from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Class, Func, Ref, Value
from lintloss.patterns import regex

Definition = ast.FunctionDef | ast.AsyncFunctionDef
REGISTERS = regex(r"regist|^_(add|put|do)")  # `self._do_register(name, made)`: what files it is a method of its own


def file(machine: Machine, node: Definition | ast.ClassDef, made: Class | Func) -> None:
    """Run the decorators of a definition that put it into a table; what they return is taken for the definition."""
    from lintloss.facts import calls, gradients
    from lintloss.facts.expressions import evaluate

    for each in reversed(node.decorator_list):
        maker = gradients.project_decorator(machine, each)
        if maker is None or not isinstance(maker.node, Definition) or not _files(maker.node):
            continue
        before, machine.filing = machine.filing, True
        try:
            wrapper = evaluate(machine, each)
            if isinstance(wrapper, Func):
                calls.call(machine, each, wrapper, [made], {})
        finally:
            machine.filing = before


@lru_cache(maxsize=256)
def _files(function: Definition) -> bool:
    """Say whether a decorator puts what it is given into a table, itself or by a method of its object."""
    called = (each.func for each in walk(function) if isinstance(each, ast.Call))
    return bool(_tables(function)) or any(REGISTERS.search(called_name(each)) is not None for each in called)


def _tables(function: Definition) -> set[str]:
    """Return the names of the tables that a function puts items into: `TABLE[name] = made`."""
    stored = (each for each in walk(function) if isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store))
    return {_root(each) for each in stored}


def tables_of(body: Iterable[ast.stmt]) -> dict[str, set[str]]:
    """Return, for each function of a module, the tables that it puts items into."""
    found = {each.name: _tables(each) for each in body if isinstance(each, Definition)}
    return {name: tables for name, tables in found.items() if tables}


def filed_in(statement: ast.stmt, tables: dict[str, set[str]]) -> Iterator[str]:
    """Yield the names of a module that may hold the tables into which the decorators of a definition put it."""
    for each in getattr(statement, "decorator_list", ()):
        root = _root(each)
        yield from tables.get(root, {root} if isinstance(each, ast.Call | ast.Attribute) else ())


def is_one(node: ast.ClassDef) -> bool:
    """Say whether a class keeps a table into which its decorators put what they stand above."""
    methods = [each for each in node.body if isinstance(each, Definition)]
    return any(REGISTERS.search(each.name) for each in methods) and any(_tables(each) for each in methods)


def names(machine: Machine, table: Ref) -> list[str]:
    """Return the names under which definitions were put into a table, as far as they are known."""
    return [name for name in machine.fields(table) if name not in {"len", "elem"}]


def only(machine: Machine, table: Ref) -> Value | None:
    """Return the one definition that a table holds: of several, which one a setting chooses is not known."""
    held = [slot.value for name, slot in machine.fields(table).items() if name != "len"]
    known = len(held) == 1 and "elem" not in machine.fields(table)
    return held[0] if known else None


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
