"""Means and sums over collected values: `np.mean(losses)`, `sum(xs)`, `torch.stack(xs).mean()`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from lintloss.facts import counts, distributed, entropies, factors, fields, logprobs, pad_marks, quotients, vectors
from lintloss.facts.divisions import SHARE
from lintloss.facts.library import losses, onehot, shapes, spread
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.units import Unit, count
from lintloss.facts.values import Choice, Const, Opaque, Quantity, Ref, Tensor, Tuple, Value, join_all, options


def mean(machine: Machine, node: ast.AST, value: Value, axis: int | None = None) -> Value:
    """Return the mean of a value; of a list of losses it is a mean of means."""
    if _has_more_axes(value, axis):
        return machine.opaque(node)
    made = _mean(machine, node, value, axis)
    return logprobs.reduced(machine, node, "mean") or made if _is_unknown(made, value, axis) else made


def over_kept(machine: Machine, node: ast.AST, value: Value) -> Quantity | None:
    """Return nanmean() of losses of which a mask made some nan: a mean over those that are left; None for others."""
    if not isinstance(value, Quantity) or not value.axes or value.scoring is None or not value.scoring.masked:
        return None
    unit = value.unit / Unit.of(token=1)
    return replace(value, axes=(), unit=unit).with_step(machine.evidence(node, f"averaged over what is no nan: {unit}"))


def _has_more_axes(value: Value, axis: int | None) -> bool:
    """Say whether what was taken for a model's mean loss is reduced along an axis that no number and no list of
    numbers has: they are hidden states, `outputs[0].sum(dim=1)`.
    """
    if axis is None or axis in (0, -1) or not isinstance(value, Quantity) or value.axes or value.loops:
        return False
    return value.presumed and value.scoring is not None and value.scoring.owner == "model"


def _is_unknown(made: Value, value: Value, axis: int | None) -> bool:
    """Say whether nothing is known of what was reduced but its name: no tensor in sight, and no axis of one."""
    is_stretch = isinstance(value, Tensor) and value.form == "" and value.model is None
    return isinstance(made, Opaque) and (is_stretch or isinstance(value, Opaque | Ref)) and axis is None


def _mean(machine: Machine, node: ast.AST, value: Value, axis: int | None) -> Value:
    if axis is not None and isinstance(value, Quantity) and value.axes:
        return fields.along(machine, node, value, "mean", axis) or losses.reduced(machine, node, value, "mean")
    if isinstance(value, Choice):
        return join_all(mean(machine, node, option, axis) for option in value.options)
    if isinstance(value, Quantity):
        return losses.reduced(machine, node, value, "mean")
    if isinstance(value, Ref) and value.kind != "instance":
        return _mean_of_list(machine, node, value)
    uniform = spread.over_classes(value, axis) or shapes.pooled(value, axis)
    if uniform is not None:
        return uniform
    if isinstance(value, Tensor) and shapes.mask(value):
        return Quantity(SHARE, of=value.key, counted=value)
    if isinstance(value, Tuple) and value.items and all(isinstance(item, Quantity) for item in value.items):
        return _first_like(machine, node, value)
    return machine.opaque(node)


def _first_like(machine: Machine, node: ast.AST, value: Tuple) -> Value:
    units = {item.unit for item in value.items if isinstance(item, Quantity)}
    return value.items[0] if len(units) == 1 else machine.opaque(node)


def total(machine: Machine, node: ast.AST, value: Value, axis: int | None = None) -> Value:
    """Return the sum of a value."""
    if _has_more_axes(value, axis):
        return machine.opaque(node)
    made = _total(machine, node, value, axis)
    return logprobs.reduced(machine, node, "sum") or made if _is_unknown(made, value, axis) else made


def _total(machine: Machine, node: ast.AST, value: Value, axis: int | None) -> Value:
    from lintloss.facts import compare

    if isinstance(value, Tensor) and value.form == "exp":
        return replace(value, form="sum of exp", axes=None, key=(*value.key, "sum"))
    if axis is not None and isinstance(value, Quantity):
        value = losses.unreduced(value)
        if value.axes:
            if value.scoring is not None:
                compare.reduced(machine, value.scoring)
            return fields.along(machine, node, value, "sum", axis) or losses.reduced(machine, node, value, "sum")
    if isinstance(value, Tensor) and value.form == entropies.FORM:
        return entropies.summed(machine, node, value, axis)
    if isinstance(value, Tensor) and value.form == onehot.SCORED:
        return onehot.summed(machine, node, value, axis) or machine.opaque(node)
    uniform = spread.over_classes(value, axis) or shapes.pooled(value, axis)
    if uniform is not None:
        return uniform
    if axis is not None and isinstance(value, Tensor):
        counted = _count_of(machine, node, value)
        return (
            replace(counted, axes=("row",) if axis in (1, -1) else ("pos",))
            if isinstance(counted, Quantity)
            else counted
        )
    if isinstance(value, Choice):
        return join_all(total(machine, node, option, axis) for option in value.options)
    if isinstance(value, Quantity):
        return losses.reduced(machine, node, value, "sum")
    if isinstance(value, Tensor):
        return counts.of_lengths(value) or _count_of(machine, node, value)
    if isinstance(value, Ref) and value.kind != "instance":
        summed = _sum_of_list(machine, node, value)
        return _over_ranks(machine, node, value, _of_rows(machine, value, summed) if axis == 1 else summed)
    return counts.of_lengths(value) or machine.opaque(node)


def _of_rows(machine: Machine, steps: Ref, summed: Value) -> Value:
    """Read `torch.stack(losses, 1).sum(1)`, of a list of one loss a row for each step, as the totals of the rows."""
    elem = machine.elem(steps)
    if not isinstance(summed, Quantity) or not isinstance(elem, Quantity) or steps.kind == "cat":
        return summed
    is_field = len(elem.axes) == 1 and elem.axes[0] not in {"rank", "example"} and not elem.unit.is_intensive
    return replace(summed, axes=("row",)) if is_field and elem.is_loss else summed


def _over_ranks(machine: Machine, node: ast.AST, gathered: Ref, summed: Value) -> Value:
    """Add the ranks up in the sum of gathered numbers; Python's own sum() adds vectors, which leaves ranks apart."""
    elem = machine.elem(gathered)
    added = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sum"
    if added or not isinstance(summed, Quantity) or not isinstance(elem, Quantity) or "rank" not in elem.axes:
        return summed
    if not elem.unit.is_intensive:
        return summed
    return replace(summed, unit=summed.unit * Unit.of(rank=1)) if elem.unit.power("rank") == 0 else summed


def _count_of(machine: Machine, node: ast.AST, value: Tensor) -> Value:
    mask = shapes.mask(value) or (value if value.form == "weights" else None)
    if mask is None:
        return machine.opaque(node)
    pad_marks.note_counted(machine, node, mask)
    said = machine.evidence(node, "counts the tokens that a mask lets through")
    return Quantity(count("token"), of=value.key, counted=mask, trace=(said,))


def _each_kind(
    machine: Machine, node: ast.AST, value: Ref, elem: Choice, reduce: Callable[[Machine, ast.AST, Ref], Value]
) -> Value:
    """Reduce a list of several kinds of numbers, each kind as if it were alone."""
    kinds: dict[object, Quantity] = {}
    for option in elem.options:
        if isinstance(option, Quantity):
            kinds.setdefault((option.unit, option.axes), option)
    made = []
    for index, kind in enumerate(kinds.values()):
        alone = Ref((*value.id, "kind", index), value.kind)
        machine.put(alone, "elem", kind)
        if value.id in machine.list_loops:
            machine.list_loops[alone.id] = machine.list_loops[value.id]
        made.append(reduce(machine, node, alone))
    return join_all(made) if made else machine.opaque(node)


def _sum_of_list(machine: Machine, node: ast.AST, value: Ref) -> Value:
    elem = _entry(machine, value)
    if isinstance(elem, Choice):  # a dict of lists: the values of each key
        return _each_kind(machine, node, value, elem, _sum_of_list)
    loops = machine.list_loops.get(value.id, ())
    if elem == Const(1) and loops:
        said = machine.evidence(node, "as many ones as there were iterations")
        return Quantity(count(loops[-1].unit), of=loops[-1].key, loops=loops, trace=(said,))
    if counts.is_of_item(elem) and loops and loops[-1].unit != "batch":  # `sum(len(row) for row in rows)`
        return Quantity(count("token"), of=(*value.id, "sum"), presumed=True) if loops[-1].unit == "example" else elem
    elem = counts.as_length(elem)
    elem = counts.of_items(elem) if isinstance(elem, Quantity) and elem.is_count else elem
    if loops and loops[-1].unit == "example" and _is_length_of_row(elem):
        return Quantity(count("token"), of=(*value.id, "sum"), presumed=True)
    if not isinstance(elem, Quantity):
        return machine.opaque(node)
    if not loops:
        return replace(elem, axes=()) if machine.get(value, "boxed") else machine.opaque(node)
    unit = elem.unit
    if elem.axes and "rank" not in elem.axes:
        unit = fields.summed(elem, "row" if "row" in elem.axes else elem.axes[0]).unit
    elif unit.is_intensive or unit.power("batch") < 0:
        unit = unit.summed_over(loops[-1].unit if unit.power("batch") >= 0 else "batch")
    summed = replace(_collected(elem, loops), unit=unit, axes=())
    return summed.with_step(
        machine.evidence(node, f"the values collected over {quotients.plural(loops[-1].unit)} are summed here: {unit}")
    )


def _is_length_of_row(elem: Value) -> bool:
    """Say whether a number is the length of what has no rows of its own: of one item of a data set."""
    if not isinstance(elem, Quantity):
        return False
    return elem.unit == count("step") or (elem.unit == count("example") and elem.of[-1:] == (0,) and not elem.loops)


def _mean_of_list(machine: Machine, node: ast.AST, value: Ref) -> Value:
    elem = _entry(machine, value)
    if isinstance(elem, Choice):
        return _each_kind(machine, node, value, elem, _mean_of_list)
    if isinstance(elem, Tuple) or vectors.positions(machine, elem):
        rows = vectors.columns(machine, value)
        return Tuple(tuple(mean(machine, node, column) for column in rows.items)) if rows else machine.opaque(node)
    if not isinstance(elem, Quantity) or not (elem.is_loss or elem.is_perplexity):
        return machine.opaque(node)
    loops = machine.list_loops.get(value.id, ())
    if value.kind == "cat" and elem.axes:
        return losses.reduced(machine, node, _collected(elem, loops), "mean")
    if not loops:
        return replace(elem, axes=())
    if machine.get(value, "@extended") is not None and not elem.axes and not elem.unit.is_intensive:
        return machine.opaque(node)  # the losses of single tokens: nobody counted how many
    before = _sum_of_list(machine, node, value)
    if not isinstance(before, Quantity):
        return machine.opaque(node)
    if "rank" in elem.axes and elem.is_loss:  # of each batch, the means of all ranks: theirs is taken as well
        distributed.mean_over_ranks(machine, node, replace(_collected(elem, loops), axes=()))
    number = Quantity(count(loops[-1].unit), of=loops[-1].key, loops=loops, counted=value)
    if elem.axes and "rank" not in elem.axes:  # a list of fields: stacked per-position losses
        return losses.reduced(machine, node, _collected(elem, loops), "mean")
    return quotients.average(machine, node, before, number, "mean")


def _entry(machine: Machine, value: Ref) -> Value:
    """Return what a list holds; of one of lists or arrays of perplexities, as `np.concatenate` and `np.mean` do, theirs."""
    elem = machine.elem(value)
    if not isinstance(elem, Ref) or elem.kind not in vectors.ARRAYS or vectors.positions(machine, elem):
        return elem
    inner = machine.elem(elem)
    return inner if all(isinstance(each, Quantity) and each.is_perplexity for each in options(inner)) else elem


def _collected(elem: Quantity, loops: tuple[Loop, ...]) -> Quantity:
    """Return what a list holds, as what its loops have collected: whether they train is known of them."""
    return replace(elem, loops=(*elem.loops, *(loop for loop in loops if loop not in elem.loops)))


def products(machine: Machine, node: ast.AST, values: Value, weights: Value) -> Quantity | None:
    """Return the sum of losses that were collected, each multiplied by what was collected beside it: `np.dot(xs, ns)`."""
    kinds = [each for each in (values, weights) if isinstance(each, Ref) and each.kind in {"list", "cat"}]
    if len(kinds) != 2:
        return None
    loss, number = (machine.elem(each) for each in kinds)
    loops = machine.list_loops.get(kinds[0].id, ())
    number = counts.as_length(number)
    if not isinstance(loss, Quantity) or not isinstance(number, Quantity) or not number.is_count or not loops:
        return None
    scaled = factors.multiply(machine, node, loss, number)
    return _collected(scaled, loops) if isinstance(scaled, Quantity) and scaled.is_loss else None


def weighted(machine: Machine, node: ast.AST, values: Value, weights: Value) -> Value:
    """Return `np.average(losses, weights=sizes)`: the sum of the products over the sum of the weights."""
    above = products(machine, node, values, weights)
    below = _sum_of_list(machine, node, weights) if isinstance(weights, Ref) else None
    if above is None or not isinstance(below, Quantity):
        return machine.opaque(node)
    return quotients.average(machine, node, above, below, "mean")


def count_nonzero(machine: Machine, node: ast.AST, value: Value) -> Value:
    """Return count_nonzero(mask)."""
    found = shapes.tensor(value)
    return _count_of(machine, node, found) if found is not None else machine.opaque(node)
