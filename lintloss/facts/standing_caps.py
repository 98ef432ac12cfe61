"""Standing caps: an option, or a configuration, stops an evaluation at its own default, over batches in a fixed order.

A cap that is an option was chosen by whoever gives it, and of random batches it is the size of a sample. What nobody
gives has its default, and of a loader that does not shuffle the same first batches are scored each time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from lintloss.facts import aliases, bindings, cuts, in_order, reported, whole
from lintloss.facts.callers import text_of
from lintloss.facts.caps import Function, Origin
from lintloss.facts.default_numbers import Numbers
from lintloss.facts.option_defaults import Known
from lintloss.facts.provenance import Spot, spot_at
from lintloss.facts.survey import called_name, walk


def of_loop(origin: Origin, loop: cuts.Loop, around: ast.AST) -> cuts.Cut | None:
    """Return where a loop over batches in a fixed order ends at a number that is only a default."""
    if not isinstance(loop, ast.For):
        return None
    for limit, source in _limits(origin, loop, around):
        numbers = Numbers(origin.machine)
        number = numbers.of(spot_at(origin.module, limit.limit))
        if number is None or reported.is_reported(loop, around, _words(limit.limit, number), limit.counters):
            continue
        if any(_is_told(each) for each in numbers.ways):
            continue
        if in_order.is_loader(origin.machine, spot_at(origin.module, source)):
            return cuts.Cut(limit.node, limit.how, f"{number.text} = {number.value}", "warning")
    return None


def _words(limit: ast.expr, number: Known) -> set[str]:
    return {text_of(limit), number.text}


def _is_told(way: Spot) -> bool:
    """Say whether the function that hands a cap on tells it: `print(f"ppl {ppl} on {args.max_batches} batches")`."""
    functions = [each for each in way.around if isinstance(each, Function)]
    return reported.tells(functions[-1] if functions else way.module.tree, [text_of(way.node)])


# -- limits -----------------------------------------------------------------------------------------------------------


def _limits(origin: Origin, loop: ast.For, around: ast.AST) -> Iterator[tuple[cuts.Limit, ast.expr]]:
    """Yield what may stop a loop, and what it takes its batches from."""
    called = aliases.of(origin.module)
    header = _written(loop, around, called)
    name = aliases.last_name(header.func, called) if isinstance(header, ast.Call) else ""
    taken = list(cuts.header_limits(header, name)) if isinstance(header, ast.Call) else []
    if taken:
        yield from ((limit, sources[0]) for limit, sources in taken if len(sources) == 1)
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
    header = whole.unwrapped(loop.iter, called)
    bound = bindings.of(around).get(header.id, ()) if isinstance(header, ast.Name) else ()
    made = [whole.unwrapped(each.value, called) for each in bound if each.value is not None and not each.picks]
    same = len(made) == len(bound) and len({text_of(each) for each in made}) == 1
    ranges = same and isinstance(made[0], ast.Call) and called_name(made[0].func) in {"range", "islice"}
    return made[0] if ranges else header


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
