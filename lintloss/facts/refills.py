"""Refills: a loop that fills a fresh list row by row with next(), for each batch anew.

while True:
    batch = []
    for _ in range(size):
        batch.append(next(rows))  # StopIteration leaves both loops, with what the list holds by then
    yield batch
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

from lintloss.facts import bindings, exhaustion
from lintloss.facts.callers import text_of
from lintloss.facts.exhaustion import Loop
from lintloss.facts.provenance import part
from lintloss.facts.survey import called_name, walk
from lintloss.patterns import regex

ADDS = frozenset({"append", "extend", "add"})
ENDLESS = regex(r"cycle|infinit|endless|forever|repeat|\bcount\(|rand|sampl")


def loses(function: ast.AST, fill: ast.For | ast.While) -> ast.expr | None:
    """Return the next() by which a loop fills the list of a batch that nobody reads where the rows end in the middle.

    Args:
        function: gives the batches, or scores them, in a loop around the filling one.
    """
    around, drawn = next(_around(function, fill), None), _drawn(fill)
    if around is None or drawn is None:
        return None
    fresh = _filled(fill) & _fresh(each for each in around.body if each.lineno < fill.lineno)
    behind = [each for each in walk(around) if getattr(each, "lineno", 0) > (fill.end_lineno or 0)]
    used = {each.id for each in behind if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
    given = [each for each in bindings.own(function) if isinstance(each, ast.Yield)]
    taken = fresh & used and set(given) <= set(behind)
    return drawn if taken and not fresh & _read_at_end(function, fill, around) else None


def of_iterator(function: bindings.Function, owner: ast.ClassDef | None) -> ast.AST | None:
    """Return where `__next__` takes the rows of its batch one by one, and lets StopIteration through in the middle."""
    for each in bindings.own(function):
        if isinstance(each, ast.ListComp) and is_counted(each):
            drawn, lists = _next_in(each.elt), set[str]()
            drawn = drawn if not _is_record(function, each) else None
        elif isinstance(each, ast.For | ast.While):
            drawn, lists = _drawn(each), _filled(each) & _fresh(x for x in function.body if x.lineno < each.lineno)
            drawn = drawn if lists and not all(_are_picked(function, name) for name in lists) else None
        else:
            continue
        handlers = [handler for tried in exhaustion.tries(function, each) for handler in tried.handlers]
        passed = all(_goes_on_up(handler) and not lists & _reads(handler) for handler in handlers)
        if drawn is not None and passed and _ends(drawn.args[0], function, owner):
            return drawn
    return None


def _is_record(function: bindings.Function, made: ast.ListComp) -> bool:
    """Say whether a list is taken apart by its places: the lines of one record, source, target and marks, are no batch."""
    targets = [
        x
        for each in bindings.own(function)
        if isinstance(each, ast.Assign) and each.value is made
        for x in each.targets
    ]
    names = [each.id for each in targets if isinstance(each, ast.Name)]
    return any(map(_is_unpacking, targets)) or any(_are_picked(function, name) for name in names)


def _is_unpacking(target: ast.expr) -> bool:
    return isinstance(target, ast.Tuple | ast.List) and not any(isinstance(each, ast.Starred) for each in target.elts)


def _are_picked(function: bindings.Function, name: str) -> bool:
    """Say whether of a list nothing is read but single entries, by their places."""
    parts = list(bindings.own(function))
    by_place = {id(each.value) for each in parts if _takes_by_place(each)}
    read = (each for each in parts if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load))
    used = [each for each in read if each.id == name]
    return bool(used) and all(id(each) in by_place for each in used)


def _takes_by_place(node: ast.AST) -> TypeGuard[ast.Subscript | ast.Assign | ast.Attribute]:
    """Say whether a node takes an entry of a list, or all of them one by one; what only fills it takes none."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant)
    if isinstance(node, ast.Assign):
        return all(map(_is_unpacking, node.targets))
    return isinstance(node, ast.Attribute) and node.attr in ADDS


def is_counted(node: ast.AST) -> bool:
    """Say whether a list has an entry for each number of a range: `… for _ in range(n)`."""
    if not isinstance(node, ast.ListComp) or len(node.generators) != 1 or node.generators[0].ifs:
        return False
    over = node.generators[0].iter
    return isinstance(over, ast.Call) and called_name(over.func) == "range"


def _around(function: ast.AST, fill: ast.AST) -> Iterator[Loop]:
    """Yield the loops around a loop, the innermost first."""
    loops = [each for each in bindings.own(function) if isinstance(each, Loop) and each is not fill]
    yield from reversed([each for each in loops if exhaustion.holds(each.body, fill)])


def _drawn(fill: ast.For | ast.While) -> ast.Call | None:
    """Return the next() of a loop that gives nothing itself, and does not catch the end itself."""
    parts = [each for statement in fill.body for each in walk(statement)]
    caught = [each for each in parts if isinstance(each, ast.Try) and any(map(exhaustion.catches, each.handlers))]
    gives = any(isinstance(each, ast.Yield | ast.YieldFrom | ast.Return) for each in parts)
    return None if caught or gives else next(filter(None, map(_next_in, fill.body)), None)


def _next_in(node: ast.AST) -> ast.Call | None:
    return next((each for each in walk(node) if isinstance(each, ast.Call) and exhaustion.is_next(each)), None)


def _filled(fill: ast.AST) -> set[str]:
    """Return the names of the lists that a loop adds to."""
    found = set()
    for each in walk(fill):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in ADDS:
            found.add(text_of(each.func.value))
        elif isinstance(each, ast.AugAssign):
            found.add(text_of(each.target))
    return found


def _fresh(statements: Iterator[ast.stmt]) -> set[str]:
    """Return the names that statements bind to empty lists."""
    found = set()
    for each in statements:
        if isinstance(each, ast.Assign) and len(each.targets) == 1:
            found |= set(_emptied(each.targets[0], each.value))
        elif isinstance(each, ast.AnnAssign) and each.value is not None:
            found |= set(_emptied(each.target, each.value))
    return found


def _emptied(target: ast.expr, value: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, other in zip(target.elts, value.elts, strict=True):
            yield from _emptied(one, other)
    elif isinstance(target, ast.Name):
        empty = isinstance(value, ast.List) and not value.elts
        if empty or (isinstance(value, ast.Call) and called_name(value.func) == "list" and not value.args):
            yield target.id


def _read_at_end(function: ast.AST, fill: ast.AST, around: Loop) -> set[str]:
    """Return the names that are read where the rows have ended: by a handler, or behind the loop."""
    tried = list(exhaustion.tries(function, fill))
    ending = [part for each in tried for part in (*each.handlers, *each.finalbody)]
    behind = [each for each in bindings.own(function) if getattr(each, "lineno", 0) > (around.end_lineno or 0)]
    return {name for part in (*ending, *behind) for name in _reads(part)}


def _reads(node: ast.AST) -> set[str]:
    return {each.id for each in walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def _goes_on_up(handler: ast.ExceptHandler) -> bool:
    """Say whether a handler has nothing to do with the end of the rows, or lets it through."""
    return not exhaustion.catches(handler) or isinstance(handler.body[-1], ast.Raise)


def _ends(asked: ast.expr, function: ast.AST, owner: ast.ClassDef | None) -> bool:
    """Say whether next() is asked of what ends: of `iter(rows)`, or of a file."""
    if isinstance(asked, ast.Name):
        bound = list(bindings.of(function).get(asked.id, ()))
    elif isinstance(asked, ast.Attribute) and owner is not None and text_of(asked.value) == "self":
        bound = [each for _, each in bindings.fields(owner).get(asked.attr, ())]
    else:
        return False
    values = [_value_of(each) for each in bound]
    made = [each for each in values if not (isinstance(each, ast.Constant) and each.value is None)]
    return bool(made) and all(isinstance(each, ast.Call) and _is_over_rows(each) for each in made)


def _value_of(binding: bindings.Binding) -> ast.expr | None:
    value = binding.value
    return part(value, binding.picks) or value if value is not None else None


def _is_over_rows(made: ast.Call) -> bool:
    return called_name(made.func) in {"iter", "open", "zip", "enumerate"} and not ENDLESS.search(text_of(made))
