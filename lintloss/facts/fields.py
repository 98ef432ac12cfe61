"""Fields: one number per row or position. Reducing one along an axis leaves rows, and a mean of rows weighs rows alike."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import quotients
from lintloss.facts.machine import Machine
from lintloss.facts.units import Unit, count
from lintloss.facts.values import Const, Quantity, Value

COUNTED = {
    "row": "example",
    "example": "example",
}  # what the numbers along an axis are counted in; positions are tokens
_SAID = {"pos": "positions", "batch": "batches", "vocab": "vocabulary"}  # of an axis, where its name is no word


def dimension(args: list[Value], kwargs: dict[str, Value], at: int) -> int | None:
    """Return the one axis that a reduction is along, None for all of them."""
    given = kwargs.get("dim", kwargs.get("axis", args[at] if len(args) > at else None))
    return (
        given.value
        if isinstance(given, Const) and isinstance(given.value, int) and not isinstance(given.value, bool)
        else None
    )


def along(machine: Machine, node: ast.AST, value: Quantity, how: str, axis: int) -> Quantity | None:
    """Reduce a field along one axis; None where its axes are not known well enough."""
    axes = ("row", "pos") if value.axes == ("pos",) else value.axes
    if not -len(axes) <= axis < len(axes) or "rank" in axes:
        return None
    removed = axes[axis]
    left = tuple(name for index, name in enumerate(axes) if index != axis % len(axes))
    if how == "sum":
        each = "pos" if value.is_perplexity and "pos" in axes else removed  # one a token, whichever way they are added
        return replace(summed(value, each), axes=left).with_step(
            machine.evidence(node, f"summed along its {_named(removed)}")
        )
    if value.unit.degree < 0 or value.is_perplexity:
        return replace(value, axes=left)
    unit = value.unit / Unit.of(**{_counted(removed): 1})
    after = replace(value, axes=left, unit=unit).with_step(
        machine.evidence(node, f"averaged along its {_named(removed)}: {unit}")
    )
    note_padded(machine, node, value, after)
    return after


def _named(axis: str) -> str:
    return _SAID.get(axis, f"{axis}s")


def note_padded(machine: Machine, node: ast.AST, value: Quantity, after: Quantity) -> None:
    """Note a mean over positions of which a mask or an ignored label leaves some out: they are counted all the same."""
    scoring = value.scoring
    if (
        after.unit.power("position") != -1
        or scoring is None
        or not (scoring.masked or scoring.ignore_index is not None)
    ):
        return
    number = Quantity(count("position"), counted=scoring.target)
    quotients.observe_average(machine, node, replace(value, axes=()), number, after, "field")


def _counted(axis: str) -> str:
    return COUNTED.get(axis, "token" if axis == "token" else "position")


def summed(value: Quantity, axis: str) -> Quantity:
    """Return the sum of a field: of averages (or perplexities) it counts its summands, of totals it is their total."""
    if value.unit.content is None or not value.unit.is_intensive:
        return value
    name = COUNTED.get(axis, "token")
    return replace(value, unit=value.unit * Unit.of(**{name: 1}))


def mean_of_averages(machine: Machine, node: ast.AST, value: Quantity) -> Quantity | None:
    """Average a field whose numbers are averages themselves, row by row; None where they are not."""
    if not value.axes or "rank" in value.axes or not (value.is_perplexity or value.unit.degree < 0):
        return None
    axis = "row" if "row" in value.axes else value.axes[0]
    total = replace(summed(value, axis), axes=())
    if total.unit == value.unit:
        return None
    number = Quantity(count(COUNTED.get(axis, "token")))
    return quotients.average(machine, node, total, number, "mean")
