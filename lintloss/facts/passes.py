"""Products of the passes of a strided loop: `blocks * length` counts the positions of its windows, `blocks` only passes."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import counts, segments, strides, symbolic
from lintloss.facts.linear import Linear
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.quotients import divisor_of
from lintloss.facts.survey import called_name
from lintloss.facts.units import Unit, count
from lintloss.facts.values import Const, Opaque, Quantity, Tensor, Value, Window, options


def of_windows(machine: Machine, node: ast.AST, total: Quantity, number: Quantity) -> Quantity:
    """Read a count of passes that is multiplied by the length of a window as one of positions.

    `sums / (blocks * length)` where each pass scored `ids[:, i * length : (i + 1) * length]`; times anything else, it
    is a count of nobody knows what.
    """
    scoring, divisor = total.scoring, divisor_of(node)
    if scoring is None or scoring.reduction != "sum" or divisor is None or number.unit.degree > 1:
        return number
    divided = symbolic.of(machine, divisor)
    if not _is_product(divided):
        return number
    target = scoring.target if isinstance(scoring.target, Tensor) else None
    for loop in total.loops:
        passes = _passes(machine, loop)
        counted = _counted(target, target.window, divided, passes) if target is not None and target.window else None
        if counted is not None:
            return Quantity(count("position"), of=number.of, counted=counted, loops=(loop,))
        if number.unit == count("step") and number.of in {loop.key, loop.source} and divided not in passes:
            return replace(number, unit=number.unit * Unit.of(unknown=1))
    return number


def of_stride(machine: Machine, node: ast.AST, total: Quantity) -> Quantity | None:
    """Read `len(ids) // length` as the passes of `for at in range(0, len(ids) - 1, length)`, whatever the names count."""
    divisor = divisor_of(node)
    while isinstance(divisor, ast.Call) and called_name(divisor.func) in {"ceil", "int", "max"} and divisor.args:
        divisor = divisor.args[0]
    if divisor is None or not total.loops:
        return None
    for atom in symbolic.of(machine, divisor).atoms:
        above, below = atom[1:] if len(atom) == 3 and atom[0] in {"FloorDiv", "Div"} else (None, None)
        for loop in reversed(total.loops):
            header = loop.statement.iter if isinstance(loop.statement, ast.For) else None
            end = strides.stop(header) if header is not None and loop.activation == machine.frame.key else None
            stride, _ = machine.strides.get(("loop", *loop.key), (None, None))
            if end is None or stride is None or not isinstance(above, Linear) or below != stride:
                continue
            rest = above - symbolic.of(machine, end)
            if rest.is_const or (rest - stride).is_const:  # `(n + length - 1) // length` rounds up
                named = total.unit.power(segments.SEGMENT) > 0  # an average over batches, of sums over their stretches
                return Quantity(count(segments.SEGMENT) if named else counts.unit_of(loop), of=loop.key)
    return None


def of_steps(machine: Machine, total: Quantity, number: Value) -> Quantity | None:
    """Read `n += length` beside the losses of windows of that length, or of one less, as a number of positions."""
    scoring = total.scoring
    target = scoring.target if scoring is not None and scoring.reduction == "sum" else None
    if not isinstance(target, Tensor) or target.window is None or not total.is_loss:
        return None
    for loop in total.loops:
        step = _step(machine, loop, number)
        if step is None:
            continue
        for extra in (0, 1):
            if step - target.window.length == Linear(const=extra):
                counted = replace(target, window=replace(target.window, lower=target.window.lower.plus(-extra)))
                return Quantity(count("position"), of=(*loop.key, "steps"), counted=counted, loops=(loop,))
    return None


def _step(machine: Machine, loop: Loop, number: Value) -> Linear | None:
    """Return by how much a number grows in each pass of a loop."""
    if isinstance(number, Quantity):
        if number.unit == Unit.of(unknown=1) and number.of == loop.key:
            return Linear(const=number.by)
        by_name = number.unit == count("position") and number.counted is None and number.loops[-1:] == (loop,)
        return Linear.of(number.of).plus(number.offset) if by_name and number.of else None
    step, own = machine.growths.get(number.key, (None, None)) if isinstance(number, Opaque) else (None, None)
    return step if own is loop else None


def of_rows(machine: Machine, total: Value, below: ast.BinOp, values: tuple[Value, Value]) -> Quantity | None:
    """Read `iterations * batch_size`, where the first is how often a loop of the total ran, as a number of examples."""
    if not isinstance(total, Quantity) or not total.is_loss or len(total.loops) != 1:
        return None
    for number, rows, name in ((*values, below.right), (*values[::-1], below.left)):
        passes = counts.divisor(machine, total, number) if isinstance(number, Const | Opaque) else None
        if (
            passes is None
            or passes.presumed
            or passes.of != total.loops[-1].key
            or not isinstance(rows, Const | Opaque)
        ):
            continue
        if rows != number and counts.named(called_name(name).lower()) == counts.ROWS:
            are_means = max(total.unit.power("step"), total.unit.power("batch"))
            return Quantity(passes.unit * counts.ROWS if are_means else count("example"), of=(*passes.of, "rows"))
    return None


def _counted(target: Tensor, window: Window, divided: Linear, passes: list[Linear]) -> Tensor | None:
    """Return the windows that passes times a length counts: the scored ones, or with what stands in front of them."""
    for each in passes:
        rest = divided - each.product(window.length)
        for extra in (0, 1):
            if rest == each.times(extra):
                return replace(target, window=replace(window, lower=window.lower.plus(-extra)))
    return None


def _passes(machine: Machine, loop: Loop) -> list[Linear]:
    """Return how many passes `for i in range(n)` has: the value of n, and what the name stands for."""
    found = [symbolic.of_value(each) for each in options(loop.length)]
    bound = _bound(loop.statement.iter) if isinstance(loop.statement, ast.For) else None
    if bound is not None and loop.activation == machine.frame.key:
        found.append(symbolic.of(machine, bound))
    return [each for each in found if each is not None]


def _bound(header: ast.expr) -> ast.expr | None:
    """Return n of `range(n)`, taken out of tqdm() and the like."""
    while isinstance(header, ast.Call) and header.args:
        if called_name(header.func) in {"range", "trange"}:
            return header.args[0] if len(header.args) == 1 else None
        header = header.args[0]
    return None


def _is_product(number: Linear) -> bool:
    """Say whether a number is something times something else."""
    return any(factor != 1 or atom[:1] == ("*",) for atom, factor in number.terms)
