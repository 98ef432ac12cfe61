"""Columns of collected rows: `zip(*pairs)`, flax's `get_metrics(dicts)` and `tree_map(jnp.mean, metrics)`."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from lintloss.facts import reduce
from lintloss.facts.library import features, folded
from lintloss.facts.machine import Machine
from lintloss.facts.values import (
    UNKNOWN,
    Const,
    Func,
    Lib,
    Opaque,
    Quantity,
    Ref,
    Tensor,
    Tuple,
    Value,
    join_all,
    options,
)
from lintloss.patterns import regex

FRAMES = regex(r"(\w+_)?(df|data|frame|table)$", re.IGNORECASE)
Kwargs = dict[str, Value]


def unzipped(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """zip(*rows) gives one list for each item of the rows; zip(xs, ys) rows of an item of each."""
    from lintloss.facts.expressions import evaluate

    given = node.args if isinstance(node, ast.Call) else []
    if len(given) > 1 and not any(isinstance(each, ast.Starred) for each in given):
        return _paired(machine, node, args)
    if len(given) != 1 or not isinstance(given[0], ast.Starred):
        return None
    rows = evaluate(machine, given[0].value)
    if not isinstance(rows, Ref) or rows.kind != "list":
        return None
    rows_seen = [each for each in options(machine.elem(rows)) if isinstance(each, Tuple)]
    if len(rows_seen) != 1:
        return None
    return Tuple(tuple(_column(machine, node, rows, i, item) for i, item in enumerate(rows_seen[0].items)))


def _paired(machine: Machine, node: ast.AST, columns: list[Value]) -> Ref | None:
    """Return the rows of a data set that is put together from lists: `list(zip(inputs, targets))`."""
    items = [machine.elem(each) if isinstance(each, Ref) and each.kind == "list" else UNKNOWN for each in columns]
    if not all(isinstance(each, Tensor) and each.window is not None for each in items):
        return None
    rows = machine.new_list(node)
    machine.put(rows, "elem", Tuple(tuple(items)))
    return rows


def _column(machine: Machine, node: ast.AST, rows: Ref, name: object, value: Value) -> Ref:
    """Return a list that was filled when `rows` was."""
    column = Ref(machine.key(node, "column", name), "list")
    length = machine.get(rows, "len")
    machine.state.heap.clear(column.id)
    machine.put(column, "elem", value, length.depth if length is not None else None)
    machine.put(column, "len", length.value if length is not None else value, length.depth if length else None)
    loops = machine.list_loops.get(rows.id)
    if loops:
        machine.list_loops[column.id] = loops
    return column


def stacked(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """get_metrics([{...}, {...}]) is a dict of lists."""
    rows = args[0] if args else None
    if not isinstance(rows, Ref) or rows.kind != "list":
        return None
    dicts = [each for each in options(machine.elem(rows)) if isinstance(each, Ref) and each.kind == "dict"]
    if not dicts:
        return None
    made = Ref(machine.key(node, "stacked"), "dict")
    machine.state.heap.clear(made.id)
    for name, slot in machine.fields(dicts[0]).items():
        machine.put(made, name, _column(machine, node, rows, name, slot.value))
    return made


def mapped(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """tree_map(f, tree) is a dict of what f makes of each leaf; of a list of dicts, of each column."""
    from lintloss.facts import calls
    from lintloss.facts.expressions import evaluate

    if isinstance(node, ast.Call) and machine.text(node.func) == "map":  # the builtin
        return applied(machine, node, args, kwargs)
    given = node.args[1] if isinstance(node, ast.Call) and len(node.args) == 2 else None
    if isinstance(given, ast.Starred):  # tree_map(f, *dicts)
        rows = evaluate(machine, given.value)
        args = [args[0], rows]
    if len(args) > 2:
        return folded.of_trees(machine, node, args[0], args[1:])
    if len(args) == 2 and isinstance(args[1], Quantity | Tuple):
        return _leaves(machine, node, args[0], args[1])
    if len(args) != 2 or not isinstance(args[1], Ref) or args[1].kind not in {"dict", "list"}:
        return None
    tree = args[1] if args[1].kind == "dict" else stacked(machine, node, [args[1]], {})
    if not isinstance(tree, Ref):
        return None
    made = Ref(machine.key(node, "mapped"), "dict")
    machine.state.heap.clear(made.id)
    for name, slot in machine.fields(tree).items():
        leaf = slot.value
        if _averages(machine, args[0]):
            machine.put(made, name, reduce.mean(machine, node, leaf))
        else:
            machine.put(made, name, calls.call(machine, node, args[0], [leaf], {}))
    return made


def _leaves(machine: Machine, node: ast.AST, function: Value, tree: Value) -> Value:
    """Return what a function makes of each number of a tuple, or of the one number that is the whole tree."""
    from lintloss.facts import calls

    if isinstance(tree, Tuple):
        return Tuple(tuple(_leaves(machine, node, function, each) for each in tree.items))
    if _averages(machine, function):
        return reduce.mean(machine, node, tree)
    return calls.call(machine, node, function, [tree], {})


def _averages(machine: Machine, function: Value) -> bool:
    """Say whether a function is a mean, or one of whatever it is given: `lambda *xs: jnp.mean(jnp.stack(xs))`."""
    if isinstance(function, Lib):
        return function.name.rsplit(".", 1)[-1] in {"mean", "nanmean"}
    if not isinstance(function, Func) or not isinstance(function.node, ast.Lambda) or function.node.args.vararg is None:
        return False
    return "mean(" in machine.text(function.node.body)


def table(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """pd.DataFrame(index=keys, columns=["total", "counts"]) holds a number for each key in each column."""
    names = kwargs.get("columns")
    if args:  # pd.DataFrame([{"loss": …}, …]) has a column for each key
        rows = stacked(machine, node, args, {})
        return rows if isinstance(rows, Ref) and _holds_loss(machine, rows) else None
    if not isinstance(names, Ref) or "index" not in kwargs:
        return None
    made = Ref(machine.key(node, "table"), "dict")
    machine.state.heap.clear(made.id)
    machine.dicts_made[made.id] = machine.depth
    for slot in list(machine.fields(names).values()):
        if isinstance(slot.value, Const) and isinstance(slot.value.value, str):
            column = Ref((*made.id, slot.value.value), "dict")
            machine.state.heap.clear(column.id)
            machine.dicts_made[column.id] = machine.depth
            machine.put(made, slot.value.value, column)
    return made


def _holds_loss(machine: Machine, table: Ref) -> bool:
    """Say whether one of the columns of a table is a list of losses."""
    columns = (slot.value for slot in machine.fields(table).values())
    held = (each for one in columns if isinstance(one, Ref) for each in options(machine.elem(one)))
    return any(isinstance(each, Quantity) and each.unit.content is not None for each in held)


def applied(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """map(f, xs) collects what f makes of each."""
    from lintloss.facts import calls

    sums = _sums(machine, node, args)
    if sums is not None:
        return sums
    if not isinstance(node, ast.Call) or len(node.args) != 2 or not isinstance(args[0], Func):
        return None
    states = features.states(args[1])
    if states is not None:
        return Tuple(tuple(calls.call(machine, node, args[0], [each], {}) for each in states))
    return _collected(machine, node, args[0], node.args[1], args[1])


def _sums(machine: Machine, node: ast.AST, args: list[Value]) -> Tuple | None:
    """Return the sums by position of `map(sum, zip(totals, (loss, n)))` and `map(operator.add, totals, (loss, n))`."""
    from lintloss.facts.expressions import evaluate

    if not isinstance(node, ast.Call) or not isinstance(args[0], Lib) or len(node.args) < 2:
        return None
    name, given = args[0].name.rsplit(".", 1)[-1], args[1:]
    zipped = node.args[1]
    if name == "sum" and isinstance(zipped, ast.Call) and machine.text(zipped.func) == "zip":
        given = [evaluate(machine, each) for each in zipped.args]
    elif name not in folded.ADDS:
        return None
    found = (_as_tuple(machine, each) for each in given)
    rows = [each.items for each in found if each is not None]
    if len(rows) != 2 or len(given) != 2 or len(rows[0]) != len(rows[1]):
        return None
    if not any(isinstance(option, Quantity) for row in rows for each in row for option in options(each)):
        return None
    return Tuple(tuple(folded.sum_in_place(machine, node, *pair) for pair in zip(*rows, strict=True)))


def _as_tuple(machine: Machine, value: Value) -> Tuple | None:
    """Return the items of a tuple, or of a list that was written out; of what is one of several, position by position."""
    rows = [each.items for each in options(value) if isinstance(each, Tuple)]
    if rows:
        return Tuple(tuple(join_all(column) for column in zip(*rows, strict=False)))
    if not isinstance(value, Ref) or value.kind != "list" or machine.get(value, "elem") is not None:
        return None
    held = machine.fields(value)
    return Tuple(tuple(held[str(i)].value for i in range(len(held)) if str(i) in held))


def is_one(node: ast.Call, receiver: Value) -> bool:
    """Say whether what a function is applied to is a column: `df["text"]`, `df.text`; a model is none."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if not isinstance(receiver, Opaque) or not isinstance(owner, ast.Subscript | ast.Attribute):
        return False
    return isinstance(owner, ast.Subscript) or FRAMES.match(ast.unparse(owner.value)) is not None


def of_column(machine: Machine, node: ast.Call, column: Value, function: Func) -> Value | None:
    """df["text"].apply(f) of pandas collects what f makes of each row; None where that is no number of ours."""
    source = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    made = _collected(machine, node, function, source, column)
    numbers = any(isinstance(each, Quantity) for each in options(machine.elem(made)))
    return made if numbers else None


def _collected(machine: Machine, node: ast.Call, function: Func, source: ast.expr, values: Value) -> Ref:
    from lintloss.facts import calls, collecting, iterate

    made, created = machine.new_list(node), machine.depth
    loop, element = iterate.describe(machine, node, source, values, "")

    def body() -> str:
        collecting.collect(machine, made.id, calls.call(machine, node, function, [element()], {}), created)
        return "next"

    iterate.run(machine, loop, lambda: None, body)
    return made


NAMED: dict[str, Callable[[Machine, ast.AST, list[Value], Kwargs], Value | None]] = {
    "zip": unzipped,
    "DataFrame": table,
    "tree_map": mapped,
    "map": mapped,
    "get_metrics": stacked,
    "stack_forest": stacked,
}
