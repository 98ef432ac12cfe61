"""Cuts: how an evaluation loop ends before its data does: a break, an islice, a zip with a range, whole batches only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lintloss.facts import aliases, ends, first_batches, last_blocks, remainders, whole
from lintloss.facts.callers import text_of
from lintloss.facts.caps import BUDGET, Cap, Function, Origin, assigned, defaults, is_length, parameters, passed
from lintloss.facts.reported import is_reported
from lintloss.facts.survey import walk
from lintloss.facts.whole import unwrapped, whole_batches
from lintloss.patterns import regex

ENDLESS = regex(r"cycle|infinit|endless|forever|random|sampler|sampling|resampl", re.IGNORECASE)
ROWS = regex(
    r"^len\([\w.\[\]'\"]+\)$|\.size\(0\)$|\.size\(\)\[0\]$|\.shape\[0\]$|^(local|cur|curr|current|actual|real|this)_(bs|bsz|batch_?size)$"
)
LENGTH = regex(r"\blen\(|\.size\(|\.shape\[")
SIZE = regex(r"batch_?size|(^|[._])(bs|bsz|batch)$", re.IGNORECASE)

Loop = ast.For | ast.AsyncFor | ast.While


@dataclass(frozen=True, slots=True)
class Cut:
    """One place where a loop is cut. how: "break", "islice", "zip", "range", "select", "whole", "blocks", "short",
    "ranks".
    """

    node: ast.AST
    how: str
    cap: str
    severity: str


@dataclass(frozen=True, slots=True)
class Limit:
    """What may stop a loop. counters: the names of what it is compared with, whose value tells how far the loop came."""

    node: ast.AST
    how: str
    limit: ast.expr
    counters: set[str]


def cuts(origin: Origin, loop: Loop, around: ast.AST) -> Iterator[Cut]:
    """Yield the cuts of a loop.

    Args:
        around: the function, or the module, in which the cap may be reported.
    """
    if isinstance(loop, ast.While):
        yield from _of_ranks(loop)
        yield from () if remainders.is_taken(around, loop) else _whole(origin, loop)
        return
    header = unwrapped(loop.iter, aliases.of(origin.module))
    if not ENDLESS.search(text_of(header)):
        found = list(_in_header(origin, loop, header, around)) or list(_whole(origin, loop))
        rest = any(each.how == "whole" for each in found) and remainders.is_taken(around, loop)
        yield from (each for each in found if not (rest and each.how == "whole"))
        yield from _breaks(origin, loop, around)
        yield from _shorts(loop.body, given_in(loop))


# -- the header -------------------------------------------------------------------------------------------------------


def _in_header(origin: Origin, loop: ast.For | ast.AsyncFor, header: ast.expr, around: ast.AST) -> Iterator[Cut]:
    if isinstance(header, ast.Name) and origin.function is not None:
        for value in assigned(origin.function, header.id):
            yield from _selected(origin, loop, value, around)
    if not isinstance(header, ast.Call):
        return
    name = aliases.last_name(header.func, aliases.of(origin.module))
    for each, _ in header_limits(header, name):
        yield from _capped(origin, loop, header, each.how, each.limit, around)
    if name == "range" and len(header.args) in {1, 2} and isinstance(loop.target, ast.Name):
        yield from _counted(origin, loop, header, around)
    elif name == "range" and len(header.args) == 3:
        for value in _given_as(origin, header.args[1]):
            if isinstance(value, ast.Call) and text_of(value.func) == "min" and LENGTH.search(text_of(value)):
                yield from _capped(origin, loop, header, "range", value, around)


def header_limits(header: ast.Call, name: str) -> Iterator[tuple[Limit, list[ast.expr]]]:
    """Yield what ends `islice(loader, n)` and `zip(range(n), loader)`, and what else they take from.

    Args:
        name: of what is called, by the name that its module gives it.
    """
    if name == "islice" and len(header.args) in {2, 3}:
        yield Limit(header, "islice", header.args[-1], set()), header.args[:1]
    elif name == "zip" and len(header.args) > 1:
        for arg in header.args:
            if isinstance(arg, ast.Call) and text_of(arg.func) == "range" and len(arg.args) == 1:
                yield Limit(header, "zip", arg.args[0], set()), [each for each in header.args if each is not arg]


def _whole(origin: Origin, loop: Loop) -> Iterator[Cut]:
    """`range(0, len(rows) - size + 1, size)`, `while at + size <= len(rows)`: whole batches of what the loop slices."""
    counts = whole.Counts(origin.function or origin.module.tree)
    found = ends.steps(loop, counts)
    if found is None and isinstance(loop, ast.For) and isinstance(loop.target, ast.Name):
        found = whole.number(loop, counts, sampled=not _uses_index(loop))
    if found is not None:
        yield Cut(found, "whole", text_of(found), "error")
    short = last_blocks.of_loop(loop, counts) if found is None else None
    if short is not None:
        yield Cut(short, "blocks", text_of(short), "error")


def _given_as(origin: Origin, node: ast.expr) -> list[ast.expr]:
    """Return what a name was given in its function, else the expression itself."""
    found = assigned(origin.function, node.id) if isinstance(node, ast.Name) and origin.function is not None else []
    return found or [node]


def _selected(origin: Origin, loop: ast.For | ast.AsyncFor, value: ast.expr, around: ast.AST) -> Iterator[Cut]:
    """`rows = rows.select(range(limit))` and `rows.take(limit)`: the first rows of a data set."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute) or len(value.args) != 1:
        return
    limit = value.args[0]
    if value.func.attr == "select" and isinstance(limit, ast.Call) and text_of(limit.func) == "range":
        if len(limit.args) == 1:
            yield from _capped(origin, loop, value, "select", limit.args[0], around)
    elif value.func.attr == "take":
        yield from _capped(origin, loop, value, "select", limit, around)


def _capped(
    origin: Origin, loop: ast.For | ast.AsyncFor, node: ast.AST, how: str, limit: ast.expr, around: ast.AST
) -> Iterator[Cut]:
    found = origin.cap(limit)
    if found is not None and not is_reported(loop, around, {text_of(limit)}, set()):
        yield Cut(node, how, found.text, found.severity)


def _counted(origin: Origin, loop: ast.For | ast.AsyncFor, header: ast.Call, around: ast.AST) -> Iterator[Cut]:
    """`for k in range(len(rows) // batch_size)` slices whole batches; `range(min(100, len(loader)))` takes the first."""
    bound = header.args[-1]
    values = [bound]
    if isinstance(bound, ast.Name) and origin.function is not None:
        values = assigned(origin.function, bound.id) or [bound]
    for value in values:
        conditional = isinstance(value, ast.IfExp)
        for each in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
            divisor = whole_batches(each, loop)
            if divisor is not None and not _is_asserted(origin.function, divisor):
                mild = conditional or _is_one_by_default(origin, divisor) or whole.SAMPLED.search(text_of(each))
                severity = "warning" if mild or _is_asserted(origin.module.tree, divisor) else "error"
                yield Cut(header, "whole", text_of(each), severity)
        if isinstance(value, ast.Call) and text_of(value.func) == "min":
            by_length = "len(" in text_of(value) and _draws(loop)
            literal = any(isinstance(each, ast.Constant) for each in value.args) and is_length(value)
            if by_length or (literal and _uses_index(loop)):
                yield from _capped(origin, loop, header, "range", value, around)
        elif _slices_windows(loop):
            yield from _capped(origin, loop, header, "range", value, around)


def _is_asserted(scope: ast.AST | None, divisor: ast.expr) -> bool:
    """Say whether `assert rows.size(0) % batch == 0` stands in a function, or a file: of that data, nothing is left."""
    asserted = [each.test for each in walk(scope) if isinstance(each, ast.Assert)] if scope is not None else []
    remainders = [each for test in asserted for each in walk(test) if isinstance(each, ast.BinOp)]
    return any(isinstance(each.op, ast.Mod) and text_of(each.right) == text_of(divisor) for each in remainders)


def _uses_index(loop: ast.For | ast.AsyncFor) -> bool:
    """Say whether the body reads what the loop counts; `logits, _ = model(x)` binds the name of an index anew."""
    names = _names_in(loop.target)
    inside = (each for statement in loop.body for each in ast.walk(statement) if isinstance(each, ast.Name))
    return any(each.id in names and isinstance(each.ctx, ast.Load) for each in inside)


def _slices_windows(loop: ast.For | ast.AsyncFor) -> bool:
    """Say whether a loop takes the windows of its index out of a text: `ids[:, i * 2048 : (i + 1) * 2048]`."""
    index = text_of(loop.target)
    starts = (each.lower for each in ast.walk(loop) if isinstance(each, ast.Slice) and each.upper is not None)
    return any(
        isinstance(each, ast.BinOp)
        and isinstance(each.op, ast.Mult)
        and index in {text_of(each.left), text_of(each.right)}
        for each in starts
    )


def _draws(loop: Loop) -> bool:
    return re.search(r"\bnext\(|\.next\(\)|\.__next__\(", text_of(loop)) is not None


def _is_one_by_default(origin: Origin, size: ast.expr) -> bool:
    """Say whether batches hold one row unless somebody asks for more: then nothing is left over."""
    given: list[ast.expr] = [size]
    if isinstance(size, ast.Name) and origin.function is not None and size.id in parameters(origin.function):
        default = defaults(origin.function).get(size.id)
        given = passed(origin.machine, origin.module, origin.function, size.id) or (
            [default] if default is not None else []
        )
    return bool(given) and all(_is_one(origin, each) for each in given)


def _is_one(origin: Origin, node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return node.value == 1
    if isinstance(node, ast.Attribute):  # args.batch_size: what does add_argument say?
        option = rf"add_argument\([^\n]*['\"]--{node.attr.replace('_', '[-_]')}['\"][^)]*default=1\b"
        return re.search(option, origin.module.code) is not None
    return False


# -- breaks -----------------------------------------------------------------------------------------------------------


def _breaks(origin: Origin, loop: ast.For | ast.AsyncFor, around: ast.AST) -> Iterator[Cut]:
    for node, tests in _direct(loop.body, ()):
        if not tests and node is loop.body[-1] and first_batches.ends_always(loop):
            yield Cut(node, "break", "1", "error")
    for each in limits(loop):
        found = origin.cap(each.limit)
        if found is not None and not is_reported(loop, around, {text_of(each.limit)}, each.counters):
            yield Cut(each.node, each.how, found.text, found.severity)


def limits(loop: ast.For | ast.AsyncFor) -> Iterator[Limit]:
    """Yield the breaks of a loop that stand under one test of how many iterations there were, with what it is."""
    for node, tests in _direct(loop.body, ()):
        if len(tests) == 1:
            for counter, limit in _comparisons(loop, tests[0]):
                yield Limit(node, "break", limit, {counter})


def given_in(loop: ast.For | ast.AsyncFor) -> set[str]:
    """Return the names that hold what a loop is given, or a part of it: not what it puts together by itself."""
    names = _names_in(loop.target)
    for each in loop.body:
        if isinstance(each, ast.Assign) and names & _names_in(each.value):
            names = names.union(*(_names_in(target) for target in each.targets))
    return names


def _names_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _shorts(body: list[ast.stmt], given: set[str]) -> Iterator[Cut]:
    """Yield tests that leave out a batch with too few rows: `if x.size(0) != batch_size: continue`."""
    for statement in body:
        if isinstance(statement, ast.With | ast.AsyncWith):
            yield from _shorts(statement.body, given)
        size = leaves_short(statement) if isinstance(statement, ast.If) else None
        if size is not None and isinstance(statement, ast.If) and given & _names_in(statement.test):
            yield Cut(statement, "short", text_of(size), "error")


def leaves_short(statement: ast.If) -> ast.expr | None:
    """Return the batch size that a batch is left out for not having."""
    test = statement.test
    ends = isinstance(statement.body[-1], ast.Break | ast.Continue | ast.Return) and not statement.orelse
    if not ends or len(statement.body) > 1 or not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    size = test.comparators[0]
    if not isinstance(test.ops[0], ast.Lt | ast.NotEq | ast.IsNot) or not ROWS.search(text_of(test.left)):
        return None
    if isinstance(size, ast.Constant):  # `!= 32`: a number that is no count of what has to be there at all
        return size if isinstance(size.value, int) and size.value > 2 and not isinstance(test.ops[0], ast.Lt) else None
    return size if isinstance(size, ast.Name | ast.Attribute) and SIZE.search(text_of(size)) else None


def _direct(body: list[ast.stmt], tests: tuple[ast.expr, ...]) -> Iterator[tuple[ast.Break, tuple[ast.expr, ...]]]:
    """Yield the breaks that leave this loop, with the tests that lead to each."""
    for statement in body:
        if isinstance(statement, ast.Break):
            yield statement, tests
        elif isinstance(statement, ast.If):
            yield from _direct(statement.body, (*tests, statement.test))
            yield from _direct(statement.orelse, (*tests, statement.test))
        elif isinstance(statement, ast.With | ast.AsyncWith):
            yield from _direct(statement.body, tests)
        elif isinstance(statement, ast.Try):
            yield from _direct([*statement.body, *statement.orelse], tests)


def _comparisons(loop: ast.For | ast.AsyncFor, test: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield (counter, limit) of a test that stops a count; a test that also asks for something else says nothing."""
    if isinstance(test, ast.BoolOp):
        rest = [each for each in test.values if "is not None" not in text_of(each)]
        if len(rest) == 1 and isinstance(test.op, ast.And):
            yield from _comparisons(loop, rest[0])
        return
    if (
        not isinstance(test, ast.Compare)
        or len(test.ops) != 1
        or not isinstance(test.ops[0], ast.Eq | ast.GtE | ast.Gt | ast.LtE | ast.Lt)
    ):
        return
    one, other = test.left, test.comparators[0]
    falling = isinstance(test.ops[0], ast.LtE | ast.Lt)
    left, right = (other, one) if falling else (one, other)
    counter = _counter(loop, left)
    if counter is not None:
        yield counter, right


def _counter(loop: ast.For | ast.AsyncFor, node: ast.expr) -> str | None:
    """Return the name of what counts iterations (or rows) in a loop."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult):
        node = node.left
    if isinstance(node, ast.Call) and text_of(node.func) == "len" and node.args:
        return text_of(node) if f"{text_of(node.args[0])}.append(" in text_of(loop) else None
    if not isinstance(node, ast.Name) or BUDGET.search(node.id):
        return None
    if (
        isinstance(loop.target, ast.Tuple)
        and "enumerate(" in text_of(loop.iter)
        and text_of(loop.target.elts[0]) == node.id
    ):
        return node.id
    for each in ast.walk(loop):
        if isinstance(each, ast.AugAssign) and isinstance(each.op, ast.Add) and text_of(each.target) == node.id:
            return node.id if not BUDGET.search(text_of(each.value)) else None
    return None


def _of_ranks(loop: ast.While) -> Iterator[Cut]:
    """All ranks stop when one has run out: `all_reduce(has_data, op=MIN)` and a break on it."""
    reduced = {
        text_of(each.args[0])
        for each in ast.walk(loop)
        if isinstance(each, ast.Call)
        and text_of(each.func).endswith("all_reduce")
        and each.args
        and "MIN" in text_of(each)
    }
    for node, tests in _direct(loop.body, ()):
        if any(isinstance(each, ast.Name) and each.id in reduced for test in tests for each in ast.walk(test)):
            yield Cut(node, "ranks", "", "warning")


__all__ = ["Cap", "Cut", "Function", "Limit", "cuts", "limits"]
