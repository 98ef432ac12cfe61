"""Batches of one row: where a data set cuts rows of one length, none of them scores fewer tokens than the others."""

from __future__ import annotations

import ast

from lintloss.facts import bindings
from lintloss.facts.bindings import Function
from lintloss.facts.survey import walk
from lintloss.facts.values import Const, LibObject, Ref, Tensor, options


def are_of_one_length(loader: LibObject) -> bool:
    """Say whether a loader gives single rows of a data set that has no shorter one."""
    size = loader.arg(1, "batch_size") or Const(1)
    dataset = loader.arg(0, "dataset")
    own = loader.arg(2, "batch_sampler"), loader.arg(6, "collate_fn")
    if not loader.name.endswith("DataLoader") or size != Const(1) or dataset is None or any(own):
        return False
    return all(
        (isinstance(each, Ref) and each.cls is not None and _cuts_whole_windows(each.cls.node))
        or isinstance(each, Tensor)
        or (isinstance(each, LibObject) and each.name.endswith(".TensorDataset"))
        for each in options(dataset)
    )


def _cuts_whole_windows(cls: ast.ClassDef) -> bool:
    """Say whether each row is `ids[begin : begin + length]`, and none begins where fewer are left."""
    methods = {each.name: each for each in cls.body if isinstance(each, ast.FunctionDef)}
    row, length = methods.get("__getitem__"), methods.get("__len__")
    if row is None or length is None or not isinstance(length.body[-1], ast.Return):
        return False
    return _cuts_windows(row) and _leaves_out_rest(cls, length.body[-1].value)


def _cuts_windows(row: ast.FunctionDef) -> bool:
    """Say whether what is cut out of the ids is as long everywhere, and whether it is cut again by numbers only."""
    slices = [each for each in walk(row) if isinstance(each, ast.Slice) and (each.lower or each.upper)]
    fixed = [each for each in slices if is_window(each, row)]
    return bool(fixed) and all(each in fixed or _trims(each) for each in slices)


def is_window(cut: ast.Slice, row: Function) -> bool:
    """Read `begin : begin + length` and `i * length : (i + 1) * length`: the end holds the begin, and something more."""
    if cut.lower is None or cut.upper is None:
        return False
    lower, upper = summands(cut.lower, row), summands(cut.upper, row)
    return all(each.isdigit() or each in upper for each in lower) and set(upper) > {x for x in lower if not x.isdigit()}


def summands(node: ast.expr, row: Function, depth: int = 0) -> list[str]:
    """Return what a sum is made of, in the code's words: names that are bound once are what they stand for."""
    found = bindings.of(row).get(node.id, ()) if isinstance(node, ast.Name) and depth < 4 else ()
    if (meant := bindings.only(found)) is not None:
        return summands(meant, row, depth + 1)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*summands(node.left, row, depth), *summands(node.right, row, depth)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Add):
                return [_product(each, other) for each in (one.left, one.right)]
        return [_product(node.left, node.right)]
    return [ast.unparse(node)]


def _product(one: ast.expr, other: ast.expr) -> str:
    return " * ".join(sorted((ast.unparse(one), ast.unparse(other))))


def _trims(cut: ast.Slice) -> bool:
    """Say whether a slice takes off as much of every row: `[:-1]`, `[1:]`."""
    bounds = [bound for bound in (cut.lower, cut.upper) if bound is not None]
    return all(isinstance(each.operand if isinstance(each, ast.UnaryOp) else each, ast.Constant) for each in bounds)


def _leaves_out_rest(cls: ast.ClassDef, made: ast.expr | None) -> bool:
    """Say whether a number of rows is rounded down, `n // length`, or stops a window before the end, `n - length`."""
    if isinstance(made, ast.Attribute) and ast.unparse(made.value) == "self":
        made = next((each.value for _, each in bindings.fields(cls).get(made.attr, ())), made)
    if isinstance(made, ast.Call) and ast.unparse(made.func) == "max" and len(made.args) == 2:
        made = next((each for each in made.args if not isinstance(each, ast.Constant)), made)
    if not isinstance(made, ast.BinOp):
        return False
    if isinstance(made.op, ast.FloorDiv):
        return not isinstance(made.left, ast.UnaryOp) and "+" not in ast.unparse(made.left)
    return isinstance(made.op, ast.Sub) and not isinstance(made.right, ast.Constant)
