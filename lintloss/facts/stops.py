"""Loops that stop early: whether what divides a total counts the iterations that were added up before the stop."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeGuard

from lintloss.facts import whole
from lintloss.facts.loops import Loop
from lintloss.facts.observations import Averaging
from lintloss.facts.split_names import TRAIN
from lintloss.facts.units import count
from lintloss.facts.values import Key, Quantity
from lintloss.facts.whole import unwrapped
from lintloss.findings import Evidence
from lintloss.patterns import regex

# to add up, or in this process
NOTHING = regex(
    rf"None|== 0|<= 0|\bnot \w+`|empty|(?<![a-z])(local_?)?rank(?![a-z])|main_process|global_zero|{TRAIN}",
    re.IGNORECASE,
)
TRIAL = regex(r"debug|dry|smoke|fast|sanity", re.IGNORECASE)  # a run whose number nobody reports


@dataclass(frozen=True, slots=True)
class Stop:
    """`if index >= cap: break` in a loop's body.

    ahead: by how much the index leads the iterations that ended before; None for a counter, whose start is elsewhere.
    """

    row: int
    test: ast.expr
    cap: str
    ahead: int | None


def miscounted(seen: Averaging, before: Quantity, number: Quantity) -> str:
    """Say how a divisor misses what an early stop does to a sum over batches, "" where it does not."""
    loop = before.loops[-1] if before.loops else None
    is_cut = loop is not None and loop.cut and not _is_by_bound(loop, seen.divisor)
    if loop is not None and is_cut and loop.bound is not None and loop.bound[0] == number.of and not number.loops:
        return f"the loop ends at `{loop.cut}`, and the total is divided by the whole length"
    if loop is not None and _leaves_bound(loop, seen.divisor):
        return "the loop may stop early, and the total is divided by the whole number of its windows"
    added = _summed_at(before, loop)
    if loop is None or not isinstance(loop.statement, ast.For) or not added or before.unit.power("batch") < 1:
        return ""
    if _is_capped(loop.statement) and _is_whole_length(seen, loop, number):
        return "the loop takes a number of batches only, and the total is divided by the length of the whole loader"
    stops = list(of_loop(loop))
    for stop in stops:
        if TRIAL.search(ast.unparse(stop.test)):
            continue
        if seen.divisor == stop.cap and stop.ahead not in {None, 1 if stop.row > added else 0}:
            return "the loop stops after another number of batches than the total is divided by"
        if stop.cap != seen.divisor and _is_whole_length(seen, loop, number):
            return "the loop may stop early, and the total is divided by the length of the whole loader"
    return ""


def _is_by_bound(loop: Loop, divisor: str) -> bool:
    """Say whether a total is divided by the very name that bounds the loop: `range(n)`, `/ max(1, n)`."""
    header = unwrapped(loop.statement.iter) if isinstance(loop.statement, ast.For) else None
    bound = header.args[min(len(header.args), 2) - 1] if isinstance(header, ast.Call) and header.args else None
    return isinstance(bound, ast.Name) and re.search(rf"\b{re.escape(bound.id)}\b", divisor) is not None


def _leaves_bound(loop: Loop, divisor: str) -> bool:
    """Say whether a loop over range(n) has a stop that `n * size`, which divides, knows nothing of."""
    header = unwrapped(loop.statement.iter) if isinstance(loop.statement, ast.For) else None
    if not isinstance(header, ast.Call) or ast.unparse(header.func) != "range" or len(header.args) != 1:
        return False
    factors = divisor.strip("()").split(" * ")
    if ast.unparse(header.args[0]) not in factors:
        return False
    caps = [stop.cap for stop in of_loop(loop) if not TRIAL.search(ast.unparse(stop.test))]
    return bool(caps) and not any(cap in factors for cap in caps)


def _is_whole_length(seen: Averaging, loop: Loop, number: Quantity) -> bool:
    return bool(loop.source) and number.of == loop.source and not number.loops and seen.divisor.startswith("len(")


def count_of(loops: tuple[Loop, ...], activation: Key, divisor: str) -> Quantity | None:
    """Read a divisor as the number of iterations after which a loop of the same function stops: both are one expression."""
    for loop in reversed(loops):
        if loop.activation != activation or not isinstance(loop.statement, ast.For) or loop.unit == "epoch":
            continue
        if any(stop.cap == divisor for stop in of_loop(loop) if stop.cap):
            return Quantity(count(loop.unit), of=loop.key)
    return None


def _summed_at(total: Quantity, loop: Loop | None) -> int:
    """Return the row at which a total grows in the body of a loop, 0 where it does not."""
    statement = loop.statement if loop is not None else None
    if loop is None or not isinstance(statement, ast.For):
        return 0
    places = [each for each in total.trace if each.message.startswith("summed here") and each.path == loop.place.path]
    rows = [each.span.row for each in places if statement.lineno < each.span.row <= (statement.end_lineno or 0)]
    return rows[-1] if rows else 0


def _is_capped(loop: ast.For) -> bool:
    """Say whether `islice(loader, n)` is what a loop runs over."""
    calls = (each for each in ast.walk(loop.iter) if isinstance(each, ast.Call))
    return any(ast.unparse(each.func).endswith("islice") and len(each.args) == 2 for each in calls)


def ends_on_index(seen: Averaging, before: Quantity, number: Quantity) -> bool:
    """Say whether the number of the last iteration divides, behind the loop, and they are numbered from 0."""
    loop = before.loops[-1] if before.loops else None
    if loop is None or loop.first != 0 or number.loops != (loop,) or number.trace or number.counted is not None:
        return False
    statement = loop.statement
    if not isinstance(statement, ast.For) or number.offset or number.start or seen.path != loop.place.path:
        return False
    return seen.span.row > (statement.end_lineno or seen.span.row) and not loop.exits


def counts_stop(seen: Averaging, before: Quantity, number: Quantity) -> str:
    """Return the test under which an iteration ends a loop, counted and not added up, "" where none does.

    The index of `if i >= cap: break` has moved on where the sum is not reached any more: `/ (i + 1)` counts one too many.
    """
    loop = before.loops[-1] if before.loops else None
    added = _summed_at(before, loop)
    if loop is None or not added or number.loops != (loop,) or seen.path != loop.place.path:
        return ""
    if seen.span.row <= (getattr(loop.statement, "end_lineno", None) or seen.span.row):
        return ""
    if number.trace:  # a counter
        counted = number.trace[-1].span.row if number.offset == number.start == 0 else added
    else:
        counted = loop.place.span.row if loop.first is not None and loop.first + number.offset == 1 else added
    if not _is_as_counted(loop, seen):
        return ""
    for stop in of_loop(loop):
        is_of_length = stop.cap.startswith("len(") or TRIAL.search(ast.unparse(stop.test))
        if counted < stop.row < added and not is_of_length and not _puts_right(loop, stop.row, seen.span.row):
            return ast.unparse(stop.test)
    return ""


def _is_as_counted(loop: Loop, seen: Averaging) -> bool:
    """Say whether a divisor is a counter as the loop left it, a constant added: `step + 1`, not `min(step, cap - 1) + 1`."""
    node = ast.parse(seen.divisor, mode="eval").body if seen.divisor else None
    while node is not None and not isinstance(node, ast.Name | ast.Attribute):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"max", "int", "float"}:
            parts: list[ast.expr] = node.args
        else:
            parts = [node.left, node.right] if isinstance(node, ast.BinOp) else []
        counters = [each for each in parts if not isinstance(each, ast.Constant)]
        node = counters[0] if len(counters) == 1 else None
    if not isinstance(node, ast.Name) or loop.function is None:
        return node is not None
    given = whole.Counts(loop.function).of(node)
    return given is node or not any(isinstance(each, ast.Call | ast.IfExp) for each in ast.walk(given))


def _puts_right(loop: Loop, row: int, until: int) -> bool:
    """Say whether what counts gets another value in a stop, or behind the loop and before it divides."""
    statement = loop.statement
    if not isinstance(statement, ast.For) or loop.function is None:
        return False
    counters = {_numbering(statement, loop.first)[0]}
    counters |= {ast.unparse(each.target) for each in _body(statement.body) if _counts_up(each)}
    end = statement.body[-1].end_lineno or 0
    stopped = [each for each in _body(statement.body) if each.lineno == row]
    behind = [each for each in ast.walk(loop.function) if end < getattr(each, "lineno", 0) <= until]
    bound = [part for each in stopped for part in ast.walk(each)] + behind
    return any(
        isinstance(each, ast.Name | ast.Attribute) and isinstance(each.ctx, ast.Store) and ast.unparse(each) in counters
        for each in bound
    )


def counts_short(seen: Averaging, before: Quantity, number: Quantity) -> bool:
    """Say whether `if x.size(0) != batch_size: continue` skips batches that the length of the loader counts."""
    from lintloss.facts.cuts import leaves_short

    loop = before.loops[-1] if before.loops else None
    if loop is None or not isinstance(loop.statement, ast.For) or not _is_whole_length(seen, loop, number):
        return False
    return any(isinstance(each, ast.If) and leaves_short(each) is not None for each in _body(loop.statement.body))


def left_out(seen: Averaging, before: Quantity, number: Quantity) -> Evidence | None:
    """Return the condition under which batches are left out of a sum that the length of the whole loader divides."""
    loop = before.loops[-1] if before.loops else None
    if loop is None or not isinstance(loop.statement, ast.For) or not _is_whole_length(seen, loop, number):
        return None
    for guard in before.guards:
        if is_around(guard, loop):
            continue
        skips = guard.message.startswith("skipped when") and not (
            NOTHING.search(guard.message) or TRIAL.search(guard.message)
        )
        if skips or (guard.message.startswith("only") and "%" in guard.message):
            return guard
    return None


def is_around(guard: Evidence, loop: Loop) -> bool:
    """Say whether a condition stands around a loop in its function: every so many steps of another loop, say."""
    first = getattr(loop.function, "lineno", 0)
    return guard.path == loop.place.path and first <= guard.span.row < loop.place.span.row


def of_loop(over: Loop) -> Iterator[Stop]:
    """Yield the stops of a loop that stand in its own body, whatever `with` they are in."""
    loop = over.statement
    if not isinstance(loop, ast.For):
        return
    index, start = _numbering(loop, over.first)
    counters = {ast.unparse(each.target) for each in _body(loop.body) if _counts_up(each)}
    for statement in _body(loop.body):
        if not isinstance(statement, ast.If):
            continue
        if len(statement.orelse) == 1 and isinstance(statement.orelse[0], ast.Break):  # `if index < cap: … else: break`
            turned = _stop(statement, index, start, counters, going=True)
            if turned is not None:
                yield turned
        if not is_break(statement):
            continue
        if any(isinstance(each, ast.AugAssign) for each in statement.body):
            continue  # what the stop takes back, or adds before it leaves
        stop = _stop(statement, index, start, counters)
        if stop is not None:
            yield stop


def leaves(guard: Evidence, loop: Loop) -> bool:
    """Say whether a condition is one under which a loop is left: nothing that its body does later comes after it."""
    statement = loop.statement
    found = _body(statement.body) if isinstance(statement, ast.For) else ()
    return any(isinstance(each, ast.If) and is_break(each) and each.lineno == guard.span.row for each in found)


def is_break(statement: ast.If) -> bool:
    return not statement.orelse and isinstance(statement.body[-1], ast.Break)


def _counts_up(statement: ast.stmt) -> TypeGuard[ast.AugAssign]:
    return isinstance(statement, ast.AugAssign) and ast.unparse(statement).endswith("+= 1")


def _stop(statement: ast.If, index: str, start: int, counters: set[str], *, going: bool = False) -> Stop | None:
    """Read the test of a stop, or of what goes on until then."""
    reached, past = ((ast.Eq, ast.GtE), ast.Gt) if not going else ((ast.NotEq, ast.Lt), ast.LtE)
    tests = statement.test.values if isinstance(statement.test, ast.BoolOp) else [statement.test]
    if isinstance(statement.test, ast.BoolOp) and not isinstance(statement.test.op, ast.And):
        tests = []
    for test in tests:
        if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], (*reached, past)):
            continue
        left, plus = _less_constant(test.left, ast.Add)
        name = ast.unparse(left)
        if name == index or name in counters:
            cap, less = _less_constant(test.comparators[0], ast.Sub)
            ahead = None if name in counters else start + plus + less - isinstance(test.ops[0], past)
            return Stop(statement.lineno, statement.test, ast.unparse(cap), ahead)
    return None


def _less_constant(node: ast.expr, sign: type[ast.operator]) -> tuple[ast.expr, int]:
    """Take the constant off `step + 1` or `limit - 1`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, sign) and isinstance(node.right, ast.Constant):
        value = node.right.value
        return (node.left, value) if isinstance(value, int) else (node, 0)
    return node, 0


def _numbering(loop: ast.For, first: int | None) -> tuple[str, int]:
    """Return the name that numbers the iterations, and its first value; "" where nothing does."""
    target = loop.target.elts[0] if isinstance(loop.target, ast.Tuple) and loop.target.elts else loop.target
    return (target.id, first) if isinstance(target, ast.Name) and first is not None else ("", 0)


def _body(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    for each in statements:
        yield each
        if isinstance(each, ast.With):
            yield from _body(each.body)
