"""Sums over loops: a total keeps its unit, a mean takes on the unit of the loop."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import arithmetic, counts, left_behind, quotients, regularizers, symbolic, terms
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.units import Unit, count
from lintloss.facts.values import (
    Choice,
    Const,
    Fed,
    Opaque,
    Quantity,
    Tensor,
    Value,
    join_all,
    options,
)
from lintloss.findings import Evidence


def open_guards(machine: Machine, depth: int) -> tuple[Evidence, ...]:
    """Return the undecided conditions inside the loops entered since `depth`, and those that skip what follows them."""
    return tuple(place for level, place, _ in machine.guards if level > depth)


def accumulate(machine: Machine, node: ast.AST, current: Value, operand: Value, depth: int) -> Value:
    """Return `current += operand` where `current` was set at loop depth `depth`."""
    over = tuple(machine.loops[depth:])
    operand = terms.filled_in(operand, current)
    if isinstance(operand, Choice):
        return join_all(accumulate(machine, node, current, option, depth) for option in operand.options)
    operand = arithmetic.unboxed(machine, operand)
    if not over or isinstance(current, Tensor) or isinstance(operand, Tensor):
        return arithmetic.binary(machine, node, ast.Add(), current, operand)
    if isinstance(operand, Const):
        return _counter(machine, node, current, operand, over, depth)
    if isinstance(operand, Quantity):
        return _total(machine, node, current, counts.of_items(operand), over, depth)
    presumed = counts.presumed(machine, operand)
    if presumed is not None and not isinstance(current, Quantity):
        return _total(machine, node, current, presumed, over, depth)
    if isinstance(current, Quantity) and current.is_loss and isinstance(operand, Opaque):
        return _with_term(machine, node, current, operand)
    kept = isinstance(current, Quantity) or (isinstance(current, Choice) and terms.is_of_another_key(machine))
    return current if kept else _of_unknown(machine, node, current, operand, over)


def _of_unknown(machine: Machine, node: ast.AST, current: Value, step: Value, over: tuple[Loop, ...]) -> Opaque:
    """Return what grows by an unknown number in each pass: as many tokens as a window has, perhaps (see passes.py)."""
    total = machine.opaque(node, getattr(current, "name", ""))
    number = symbolic.of_value(step)
    if number is not None:
        machine.growths[total.key] = (number, over[-1])
    return total


def _with_term(machine: Machine, node: ast.AST, total: Quantity, operand: Value) -> Quantity:
    """Add to a total of losses what is none of them: a penalty that is added up beside them."""
    scoring = total.scoring
    if terms.is_of_another_key(machine):
        return total
    term = terms.added(machine, node, total, operand, is_right=True)
    if scoring is None or term is None or term in scoring.extra:
        return total
    laden = replace(total, scoring=replace(scoring, extra=(*scoring.extra, term)[-4:]))
    regularizers.note(machine, node, laden)
    return laden


def _counter(machine: Machine, node: ast.AST, current: Value, step: Const, over: tuple[Loop, ...], depth: int) -> Value:
    """`n += 1` counts the iterations of the loop it is in."""
    if not isinstance(step.value, int | float) or step.value == 0 or step.value != int(step.value):
        return current
    if isinstance(current, Quantity) and not current.is_count:
        return current
    loop = over[-1]
    start = 0.0
    for option in options(current):
        if isinstance(option, Const) and isinstance(option.value, int | float):
            start = float(option.value)
        if isinstance(option, Quantity):
            start = option.start
    trace = (machine.evidence(node, f"counted here once per {loop.unit}"),)
    guards = open_guards(machine, depth)
    grown = int(step.value)
    unit = counts.unit_of(loop) if abs(grown) == 1 else Unit.of(unknown=1)  # as many rows or tokens as a batch has
    return Quantity(unit, of=loop.key, start=start, loops=over, guards=guards, trace=trace, by=grown)


def _total(
    machine: Machine, node: ast.AST, current: Value, term: Quantity, over: tuple[Loop, ...], depth: int
) -> Value:
    unit, weights = term.unit, term.weights
    loops = tuple(loop for loop in over if loop.unit != "epoch") or over
    divided = next(
        (name for name in ("batch", "step") if unit.power(name) < 0 and unit.degree < -1 and term.unit.content), ""
    )
    each_time = unit in {count("rank"), count("key")}  # `n += world_size`: as many again in every batch
    intensive = unit.is_intensive or each_time or any(unit.power(name) < 0 for name in ("batch", "step"))
    if intensive:
        inner = loops[-1]
        before = unit
        base = "step" if unit.power("step") < 0 else "batch" if unit.power("batch") < 0 else inner.unit
        unit = unit.summed_over(base) if unit.is_intensive else unit * Unit.of(**{base: 1})
        if (
            (term.is_loss or term.is_perplexity)
            and before.power(base) < 0
            and unit.degree < (1 if term.is_perplexity else 0)
        ):
            weights = (*weights, base)
    term = replace(term, fed=fed(machine, term) or term.fed)
    regularizers.note(machine, node, term)
    left_behind.note_report(machine, node, term)
    said = f"summed here over {quotients.plural(loops[-1].unit)}" + (f": {unit}" if term.unit.content else "")
    total = replace(
        term,
        unit=unit,
        weights=weights,
        loops=(*term.loops, *(loop for loop in loops if loop not in term.loops)),
        guards=(*term.guards, *(g for g in open_guards(machine, depth) if g not in term.guards)),
        axes=(),
    )
    earlier = [each for each in options(current) if isinstance(each, Quantity) and _goes_on(each, total)]
    if earlier:  # of the passes before, on whichever path
        total = replace(total, start=min(each.start for each in earlier))
    elif isinstance(current, Const) and isinstance(current.value, int | float):
        total = replace(total, start=float(current.value))
    elif any(isinstance(each, Quantity) and each.unit.content for each in options(current)):
        total = replace(total, start=1.0)  # it begins with a loss, as the counter beside it does with 1
    total = total.with_step(machine.evidence(node, said))
    if divided and total.unit.degree == -1:  # `total += loss / len(loader)`: the sum is an average
        whole = replace(total, unit=total.unit * Unit.of(**{divided: 1}))
        quotients.observe_average(
            machine, node, whole, Quantity(Unit.of(**{divided: 1}), of=loops[-1].key), total, "inside"
        )
    return total


def _goes_on(earlier: Quantity, total: Quantity) -> bool:
    return earlier.unit == total.unit and earlier.loops[-1:] == total.loops[-1:]


def fed(machine: Machine, term: Quantity) -> Fed | None:
    """Return the call that handed a loss, computed outside, to the running function; None where it is added up at home.

    What an earlier pass of a loop around that call computed inside of it was computed at home, too.
    """
    born = term.scoring.born if term.scoring is not None else 0
    for index, frame in enumerate(machine.frames):
        before = machine.ran.get(frame.key, ())
        if index > machine.rooted and frame.born > born > 0 and not any(b <= born <= e for b, e in before):
            return Fed(frame.call_place, index) if frame.call_place is not None else None
    return None
