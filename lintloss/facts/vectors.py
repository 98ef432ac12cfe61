"""Several numbers side by side: a list of pairs seen as columns, a small tensor that holds totals by position."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from lintloss.facts.library import records
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Opaque, Quantity, Ref, Tuple, Value, join_all, options

ARRAYS = frozenset({"list", "tensor", "cat"})


def columns(machine: Machine, rows: Ref) -> Tuple | None:
    """Return a list of tuples as a tuple of lists, each collected over the same loops; None where it is none."""
    shapes = [row for each in options(machine.elem(rows)) if (row := _as_tuple(machine, each)) is not None]
    widths = {len(each.items) for each in shapes}
    if len(widths) != 1:
        return None
    length = machine.get(rows, "len")
    made = []
    for index in range(widths.pop()):
        column = Ref((*rows.id, "column", index), rows.kind)
        machine.put(column, "elem", join_all(each.items[index] for each in shapes))
        if length is not None:
            machine.put(column, "len", length.value, length.depth)
        if rows.id in machine.list_loops:
            machine.list_loops[column.id] = machine.list_loops[rows.id]
        made.append(column)
    return Tuple(tuple(made))


def _as_tuple(machine: Machine, row: Value) -> Tuple | None:
    """Return a row of numbers, one that a small tensor or list holds by position, as a tuple."""
    known = row if isinstance(row, Tuple) else records.as_tuple(machine, row)
    if known is not None:
        return known
    held = {int(name): number for name, number in positions(machine, row).items()}
    width = max(held, default=0) + 1
    return Tuple(tuple(held.get(index, UNKNOWN) for index in range(width))) if width > 1 else None


def transposed(machine: Machine, node: ast.Call, rows: Value) -> Value | None:
    """Read `zip(*rows)` of a list of tuples as its columns."""
    if not (isinstance(node.func, ast.Name) and node.func.id == "zip" and len(node.args) == 1):
        return None
    return columns(machine, rows) if isinstance(rows, Ref) and rows.kind == "list" else None


def repeated(machine: Machine, node: ast.expr, value: Value) -> Quantity | None:
    """Read `[loss] * rows` as the mean loss of a batch, once for each of its rows; None where it is no list of one."""
    if not isinstance(node, ast.List) or len(node.elts) != 1:
        return None
    one = value.items[0] if isinstance(value, Tuple) and value.items else None
    if isinstance(value, Ref):
        one = machine.elem(value)
    if not isinstance(one, Quantity) or one.axes or not one.unit.is_intensive or one.unit.content is None:
        return None
    return replace(one, axes=("example",))


def note_ones(machine: Machine, node: ast.BinOp, made: Value) -> None:
    """Remember that `[1.0] * k` holds nothing but ones: as weights, they weigh nothing."""
    items = node.left.elts if isinstance(node.left, ast.List) else []
    one = items[0] if len(items) == 1 else None
    if isinstance(node.op, ast.Mult) and isinstance(made, Opaque) and isinstance(one, ast.Constant) and one.value == 1:
        machine.put(made.key, "elem", Const(one.value))


def are_numbers(value: Tuple) -> bool:
    """Say whether a tuple holds single numbers one by one, a loss and whatever is reported with it."""
    losses = [each for each in value.items if isinstance(each, Quantity) and each.unit.content is not None]
    return bool(losses) and len(value.items) > 1 and not any(each.axes for each in losses)


def positions(machine: Machine, value: Value) -> dict[str, Quantity]:
    """Return the numbers that a tensor or list holds under a position of their own."""
    if not isinstance(value, Ref) or value.kind not in {"list", "tensor"}:
        return {}
    fields = machine.fields(value).items()
    return {name: slot.value for name, slot in fields if name.isdigit() and isinstance(slot.value, Quantity)}


def holds(machine: Machine, value: Ref, other: Value) -> bool:
    """Say whether a stack of losses, or a row of totals, is scaled by a number."""
    if value.kind not in ARRAYS or isinstance(other, Ref | Tuple):
        return False
    numbers = (each for each in options(machine.elem(value)) if isinstance(each, Quantity))
    return any(each.is_loss or each.is_perplexity for each in numbers)


def each(machine: Machine, node: ast.AST, held: Ref, change: Callable[[Value], Value]) -> Ref:
    """Return a tensor of numbers with each of them changed: `totals / n`, all_reduce(totals)."""
    made = Ref(machine.key(node, "each"), held.kind, held.cls)
    machine.state.heap.clear(made.id)
    for name, slot in dict(machine.fields(held)).items():
        numbers = any(isinstance(option, Quantity) for option in options(slot.value)) and name != "len"
        machine.put(made, name, change(slot.value) if numbers else slot.value, slot.depth)
    if held.id in machine.list_loops:
        machine.list_loops[made.id] = machine.list_loops[held.id]
    return made


def paired(
    machine: Machine, node: ast.AST, left: Ref, right: Ref, combine: Callable[[Value, Value], Value]
) -> Ref | None:
    """Return two arrays that the same loops filled, a loss and its count at a time, combined one by one; None for others."""
    loops = machine.list_loops.get(left.id)
    if not loops or machine.list_loops.get(right.id) != loops or not {left.kind, right.kind} <= ARRAYS:
        return None
    one, other = machine.elem(left), machine.elem(right)
    if not isinstance(one, Quantity) or not isinstance(other, Quantity) or one.axes != other.axes:
        return None
    made = Ref(machine.key(node, "paired"), left.kind)
    machine.state.heap.clear(made.id)
    machine.put(made, "elem", combine(one, other))
    length = machine.get(left, "len")
    if length is not None:
        machine.put(made, "len", length.value, length.depth)
    machine.list_loops[made.id] = loops
    return made


def add(machine: Machine, node: ast.AST, held: Ref, operand: Value, depth: int) -> bool:
    """Add numbers to a tensor by their positions; False where `operand` is no row of numbers."""
    from lintloss.facts import sums

    if isinstance(operand, Tuple) and held.kind == "tensor":
        row: dict[str, Value] = {str(index): item for index, item in enumerate(operand.items)}
    else:
        row = {**positions(machine, operand)}
        if row and isinstance(operand, Ref):  # `totals += torch.tensor([loss, 1.0])`: ones count
            ones = {name: slot.value for name, slot in machine.fields(operand).items() if name.isdigit()}
            row.update({name: value for name, value in ones.items() if isinstance(value, Const)})
    if not any(isinstance(each, Quantity) for each in row.values()):
        return False
    for name, term in row.items():
        slot = machine.get(held, name) or machine.get(held, "elem")
        machine.put(held, name, sums.accumulate(machine, node, slot.value if slot else Const(0), term, depth), depth)
    return True
