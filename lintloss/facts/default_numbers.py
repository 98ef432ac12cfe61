"""Default numbers: the number that an expression has where nobody asks for another one, and the way from one to the other."""

from __future__ import annotations

import ast

from lintloss.facts import bindings, option_defaults
from lintloss.facts.callers import text_of
from lintloss.facts.caps import BUDGET, Function, defaults, is_cap, is_length, parameters
from lintloss.facts.machine import Machine
from lintloss.facts.option_defaults import Known
from lintloss.facts.provenance import Spot, Tracer, bind
from lintloss.facts.survey import called_name

DEPTH = 12  # links from a name to its number
KEPT = ("get", "getattr")


class Numbers:
    """Follows expressions to their numbers, each of them once.

    ways: the expressions on the way, each at its place: where one of them is told, the number is known to whoever reads.
    """

    def __init__(self, machine: Machine) -> None:
        self.ways: list[Spot] = []
        self._tracer = Tracer(machine)
        self._known: dict[tuple[int, ...], Known | None] = {}

    def of(self, spot: Spot, depth: int = DEPTH) -> Known | None:
        """Return the number of an expression, None where it is not known; a literal that a caller gives is a choice."""
        asked = (id(spot.node), *(id(each) for each in spot.around))
        if asked not in self._known:
            self._known[asked] = None  # for a function that calls itself
            self.ways.append(spot)
            self._known[asked] = self._of(spot, depth)
        return self._known[asked]

    def _of(self, spot: Spot, depth: int) -> Known | None:
        node = spot.node
        if depth == 0 or BUDGET.search(text_of(node)):
            return None
        if isinstance(node, ast.Call) and text_of(node.func) in {"min", "int"}:
            others = [each for each in node.args if not is_length(each)]
            return self.of(spot.at(others[0]), depth - 1) if len(others) == 1 else None
        if isinstance(node, ast.Name):
            return self._of_variable(spot, node.id, depth)
        taken = _entry(node)
        return self._of_entry(spot, *taken, depth) if taken is not None else None

    def _of_entry(self, spot: Spot, holder: ast.expr, name: str, depth: int) -> Known | None:
        """Return what `self.steps` was set to, else the default of an option of that name."""
        own = isinstance(spot.node, ast.Attribute) and isinstance(holder, ast.Name) and holder.id == "self"
        if own and spot.owner is not None:
            bound = bindings.fields(spot.owner).get(name, ())
            kept = bindings.only(tuple(each for _, each in bound))
            if kept is not None:
                inside = Spot(kept, spot.module, (spot.owner, bound[0][0]))
                return _literal(kept, f"self.{name}") or self.of(inside, depth - 1)
            if bound:
                return None
        return option_defaults.of_entry(self._tracer, spot.at(holder), name)

    def _of_variable(self, spot: Spot, name: str, depth: int) -> Known | None:
        for index in range(len(spot.around) - 1, -1, -1):
            scope = spot.around[index]
            if not isinstance(scope, Function):
                continue
            inside = Spot(spot.node, spot.module, spot.around[: index + 1])
            bound = bindings.of(scope).get(name, ())
            if bound and name in parameters(scope):  # `n = min(n, len(loader))`
                bound = tuple(each for each in bound if not _only_limits(each.value, name))
            if bound:
                only = bindings.only(bound)
                return self.of(inside.at(only), depth - 1) if only is not None else None
            if name in parameters(scope):
                return self._of_parameter(inside, scope, name, depth)
        only = bindings.only(bindings.of(spot.module.tree).get(name, ()))
        if only is None:
            return None
        return _literal(only, name) or self.of(Spot(only, spot.module), depth - 1)

    def _of_parameter(self, inside: Spot, function: Function, name: str, depth: int) -> Known | None:
        """Return what all calls give, by names and options alone, else the default."""
        given = [bind(function, call) for call in self._tracer.calls(inside, function)]
        spots = [each[name] for each in given if name in each]
        if any("**" in each for each in given):
            return None
        default = defaults(function).get(name)
        if not spots and default is not None:
            return _literal(default, name)
        if not spots:
            return option_defaults.of_decorated(self._tracer, inside, function, name)
        found = [self.of(each, depth - 1) for each in spots]
        return found[0] if all(each is not None for each in found) else None


def _entry(node: ast.expr) -> tuple[ast.expr, str] | None:
    """Return what `args.steps`, `config["steps"]`, `config.get("steps", 50)`, `getattr(args, "steps", 50)` are taken out of."""
    if isinstance(node, ast.Attribute):
        return node.value, node.attr
    holder, key = (node.value, node.slice) if isinstance(node, ast.Subscript) else (None, None)
    if isinstance(node, ast.Call) and called_name(node.func) in KEPT:
        own = isinstance(node.func, ast.Attribute)
        holder = node.func.value if isinstance(node.func, ast.Attribute) else next(iter(node.args), None)
        key = next(iter(node.args if own else node.args[1:]), None)
    if holder is None or not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        return None
    return holder, key.value


def _only_limits(value: ast.expr | None, name: str) -> bool:
    """Say whether a parameter gets a limit by the length of the data."""
    if not isinstance(value, ast.Call) or text_of(value.func) != "min":
        return False
    return all(is_length(each) or text_of(each) == name for each in value.args)


def _literal(node: ast.expr, name: str) -> Known | None:
    return Known(name, node.value) if isinstance(node, ast.Constant) and is_cap(node.value) else None
