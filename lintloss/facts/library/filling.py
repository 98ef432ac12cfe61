"""Rows filled up by other means than `ids + [pad] * n`: cat with a block, pad(), a loop that appends, a table of pad ids."""

from __future__ import annotations

import ast
import re

from lintloss.facts import bindings, symbolic
from lintloss.facts.library import pieces
from lintloss.facts.library.pieces import Filler
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name
from lintloss.facts.values import Const, Opaque, Ref, Tensor, Value, Window, options
from lintloss.patterns import regex

MADE = {"full": None, "new_full": None, "zeros": 0, "new_zeros": 0, "ones": 1, "new_ones": 1}
LENGTHS = regex(r"\blen\(|\.size\(|\.shape\b|length|(^|_)n\b|num_")
MASKS = regex(r"mask|weight|length|position|segment|type", re.IGNORECASE)
Kwargs = dict[str, Value]


def joined(machine: Machine, node: ast.AST, items: tuple[Value, ...]) -> Value | None:
    """Read `torch.cat([ids, torch.full((width - len(ids),), pad)])`: the last piece fills up the ones before."""
    listed = node.args[0] if isinstance(node, ast.Call) and node.args else None
    if not isinstance(listed, ast.List | ast.Tuple) or len(listed.elts) < 2 or len(items) != len(listed.elts):
        return None
    after = block(machine, listed.elts[-1])
    if after is None or any(MASKS.search(machine.text(each)) for each in listed.elts[:-1]):
        return None
    if len(items) == 2:
        return pieces.filled(machine, node, items[0], after)
    return pieces.filled(machine, node, Opaque(machine.key(node, "pieces"), ""), after)


def block(machine: Machine, node: ast.expr) -> Filler | None:
    """Read a tensor of one id, as long as a row is short of a length."""
    node = _bound(machine, node)
    scale: ast.expr | None = None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):  # torch.ones(n) * pad
        node, scale = (node.left, node.right) if isinstance(node.left, ast.Call) else (node.right, node.left)
    if not isinstance(node, ast.Call):
        return None
    name = called_name(node.func)
    if name in {"to", "long", "type", "int", "astype"} and isinstance(node.func, ast.Attribute):
        return block(machine, node.func.value)
    if name in {"tensor", "LongTensor", "array", "as_tensor"} and node.args:
        inner = _bound(machine, node.args[0])
        return pieces.filler(machine, inner) if isinstance(inner, ast.BinOp) and scale is None else None
    if name not in MADE or not node.args:
        return None
    size = _size(node.args[0])
    if not _is_missing(machine, size):
        return None
    return _filler(machine, node, name, size, scale)


def _filler(machine: Machine, node: ast.Call, name: str, size: ast.expr, scale: ast.expr | None) -> Filler | None:
    from lintloss.facts.expressions import evaluate

    keywords = {each.arg: each.value for each in node.keywords}
    given = scale or (keywords.get("fill_value") or (node.args[1] if len(node.args) > 1 else None))
    if MADE[name] is None or scale is not None:
        if given is None:
            return None
        value = evaluate(machine, given)
    else:
        value = Const(MADE[name])
    if scale is not None and MADE[name] == 0:
        return None
    place = machine.evidence(node, "rows are filled up here with a pad id")
    return Filler(value, symbolic.of(machine, size), (), place)


def _bound(machine: Machine, node: ast.expr) -> ast.expr:
    """Return what a name was given in the running function, if that was once."""
    if not isinstance(node, ast.Name):
        return node
    found = bindings.of(machine.frame.node).get(node.id, ())
    value = found[0].value if len(found) == 1 and not found[0].picks else None
    return value if value is not None else node


def _size(node: ast.expr) -> ast.expr:
    """Return the number of positions of a size: the last of several."""
    return node.elts[-1] if isinstance(node, ast.Tuple | ast.List) and node.elts else node


def _is_missing(machine: Machine, node: ast.expr) -> bool:
    """Say whether a number is what a row is short of: `width - len(ids)`."""
    node = _bound(machine, node)
    if isinstance(node, ast.Call) and called_name(node.func) == "max" and node.args:  # max(0, width - len(ids))
        return any(_is_missing(machine, each) for each in node.args)
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub) or isinstance(node.right, ast.Constant):
        return False
    return LENGTHS.search(machine.text(_bound(machine, node.right))) is not None


def padded(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Read `np.pad(ids, (0, width - len(ids)), constant_values=pad)` and F.pad() of a row."""
    if not isinstance(node, ast.Call) or len(args) < 2 or (isinstance(args[0], Tensor) and args[0].form == "mask"):
        return None
    amounts = node.args[1]
    while (
        isinstance(amounts, ast.Tuple | ast.List)
        and amounts.elts
        and isinstance(amounts.elts[-1], ast.Tuple | ast.List)
    ):
        amounts = amounts.elts[-1]
    if not isinstance(amounts, ast.Tuple | ast.List) or len(amounts.elts) != 2:
        return None
    before, behind = amounts.elts
    if not (isinstance(before, ast.Constant) and before.value == 0) or not _is_missing(machine, behind):
        return None
    if MASKS.search(machine.text(node.args[0])):
        return None
    value = kwargs.get("value", kwargs.get("constant_values", Const(0)))
    place = machine.evidence(node, "rows are filled up here with a pad id")
    return pieces.filled(machine, node, args[0], Filler(value, symbolic.of(machine, behind), (), place))


def by_loop(machine: Machine, node: ast.While | ast.For) -> bool:
    """Read `while len(ids) < width: ids.append(pad)`; False where a loop is something else."""
    from lintloss.facts import assign
    from lintloss.facts.expressions import evaluate

    found = _appended(node)
    if found is None:
        return False
    target, item = found
    if isinstance(node, ast.While):
        short = isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], ast.Lt | ast.NotEq)
        if not short or machine.text(node.test).split(" ")[0] != f"len({machine.text(target)})":
            return False
    elif not (
        isinstance(node.iter, ast.Call)
        and called_name(node.iter.func) == "range"
        and len(node.iter.args) == 1
        and _is_missing(machine, node.iter.args[0])
    ):
        return False
    if MASKS.search(machine.text(target)) and not re.search("label|target", machine.text(target)):
        return False
    place = machine.evidence(node.body[0], "rows are filled up here with a pad id")
    after = Filler(evaluate(machine, item), symbolic.of(machine, item), (), place)
    made = pieces.filled(machine, node, evaluate(machine, target), after)
    if made is not None:
        assign.store(machine, target, made)
        pieces.grow_in_list(machine, target, made)
    return made is not None


def _appended(node: ast.While | ast.For) -> tuple[ast.expr, ast.expr] | None:
    """Return the list that the only statement of a loop appends one id to, and that id."""
    statement = node.body[0]
    if len(node.body) != 1 or node.orelse:
        return None
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add):
        if isinstance(statement.value, ast.List) and len(statement.value.elts) == 1:
            return statement.target, statement.value.elts[0]
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        if isinstance(call.func, ast.Attribute) and call.func.attr == "append" and len(call.args) == 1:
            item = call.args[0]
            return (
                (call.func.value, item)
                if isinstance(item, ast.Constant | ast.Name | ast.Attribute | ast.Subscript)
                else None
            )
    return None


def table(machine: Machine, target: ast.Subscript) -> Filler | None:
    """Read `row[: len(ids)] = ids` into `row = torch.full((width,), pad)`: return what stands behind the ids."""
    cut = target.slice
    if not isinstance(cut, ast.Slice) or cut.upper is None or isinstance(cut.upper, ast.Constant):
        return None
    if cut.lower is not None and not (isinstance(cut.lower, ast.Constant) and cut.lower.value == 0):
        return None
    if MASKS.search(machine.text(target.value)):
        return None
    node = _bound(machine, target.value)
    scale: ast.expr | None = None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        cells = node.left if isinstance(node.left, ast.List) else node.right
        if isinstance(cells, ast.List):  # [pad] * width
            return pieces.repeated(machine, node)
        node, scale = (node.left, node.right) if isinstance(node.left, ast.Call) else (node.right, node.left)
    if not isinstance(node, ast.Call) or called_name(node.func) not in MADE or not node.args:
        return None
    several = isinstance(node.args[0], ast.Tuple | ast.List) and len(node.args[0].elts) > 1
    number = len([each for each in node.args if not isinstance(each, ast.Attribute)])
    if several or (number > 1 and MADE[called_name(node.func)] is not None):
        return None
    return _filler(machine, node, called_name(node.func), _size(node.args[0]), scale)


def sequences(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Read Keras' `pad_sequences(rows, maxlen=n, value=pad)`: rows of unequal length, filled up."""
    rows = args[0] if args else kwargs.get("sequences")
    element = machine.elem(rows) if isinstance(rows, Ref) else rows
    row = pieces.row(element) if element is not None else None
    known = row.window if row is not None and row.window is not None and not row.window.is_cut else None
    window = known or Window(machine.key(node, "rows"))
    step = machine.evidence(node, "rows are filled up here with a pad id")
    pad = kwargs.get("value", Const(0))
    return Tensor("ids", window.marked("batched"), None, machine.key(node, "padded"), "", (step,), pad=pad)


def longest(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Read `zip_longest(*rows, fillvalue=pad)`: positions first, each row filled up."""
    given = node.args if isinstance(node, ast.Call) else []
    fill = kwargs.get("fillvalue")
    if fill is None or len(given) != 1 or not isinstance(given[0], ast.Starred):
        return None
    if not isinstance(given[0].value, ast.Name | ast.Attribute):  # zip_longest(*[iter(rows)] * n) cuts groups
        return None
    step = machine.evidence(node, "rows are filled up here with a pad id")
    window = Window(machine.key(node, "rows")).marked("swapped")
    return Tensor("ids", window, None, machine.key(node, "padded"), "", (step,), pad=fill)


def in_place(machine: Machine, target: ast.Subscript, value: Value) -> bool:
    """Read `rows[i] = rows[i] + [pad] * (width - len(rows[i]))` in a loop over all rows; False where it is no such thing."""
    from lintloss.facts import assign
    from lintloss.facts.expressions import evaluate

    loop = machine.loops[-1].statement if machine.loops else None
    each = loop.target if isinstance(loop, ast.For) else None
    by_index = isinstance(each, ast.Name) and isinstance(target.slice, ast.Name) and each.id == target.slice.id
    if not by_index or not isinstance(target.value, ast.Name | ast.Attribute) or not isinstance(value, Tensor):
        return False
    if value.pad is None or value.form != "ids":
        return False
    if any(isinstance(each, Ref) and each.kind == "dict" for each in options(evaluate(machine, target.value))):
        return False  # its entries are named: what fills up one is no row of the rest
    assign.store(machine, target.value, machine.new_list(target, value))
    return True


def holds_filled(machine: Machine, value: Value) -> bool:
    """Say whether a list holds rows that were filled up in place: the rows before are no more."""
    slot = machine.get(value, "elem") if isinstance(value, Ref) and value.kind == "list" else None
    held = options(slot.value) if slot is not None else ()
    return any(isinstance(each, Tensor) and each.pad is not None for each in held)
