"""Binders: which function, class or module binds the name that a place of a file reads, and where it does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from lintloss.facts.survey import children, walk
from lintloss.parse import Module

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Callable = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@lru_cache(maxsize=8)
def parents(module: Module) -> dict[ast.AST, ast.AST]:
    """Return what stands around each node of a module."""
    return {child: node for node in walk(module.tree) for child in children(node)}


def around(module: Module, node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands around a node, innermost first."""
    above = parents(module)
    while node in above:
        node = above[node]
        yield node


def function_of(module: Module, node: ast.AST) -> ast.AST:
    """Return the innermost function around a node, the module's tree where there is none."""
    return next((each for each in around(module, node) if isinstance(each, FUNCTIONS)), module.tree)


def of_name(module: Module, node: ast.AST, name: str) -> ast.AST:
    """Return what binds a name that a node reads: a comprehension, a class body, a function around it, or the module."""
    inner = True
    for each in around(module, node):
        if isinstance(each, ast.ClassDef) and not inner:
            continue  # methods do not see the names of a class
        if name in _bound(module, each):
            return each
        inner = inner and not isinstance(each, FUNCTIONS)
    return module.tree


def given(function: ast.AST) -> set[str]:
    """Return the names of a function's parameters."""
    if not isinstance(function, Callable):
        return set()
    spec = function.args
    more = [each for each in (spec.vararg, spec.kwarg) if each is not None]
    return {each.arg for each in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *more)}


def stores(module: Module, home: ast.AST, name: str) -> list[ast.Name]:
    """Return where a function or a module binds one of its names, or deletes it."""
    return [each for each in _stored(module).get(name, ()) if of_name(module, each, name) is home]


@lru_cache(maxsize=8)
def _stored(module: Module) -> dict[str, tuple[ast.Name, ...]]:
    found: dict[str, list[ast.Name]] = {}
    for each in walk(module.tree):
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load):
            found.setdefault(each.id, []).append(each)
    return {name: tuple(each) for name, each in found.items()}


def _bound(module: Module, scope: ast.AST) -> frozenset[str]:
    is_scope = isinstance(scope, (*FUNCTIONS, *COMPREHENSIONS, ast.ClassDef))
    return _scopes(module).get(scope, frozenset()) if is_scope else frozenset()


@lru_cache(maxsize=8)
def _scopes(module: Module) -> dict[ast.AST, frozenset[str]]:
    """Return the names that each function, class and comprehension binds by itself, `global` ones left out."""
    found: dict[ast.AST, set[str]] = {}
    shared: dict[ast.AST, set[str]] = {}
    stack: list[tuple[ast.AST, ast.AST]] = [(module.tree, module.tree)]
    while stack:
        node, scope = stack.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.setdefault(scope, set()).add(node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            shared.setdefault(scope, set()).update(node.names)
        if isinstance(node, (*FUNCTIONS, *COMPREHENSIONS, ast.ClassDef)):
            scope = node
            found.setdefault(scope, set()).update(given(node))
        stack += [(each, scope) for each in children(node)]
    return {scope: frozenset(names - shared.get(scope, set())) for scope, names in found.items()}
