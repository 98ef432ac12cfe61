"""Cross entropy written out: one-hot targets, smoothed or not, times log-probabilities, summed over the classes."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts.library import losses, picks, shapes, spread
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Opaque, Quantity, Ref, Tensor, Tuple, Value, options

HOT, COLD, SCORED = "onehot", "coldhot", "onehot_scores"  # coldhot: 1 where the target is not
MASKED = "masked"
BLOCK = "block"  # ends the key of a tensor of rows and columns that holds anything until it is filled
RANDOM = frozenset({"randn", "rand", "Tensor", "FloatTensor"})


def scattered(
    machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: dict[str, Value]
) -> Value | None:
    """Read `zeros_like(x).scatter_(1, ids.unsqueeze(1), 1)` as one-hot ids; other numbers spread them."""
    index = kwargs.get("index", args[1] if len(args) > 1 else None)
    ids = _one_of(index) if index is not None else None
    if value.form != "filled" or ids is None:
        return None
    hot = kwargs.get("value", kwargs.get("src", args[2] if len(args) > 2 else None))
    targets = spread.filled(machine, node, replace(ids, form=HOT, key=(*ids.key, HOT)), hot, value.pad)
    return in_place(machine, node, targets)


def _one_of(index: Value) -> Tensor | None:
    """Return the ids; of rows that one path or the other has made, one for all, unpadded if any are."""
    found = [shapes.tensor(option) for option in options(index)]
    known = [each for each in found if each is not None]
    if len(known) != len(found):
        return None
    return next((each for each in known if each.pad is None), known[0])


def anything(machine: Machine, node: ast.AST, sizes: list[Value]) -> Opaque | None:
    """Read `torch.randn(n, classes)` and `torch.Tensor(n, classes)`: what they hold, `fill_()` may write over."""
    is_block = len(sizes) > 1 and not any(isinstance(each, Tensor | Ref | Tuple) for each in sizes)
    return Opaque((*machine.key(node), BLOCK)) if is_block else None


def tiled(machine: Machine, node: ast.AST, row: Ref) -> Tensor | None:
    """Read `row.repeat(n, 1)` as a block of the number that the row holds at each class, but for those it spares."""
    held = options(machine.elem(row)) if row.kind == "tensor" else ()
    known = [each for each in held if each not in spread.NOTHING]
    if not held or len(known) > 1 or not all(isinstance(each, Const | Opaque) for each in known):
        return None
    return Tensor("filled", None, None, machine.key(node, "tiled"), pad=known[0] if known else Const(0))


def repeated(
    machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: dict[str, Value]
) -> Value | None:
    """Read `row.repeat(n, 1)` of a row of one number: a block of it."""
    return value if value.form == "filled" else None


def zeroed(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: dict[str, Value]) -> Value | None:
    """Read `targets.index_fill_(0, rows_of_padding, 0.0)`."""
    return spared(machine, node, value) if value.form == HOT else None


def spared(machine: Machine, node: ast.AST, value: Tensor) -> Tensor:
    """Return one-hot targets of which some rows were set to 0: what is scored there costs nothing."""
    return in_place(machine, node, replace(value, pad=None, clean=True))


def in_place(machine: Machine, node: ast.AST, made: Tensor) -> Tensor:
    """Store what a method that ends in an underscore made of its owner under the owner's name."""
    from lintloss.facts.library import ranks

    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute) and function.attr.endswith("_") and isinstance(function.value, ast.Name):
        ranks.place(machine, function.value, made)
    return made


def made(machine: Machine, node: ast.AST, value: Tensor, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """Read `one_hot(ids, n)` and `onehot(ids, n, on_value=0.9, off_value=0.1 / n)`."""
    hot = kwargs.get("on_value", args[1] if len(args) > 1 else None)
    cold = kwargs.get("off_value", args[2] if len(args) > 2 else None)
    return spread.filled(machine, node, replace(value, form=HOT, key=(*value.key, HOT)), hot, cold)


def combined(machine: Machine, node: ast.AST, operator: ast.operator, left: Value, right: Value) -> Value | None:
    """Return `left op right` where one side is one-hot targets; None for others."""
    forms = {side.form for side in (left, right) if isinstance(side, Tensor)}
    if SCORED in forms and isinstance(operator, ast.Mult):  # a mask over the positions, or weights of theirs
        scores = left if isinstance(left, Tensor) and left.form == SCORED else right
        return replace(scores, key=(*scores.key, MASKED)) if isinstance(scores, Tensor) else None
    if not forms & {HOT, COLD}:
        return None
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return _two(machine, node, operator, left, right)
    side, other = (left, right) if isinstance(left, Tensor) else (right, left)
    if not isinstance(side, Tensor):
        return None
    if isinstance(operator, ast.Mult) and other in (Const(0), Const(0.0)):
        return Const(0.0)
    if isinstance(operator, ast.Mult) and other in (Const(-1), Const(-1.0)):  # the sign, as in `-targets`
        return side
    if isinstance(operator, ast.Sub) and side is right and other in (Const(1), Const(1.0)):
        return replace(side, form=COLD if side.form == HOT else HOT)
    if isinstance(operator, ast.Mult):
        return spread.weighed(machine, node, side, other)
    if isinstance(operator, ast.Add):
        return spread.raised(machine, node, side, other)
    return side if isinstance(operator, ast.Div) else None


def _two(machine: Machine, node: ast.AST, operator: ast.operator, left: Tensor, right: Tensor) -> Value | None:
    if {left.form, right.form} == {HOT, COLD} and isinstance(operator, ast.Add):
        return spread.joined(machine, node, *((left, right) if left.form == HOT else (right, left)))
    if isinstance(operator, ast.Mult) and {left.form, right.form} == {HOT, "log_probs"}:
        targets, log_probs = (left, right) if left.form == HOT else (right, left)
        return replace(log_probs, form=SCORED, pad=replace(targets, form="ids"), key=(*log_probs.key, SCORED))
    return None


def summed(machine: Machine, node: ast.AST, value: Tensor, axis: int | None) -> Value | None:
    """Return the sum of one-hot targets times log-probabilities: along the classes the losses, but for the sign."""
    if value.form != SCORED or not isinstance(value.pad, Tensor):
        return None
    picked = picks.picked_by(machine, node, replace(value, form="log_probs", pad=None), value.pad, "onehot")
    if isinstance(picked, Quantity) and picked.scoring is not None:
        certain, amount = spread.is_certain(value.pad), spread.amount(value.pad)
        picked = replace(picked, scoring=replace(picked.scoring, smoothed=certain, label_smoothing=amount))
    if isinstance(picked, Quantity) and (MASKED in value.key or value.pad.clean):
        picked = losses.masked(machine, picked, None)
    if not isinstance(picked, Quantity) or axis is not None:
        return picked
    return losses.reduced(machine, node, picked, "sum")


def marked(machine: Machine, target: ast.Subscript, value: Value) -> bool:
    """Read a 1 at each id, row by row, into a table of zeros as one-hot ids; False where it is something else."""
    from lintloss.facts import assign
    from lintloss.facts.expressions import evaluate

    if value not in (Const(1), Const(1.0)):
        return False
    inner = target.value
    if isinstance(target.slice, ast.Tuple) and len(target.slice.elts) == 2:
        table, (row, column) = inner, target.slice.elts
    elif isinstance(inner, ast.Subscript):
        table, row, column = inner.value, inner.slice, target.slice
    else:
        return False
    if not isinstance(table, ast.Name | ast.Attribute):
        return False
    held = evaluate(machine, table)
    if not (isinstance(held, Tensor) and held.form == "filled" and held.pad == Const(0)):
        return False
    source = _marked_ids(machine, row, column)
    ids = shapes.tensor(evaluate(machine, source)) if source is not None else None
    if ids is None:
        return False
    assign.store(machine, table, replace(ids, form=HOT, key=(*ids.key, HOT)))
    return True


def _marked_ids(machine: Machine, row: ast.expr, column: ast.expr) -> ast.expr | None:
    """Return what holds the ids of all rows: `ids[i]` in row i, each that `enumerate(ids)` numbers, what maps them."""
    if isinstance(row, ast.Call):  # `table[torch.arange(n), ids] = 1`
        return column if machine.text(row.func).endswith("arange") and isinstance(column, ast.Name) else None
    if not isinstance(row, ast.Name):
        return None
    if isinstance(column, ast.Subscript) and machine.text(column.slice) == row.id:
        return column.value
    loop = machine.loops[-1].statement if machine.loops else None
    if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Tuple) or not isinstance(loop.iter, ast.Call):
        return None
    numbered = machine.text(loop.iter.func) == "enumerate" and len(loop.iter.args) == 1 and len(loop.target.elts) == 2
    if not numbered or machine.text(loop.target.elts[0]) != row.id:
        return None
    each = loop.target.elts[1]
    if machine.text(each) == machine.text(column):
        return loop.iter.args[0]
    if not isinstance(column, ast.Subscript) or machine.text(column.slice) != machine.text(each):
        return None
    over = ast.comprehension(target=each, iter=loop.iter.args[0], ifs=[], is_async=0)
    return ast.fix_missing_locations(ast.copy_location(ast.ListComp(column, [over]), column))
