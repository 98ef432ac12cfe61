"""Shuffled rows: data that was put in a random order, or drawn at random, before a loader reads it from first to last.

The loader itself shuffles nothing then, and its first batches are a random sample all the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings
from lintloss.facts.callers import text_of
from lintloss.facts.caps import Function, parameters
from lintloss.facts.provenance import Spot, Tracer, bind
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Class, Func
from lintloss.patterns import regex

SHUFFLES = regex(r"shuffle|^(randperm|permutation|permuted|sample|choices?|randint|random_split|train_test_split)$")
DEPTH = 8  # names and calls between the loader and the data


def are(tracer: Tracer, rows: Spot) -> bool:
    """Say whether what makes some rows, or is done to them where they are at hand, puts them in a random order."""
    return any(_is_mixed(tracer, each) for each in _ways(tracer, rows, DEPTH, set()))


def _ways(tracer: Tracer, spot: Spot, depth: int, seen: set[int]) -> Iterator[Spot]:
    """Yield an expression, and those that its names and parameters stand for, each at its place."""
    if depth == 0 or id(spot.node) in seen:
        return
    seen.add(id(spot.node))
    yield spot
    for node in walk(spot.node):
        if isinstance(node, ast.Name | ast.Attribute):
            for each in _meant(tracer, spot, node):
                yield from _ways(tracer, each, depth - 1, seen)


def _meant(tracer: Tracer, spot: Spot, node: ast.Name | ast.Attribute) -> Iterator[Spot]:
    """Yield what a name is bound to in the innermost scope that binds it; of a parameter what its callers give."""
    name = text_of(node)
    if name.startswith("self.") and spot.owner is not None:
        for method, bound in bindings.fields(spot.owner).get(name.removeprefix("self."), ()):
            if bound.value is not None:
                yield Spot(bound.value, spot.module, (spot.owner, method))
        return
    for index in range(len(spot.around) - 1, -1, -1):
        scope = spot.around[index]
        if not isinstance(scope, Function):
            continue
        inside = Spot(node, spot.module, spot.around[: index + 1])
        found = [each.value for each in bindings.of(scope).get(name, ()) if each.value is not None]
        yield from (inside.at(each) for each in found)
        if name in parameters(scope):
            given = [bind(scope, call) for call in tracer.calls(inside, scope)]
            yield from (each[name] for each in given if name in each)
        if found or name in parameters(scope):
            return
    bound_here = bindings.of(spot.module.tree).get(name, ())
    yield from (Spot(each.value, spot.module) for each in bound_here if each.value is not None)


def _is_mixed(tracer: Tracer, spot: Spot) -> bool:
    """Say whether an expression shuffles, what it calls does, or a statement of its scope shuffles what it names."""
    for node in walk(spot.node):
        if isinstance(node, ast.Call):
            if _shuffles(node):
                return True
            target = tracer.target(spot, node.func)
            if isinstance(target, Func | Class) and any(_shuffles(each) for each in walk(target.node)):
                return True
    scope = next((each for each in reversed(spot.around) if isinstance(each, Function)), spot.module.tree)
    named = {text_of(each) for each in walk(spot.node) if isinstance(each, ast.Name | ast.Attribute)}
    return any(named & _mixed_by(each.value) for each in bindings.own(scope) if isinstance(each, ast.Expr))


def _mixed_by(call: ast.expr) -> set[str]:
    """Return what a statement shuffles where it is: `random.shuffle(rows)`, `rows.shuffle()`."""
    if not isinstance(call, ast.Call) or not _shuffles(call) or not isinstance(call.func, ast.Attribute | ast.Name):
        return set()
    own = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    return {text_of(each) for each in call.args or own}


def _shuffles(node: ast.AST) -> bool:
    """Say whether a call shuffles; `DataLoader(rows, shuffle=True)` does so by itself, and leaves the rows as they are."""
    return isinstance(node, ast.Call) and SHUFFLES.search(called_name(node.func)) is not None
