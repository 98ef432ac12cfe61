"""Bindings: what a function, a class or a module binds its names to, listed once a tree and asked for often."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from lintloss.facts.survey import called_name, children, walk
from lintloss.parse import Module

ANY = object()
Function = ast.FunctionDef | ast.AsyncFunctionDef
Around = tuple[ast.AST, ...]
PROGRESS = ("tqdm", "track", "alive_it")  # `with tqdm(loader) as batches`
INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class Binding:
    """One assignment to a name.

    value: None where a loop, a `with` or an augmented assignment binds it. picks: what is taken out of the value, as
    `first, second = …` does. key: the constant key of `name[key] = …`, ANY where it is none. over: what the loop that
    binds it runs over.
    """

    value: ast.expr | None
    picks: tuple[object, ...] = ()
    key: object | None = None
    over: ast.expr | None = None


def own(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope in the order of their rows, those of functions and classes in it left out."""
    body = getattr(scope, "body", [])
    stack = list(reversed(body)) if isinstance(body, list) else [body]  # of a lambda, one expression
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, INNER):
            stack.extend(reversed(children(node)))


@lru_cache(maxsize=512)
def of(scope: ast.AST) -> dict[str, tuple[Binding, ...]]:
    """Return what a function or a module binds, by name; `self.x` of an object goes by `self.x`."""
    found: dict[str, list[Binding]] = {}
    for node in own(scope):
        for name, binding in _bound(node):
            found.setdefault(name, []).append(binding)
    return {name: tuple(each) for name, each in found.items()}


def only(bound: tuple[Binding, ...]) -> ast.expr | None:
    """Return what a name stands for that is bound once, and to the whole of it."""
    return bound[0].value if len(bound) == 1 and not bound[0].picks and bound[0].key is None else None


def before(bound: tuple[Binding, ...], name: str, row: int) -> tuple[Binding, ...]:
    """Return the bindings above a row, if there are any; of `rows = rows.map(…)` the last, which leads to the others."""
    above = tuple(each for each in bound if each.value is None or (each.value.end_lineno or 0) < row) or bound
    if not above:
        return ()
    last = above[-1]
    if last.value is not None and last.key is None:
        if any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(last.value)):
            return (last,)
    return above


def is_before(bound: tuple[Binding, ...], row: int) -> bool:
    """Say whether a row reads what a name held before it is bound: the parameter in `batches = iter(batches)`."""
    return row > 0 and all(each.value is not None and each.value.lineno >= row for each in bound)


def _bound(node: ast.AST) -> Iterator[tuple[str, Binding]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _stored(target, node.value, ())
    elif (isinstance(node, ast.AnnAssign) and node.value is not None) or isinstance(node, ast.NamedExpr):
        yield from _stored(node.target, node.value, ())
    elif isinstance(node, ast.For | ast.AsyncFor):
        for name, each in _stored(node.target, None, ()):
            yield name, replace(each, over=node.iter)
    elif isinstance(node, ast.AugAssign):
        yield from _stored(node.target, None, ())
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        bar = node.context_expr if isinstance(node.context_expr, ast.Call) else None
        shown = bar if bar is not None and called_name(bar.func) in PROGRESS and bar.args else None
        yield from _stored(node.optional_vars, shown, ())


def _stored(target: ast.expr, value: ast.expr | None, picks: tuple[object, ...]) -> Iterator[tuple[str, Binding]]:
    if isinstance(target, ast.Name):
        yield target.id, Binding(value, picks)
    elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        yield f"{target.value.id}.{target.attr}", Binding(value, picks)
    elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
        if isinstance(target.slice, ast.Slice | ast.Tuple):
            return  # a part of it is written over
        key = target.slice.value if isinstance(target.slice, ast.Constant) else ANY
        yield target.value.id, Binding(value, picks, key)
    elif isinstance(target, ast.Tuple | ast.List):
        starred = any(isinstance(each, ast.Starred) for each in target.elts)
        for index, each in enumerate(target.elts):
            yield from _stored(each, None if starred else value, (*picks, index))


def owner(tree: ast.AST, function: ast.AST) -> ast.ClassDef | None:
    """Return the class whose body holds a method."""
    return next((each for each in walk(tree) if isinstance(each, ast.ClassDef) and function in each.body), None)


@lru_cache(maxsize=256)
def fields(node: ast.ClassDef) -> dict[str, tuple[tuple[Function, Binding], ...]]:
    """Return what the methods of a class assign to the attributes of the instance."""
    found: dict[str, list[tuple[Function, Binding]]] = {}
    for method in node.body:
        if isinstance(method, Function) and method.args.args:
            first = method.args.args[0].arg + "."
            for name, each in of(method).items():
                if name.startswith(first):
                    found.setdefault(name[len(first) :], []).extend((method, binding) for binding in each)
    return {name: tuple(each) for name, each in found.items()}


@lru_cache(maxsize=512)
def returns(function: Function) -> tuple[ast.expr | None, ...]:
    """Return what a function returns, at each of its returns."""
    return tuple(node.value for node in own(function) if isinstance(node, ast.Return))


@lru_cache(maxsize=512)
def is_generator(function: Function) -> bool:
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own(function))


@lru_cache(maxsize=64)
def calls(module: Module) -> dict[str, tuple[tuple[ast.Call, Around], ...]]:
    """Index the calls of a module by the last name of what they call, with the definitions around each."""
    found: dict[str, list[tuple[ast.Call, Around]]] = {}
    stack: list[tuple[ast.AST, Around]] = [(module.tree, ())]
    while stack:
        node, around = stack.pop()
        if isinstance(node, ast.Call):
            found.setdefault(called_name(node.func), []).append((node, around))
        below = (*around, node) if isinstance(node, Function | ast.ClassDef) else around
        stack += [(child, below) for child in reversed(children(node))]
    return {name: tuple(each) for name, each in found.items()}
