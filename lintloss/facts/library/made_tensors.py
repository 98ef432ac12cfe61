"""Tensors made of numbers, lists and other tensors: `torch.tensor(xs)`, `zeros(n)`, `stack(rows)`, `cat(parts)`."""

from __future__ import annotations

import ast
from collections.abc import Callable

from lintloss.facts import distributed, vectors
from lintloss.facts.library import along, blocks, filling, growing, joints, last_ids, rows, shapes, tensors, windows
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Opaque, Quantity, Ref, Tensor, Tuple, Value, options

Kwargs = dict[str, Value]


def filled(machine: Machine, node: ast.AST, name: str, args: list[Value], kwargs: Kwargs) -> Value:
    """Make a vector that a loop fills by index, or a box that holds one number."""
    size: Value = args[0] if args else kwargs.get("size", kwargs.get("shape", Const(0)))
    if isinstance(size, Tuple) and len(size.items) == 1:
        size = size.items[0]
    if (len(args) > 1 and name in {"zeros", "empty", "ones"}) or (isinstance(size, Tuple) and size.items):
        dims = size if isinstance(size, Tuple) else Tuple(tuple(args))
        fill = (
            args[1] if name == "full" and len(args) > 1 else kwargs.get("fill_value", Const(1 if name == "ones" else 0))
        )
        return tensors.column(machine, node, name, dims) or Tensor(
            "filled", None, None, machine.key(node, name), pad=fill
        )
    if name in {"zeros_like", "empty_like"} and not any(isinstance(each, Quantity | Ref) for each in options(size)):
        return Tensor("filled", None, None, machine.key(node, name), pad=Const(0))
    fill = args[1] if name == "full" and len(args) > 1 else Const(1 if name == "ones" else 0)
    return machine.new_list(node, fill, size, "tensor")


def collected(kind: str) -> Callable[[Machine, ast.AST, list[Value], Kwargs], Value | None]:
    def apply(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
        first = args[0] if args else kwargs.get("tensors", UNKNOWN)
        if isinstance(first, Ref) and first.kind == "list":
            stacked = rows.stacked(machine, first) if kind == "stack" else None
            if stacked is not None and kwargs.get("dim", args[1] if len(args) > 1 else Const(0)) != Const(0):
                stacked = windows.transposed(stacked, 0, 1)
            collected = machine.get(first, distributed.COLLECTED) is not None
            ragged = rows.ragged(machine, first) if kind == "cat" else None
            return stacked or ragged or Ref(first.id, "cat" if kind == "cat" and not collected else "list")
        if isinstance(first, Tuple):
            axis = kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else Const(0)))
            if kind == "cat" and len(first.items) >= 2:
                grown = growing.joined(machine, *first.items) if len(first.items) == 2 else None
                grown = grown or filling.joined(machine, node, first.items)
                if grown is not None:
                    return grown
            joined = along.joined(machine, node, first.items, axis) if kind == "cat" else None
            if joined is None and kind == "cat":
                joined = joints.joined(machine, node, first.items)
            if joined is not None:
                return joined
            if kind == "stack" and vectors.are_numbers(first):
                return tensor(machine, node, args, kwargs)
            if len(first.items) == 2 and axis == Const(0):
                growing.note_rows(machine, node, *first.items)
            known = [item for item in first.items if isinstance(item, Tensor | Quantity)]
            return known[0] if known and kind == "cat" and isinstance(known[0], Quantity) else machine.opaque(node)
        return first if isinstance(first, Quantity) else machine.opaque(node)

    return apply


def tensor(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """torch.tensor(x) is x; of a list of several quantities, a list by position."""
    first = args[0] if args else kwargs.get("data", UNKNOWN)
    last = last_ids.boxed(machine, first)
    if last is not None:
        return last
    if isinstance(first, Tuple) and len(first.items) == 1 and _is_row(first.items[0]):
        row = shapes.tensor(first.items[0])
        if row is not None:
            return tensors.call(machine, node, "unsqueeze", row, [Const(0)], {})
    if isinstance(first, Tuple) and len(first.items) == 1 and isinstance(first.items[0], Tensor):
        return tensors.call(machine, node, "unsqueeze", first.items[0], [Const(0)], {})
    if isinstance(first, Tuple) and len(first.items) == 1 and isinstance(first.items[0], Quantity):
        return first.items[0]
    if isinstance(first, Tuple):
        ref = machine.new_list(node, None, Const(len(first.items)))
        for index, item in enumerate(first.items):
            machine.put(ref, str(index), item)
        return ref
    if isinstance(first, Ref) and first.kind == "list":
        return rows.of_list(machine, first) or first
    return first


def numbers(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """torch.cuda.FloatTensor([total, steps]): several numbers by their positions, as torch.tensor() keeps them."""
    if not args and not kwargs:  # an empty one, to which others are joined
        return machine.new_list(node)
    first = args[0] if args else UNKNOWN
    several = isinstance(first, Tuple) and len(first.items) > 1 and any(isinstance(x, Quantity) for x in first.items)
    return tensor(machine, node, args, kwargs) if several else last_ids.boxed(machine, first)


def ids(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """torch.LongTensor(rows) of rows that are known to be filled up is their batch, as torch.tensor() makes it."""
    if len(args) != 1:
        return blocks.by_sizes(machine, node, args)
    batch = rows.of_list(machine, args[0]) if isinstance(args[0], Ref) and args[0].kind == "list" else None
    return last_ids.boxed(machine, args[0]) or (batch if batch is not None and batch.pad is not None else None)


def _is_row(value: Value) -> bool:
    """Say whether a value is one row of ids: what a tokenizer returned."""
    return isinstance(value, Opaque) and value.name == "encoded" and bool(value.key)


def full_like(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    fill = kwargs.get("fill_value", args[1] if len(args) > 1 else UNKNOWN)
    return Tensor("filled", None, None, machine.key(node, "full_like"), pad=fill)
