"""Keywords: what a call is given by name, with `**options` written out and `partial(DataLoader, …)` put together."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings
from lintloss.facts.provenance import Spot
from lintloss.facts.survey import called_name


def of(spot: Spot, call: ast.Call) -> dict[str, ast.expr]:
    """Return the keywords of a call, by name; those of a `**` that is made elsewhere are missing."""
    found: dict[str, ast.expr] = {}
    made = partial(spot, call)
    for each in (made, call) if made is not None else (call,):
        for word in each.keywords:
            if word.arg is None:
                found.update(_spread(spot, word.value))
        found.update({word.arg: word.value for word in each.keywords if word.arg is not None})
    return found


def name_of(spot: Spot, call: ast.Call) -> str:
    """Return the name of what is called, of a partial the name of what it makes."""
    made = partial(spot, call)
    return called_name(made.args[0]) if made is not None else called_name(call.func)


def partial(spot: Spot, call: ast.Call) -> ast.Call | None:
    """Return the `partial(DataLoader, batch_size=32)` that a call by a plain name goes through."""
    if not isinstance(call.func, ast.Name):
        return None
    bound = [each.value for each in _bound(spot, call.func.id)]
    made = bound[0] if len(bound) == 1 else None
    return made if isinstance(made, ast.Call) and called_name(made.func) == "partial" and made.args else None


def _spread(spot: Spot, node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield what a dict holds that is written out, or bound to a name of the same scope; what is stored later counts."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                yield from _spread(spot, value)
            elif isinstance(key, ast.Constant):
                yield str(key.value), value
    elif isinstance(node, ast.Call) and called_name(node.func) == "dict":
        yield from ((each.arg, each.value) for each in node.keywords if each.arg is not None)
    elif isinstance(node, ast.Name):
        for each in _bound(spot, node.id):
            if each.value is None or each.picks:
                continue
            if isinstance(each.key, str):
                yield each.key, each.value
            elif each.key is None and not isinstance(each.value, ast.Name):
                yield from _spread(spot, each.value)


def _bound(spot: Spot, name: str) -> tuple[bindings.Binding, ...]:
    for scope in (*reversed(spot.around), spot.module.tree):
        found = bindings.of(scope).get(name) if not isinstance(scope, ast.ClassDef) else None
        if found:
            return found
    return ()
