"""What is made of a function: one that runs for each row, that returns the gradients as well, or that has some arguments."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import phases
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Class, Func, Lib, LibObject, Opaque, Quantity, Tuple, Value

Kwargs = dict[str, Value]
NAMES = frozenset({"vmap", "value_and_grad", "partial"})
PARTIAL = "functools.partial"


def partial(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """partial(f, x, y=z): f with some of its arguments."""
    if not args or not isinstance(args[0], Func | Class | Lib | LibObject):
        return None
    return LibObject(PARTIAL, tuple(args), tuple(kwargs.items()), None, machine.key(node, "partial"))


def vectorized(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """vmap(f): f of each row, side by side."""
    if not args or not isinstance(args[0], Func | LibObject):
        return None
    return LibObject("jax.vmap", (args[0],), (), machine.evidence(node, "run for each row"), machine.key(node, "vmap"))


def valued(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """value_and_grad(f): a pair of what f returns and its gradients; MLX is given the model first."""
    function = next((each for each in args if isinstance(each, Func)), None)
    if function is None:
        return None
    return LibObject("jax.value_and_grad", (function,), (), None, machine.key(node, "value_and_grad"))


def call(machine: Machine, node: ast.AST, made: LibObject, args: list[Value], kwargs: Kwargs) -> Value:
    """Call what one of the above made."""
    from lintloss.facts import calls

    if made.name == PARTIAL:
        return calls.call(machine, node, made.args[0], [*made.args[1:], *args], {**dict(made.kwargs), **kwargs})
    value = calls.call(machine, node, made.args[0], args, kwargs)
    if made.name.endswith("vmap"):
        return _row_by_row(value)
    phases.backward(machine)
    return Tuple((value, Opaque(machine.key(node, "gradients"), "grads")))


def of_each_row(machine: Machine, node: ast.AST, function: ast.AST, value: Value) -> Value:
    """Return what a decorated function gives for all rows: `@jax.vmap`, `@partial(jnp.vectorize, signature="(c),()->()")`.

    vectorize() runs over all axes that its signature does not name; how many these are, nobody says.
    """
    for each in getattr(function, "decorator_list", ()):
        names = {called_name(name) for name in walk(each) if isinstance(name, ast.expr)}
        if "vmap" in names:
            value = _row_by_row(value)
        elif "vectorize" in names:
            return machine.opaque(node)
    return value


def _row_by_row(value: Value) -> Value:
    if isinstance(value, Tuple):
        return Tuple(tuple(_row_by_row(item) for item in value.items))
    plain = isinstance(value, Quantity) and value.unit.content is not None and not value.axes and not value.loops
    return replace(value, axes=("row",)) if plain and isinstance(value, Quantity) else value
