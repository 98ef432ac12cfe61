"""Standing caps: an option, or a configuration, stops an evaluation at its own default, over batches in a fixed order.

A cap that is an option was chosen by whoever gives it, and of random batches it is the size of a sample. What nobody
gives has its default, and of a loader that does not shuffle the same first batches are scored each time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from lintloss.facts import aliases, bindings, cuts, in_order
from lintloss.facts.callers import text_of
from lintloss.facts.caps import BUDGET, Function, Origin, defaults, is_length, parameters
from lintloss.facts.option_defaults import Known, of_name
from lintloss.facts.provenance import Spot, Tracer, bind, spot_at
from lintloss.facts.survey import called_name, walk

DEPTH = 12  # links from a name to its number
KEPT = ("get", "getattr")


def of_loop(origin: Origin, loop: cuts.Loop, around: ast.AST) -> cuts.Cut | None:
    """Return where a loop over batches in a fixed order ends at a number that is only a default."""
    if not isinstance(loop, ast.For):
        return None
    for limit, source in _limits(origin, loop, around):
        number = _number(Tracer(origin.machine), spot_at(origin.module, limit.limit), DEPTH)
        if number is None or cuts.is_reported(loop, around, _words(limit.limit, number), limit.counters):
            continue
        if in_order.is_loader(origin.machine, spot_at(origin.module, source)):
            return cuts.Cut(limit.node, limit.how, f"{number.text} = {number.value}", "warning")
    return None


def _words(limit: ast.expr, number: Known) -> set[str]:
    return {text_of(limit), number.text} - {str(number.value)}


# -- limits -----------------------------------------------------------------------------------------------------------


def _limits(origin: Origin, loop: ast.For, around: ast.AST) -> Iterator[tuple[cuts.Limit, ast.expr]]:
    """Yield what may stop a loop, and what it takes its batches from."""
    called = aliases.of(origin.module)
    header = _written(loop, around, called)
    name = aliases.last_name(header.func, called) if isinstance(header, ast.Call) else ""
    if isinstance(header, ast.Call) and name == "islice" and len(header.args) == 2:
        yield cuts.Limit(header, "islice", header.args[1], set()), header.args[0]
    elif isinstance(header, ast.Call) and name == "zip" and len(header.args) == 2:
        yield from _zipped(header)
    elif isinstance(header, ast.Call) and name in {"range", "trange"}:
        drawn = _drawn(loop, around)
        if drawn is not None and len(header.args) == 1:
            yield cuts.Limit(loop.iter, "range", header.args[0], set()), drawn
    else:
        yield from ((each, header) for each in cuts.limits(loop))


def _written(loop: ast.For, around: ast.AST, called: Mapping[str, str]) -> ast.expr:
    """Return what a loop runs over, without its wrappers; of a name, the range that it always stands for."""
    if isinstance(loop.iter, ast.Call) and called_name(loop.iter.func) == "trange":
        return loop.iter  # a range, and its own wrapper
    header = cuts.unwrapped(loop.iter, called)
    bound = bindings.of(around).get(header.id, ()) if isinstance(header, ast.Name) else ()
    made = [cuts.unwrapped(each.value, called) for each in bound if each.value is not None and not each.picks]
    same = len(made) == len(bound) and len({text_of(each) for each in made}) == 1
    ranges = same and isinstance(made[0], ast.Call) and called_name(made[0].func) in {"range", "islice"}
    return made[0] if ranges else header


def _zipped(header: ast.Call) -> Iterator[tuple[cuts.Limit, ast.expr]]:
    for one, other in (header.args, header.args[::-1]):
        if isinstance(one, ast.Call) and text_of(one.func) == "range" and len(one.args) == 1:
            yield cuts.Limit(header, "zip", one.args[0], set()), other


def _drawn(loop: ast.For, around: ast.AST) -> ast.expr | None:
    """Return the loader that each evaluation starts anew, `batches = iter(loader)`, and its loop takes batch by batch."""
    names = {each.id for part in loop.body for each in walk(part) if isinstance(each, ast.Name)}
    inside = {id(each) for each in walk(loop)}
    for node in bindings.own(around):
        made = node.value if isinstance(node, ast.Assign) and id(node) not in inside else None
        if isinstance(made, ast.Call) and called_name(made.func) == "iter" and len(made.args) == 1:
            if isinstance(node, ast.Assign) and names & {text_of(each) for each in node.targets}:
                return made.args[0]
    return None


# -- numbers ----------------------------------------------------------------------------------------------------------


def _number(tracer: Tracer, spot: Spot, depth: int) -> Known | None:
    """Return the number that an expression has where nobody asks for another one; a literal that a caller gives is a choice."""
    node = spot.node
    if depth == 0 or BUDGET.search(text_of(node)):
        return None
    if isinstance(node, ast.Call) and text_of(node.func) in {"min", "int"}:
        others = [each for each in node.args if not is_length(each)]
        return _number(tracer, spot.at(others[0]), depth - 1) if len(others) == 1 else None
    if isinstance(node, ast.Name):
        return _of_variable(tracer, spot, node.id, depth)
    option = _option(node)
    return _of_option(tracer, spot, option, depth) if option else None


def _option(node: ast.expr) -> str:
    """Return the name of `args.steps`, `config["steps"]`, `config.get("steps", 50)` and `getattr(args, "steps", 50)`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    key: ast.expr | None = node.slice if isinstance(node, ast.Subscript) else None
    if isinstance(node, ast.Call) and called_name(node.func) in KEPT:
        key = next((each for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)), None)
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ""


def _of_option(tracer: Tracer, spot: Spot, name: str, depth: int) -> Known | None:
    node = spot.node
    own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    if own and spot.owner is not None:
        bound = bindings.fields(spot.owner).get(name, ())
        kept = bindings.only(tuple(each for _, each in bound))
        if kept is not None:
            inside = Spot(kept, spot.module, (spot.owner, bound[0][0]))
            return _literal(kept, f"self.{name}") or _number(tracer, inside, depth - 1)
        if bound:
            return None
    return of_name(tracer.machine.project, spot.module, name)


def _of_variable(tracer: Tracer, spot: Spot, name: str, depth: int) -> Known | None:
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
            return _number(tracer, inside.at(only), depth - 1) if only is not None else None
        if name in parameters(scope):
            return _of_parameter(tracer, inside, scope, name, depth)
    only = bindings.only(bindings.of(spot.module.tree).get(name, ()))
    if only is None:
        return None
    return _literal(only, name) or _number(tracer, Spot(only, spot.module), depth - 1)


def _only_limits(value: ast.expr | None, name: str) -> bool:
    """Say whether a parameter gets a limit by the length of the data."""
    if not isinstance(value, ast.Call) or text_of(value.func) != "min":
        return False
    return all(is_length(each) or text_of(each) == name for each in value.args)


def _literal(node: ast.expr, name: str) -> Known | None:
    known = isinstance(node, ast.Constant) and type(node.value) is int and node.value > 0
    return Known(name, node.value) if known and isinstance(node, ast.Constant) and isinstance(node.value, int) else None


def _of_parameter(tracer: Tracer, inside: Spot, function: Function, name: str, depth: int) -> Known | None:
    """Return what all calls give, by names and options alone, else the default."""
    given = [bind(function, call) for call in tracer.calls(inside, function)]
    spots = [each[name] for each in given if name in each]
    if any("**" in each for each in given):
        return None
    default = defaults(function).get(name)
    if not spots:
        option = _literal(default, name) if default is not None else None
        return option or (of_name(tracer.machine.project, inside.module, name) if default is None else None)
    found = [_number(tracer, each, depth - 1) for each in spots]
    return found[0] if all(each is not None for each in found) else None
