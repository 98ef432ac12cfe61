"""Loops over keys that are all known, each run for itself: what is read and stored under a key is that key's alone."""

from __future__ import annotations

import ast

from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk
from lintloss.facts.values import Const, Opaque, Ref, Tuple, Value, options

OPEN = ("elem", "@made")  # of a dict: it has keys that are not known
ALL_KEYS = ".keys"  # the name under which `batch.keys()` is known
MOST = 8  # keys that are run one by one
HANDED_ON = frozenset({"list", "sorted", "tuple", "set"})
WRITTEN = (ast.List, ast.Tuple, ast.Name, ast.Attribute)
ENTANGLES = (ast.AugAssign, ast.For, ast.AsyncFor, ast.While, ast.With, ast.Continue, ast.Break)


def of_loop(machine: Machine, node: ast.For | ast.AsyncFor) -> list[Value]:
    """Return what each pass of a loop that stores under its key is given: `for key in rows[0]: batch[key] = …`.

    Nothing is summed or run over in between.
    """
    key = key_of(node.target)
    body = [each for statement in node.body for each in walk(statement)]
    if not key or any(isinstance(each, ENTANGLES) for each in body):
        return []
    stored = [each for each in _under(body, key) if isinstance(each.ctx, ast.Store)]
    if not stored or any(map(_is_sum, body)):
        return []
    return given(machine, node.iter, isinstance(node.target, ast.Tuple))


def _is_sum(statement: ast.AST) -> bool:
    """Say whether a statement adds to what it stores: `totals[key] = totals[key] + value`."""
    if not isinstance(statement, ast.Assign):
        return False
    targets = {ast.unparse(each) for each in statement.targets}
    sums = (each for each in walk(statement.value) if isinstance(each, ast.BinOp))
    return any(isinstance(each, ast.Subscript) and ast.unparse(each) in targets for one in sums for each in walk(one))


def of_comprehension(machine: Machine, node: ast.DictComp) -> list[Value]:
    """Return what each pass of a comprehension is given that reads by its key: `{k: stack([r[k] for r in rows]) for k in keys}`."""
    generator = node.generators[0]
    key = key_of(generator.target)
    if len(node.generators) > 1 or generator.ifs or not key or not isinstance(node.key, ast.Name) or node.key.id != key:
        return []
    adds = isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.Add)
    if not adds and not _under(list(walk(node.value)), key):
        return []
    return given(machine, generator.iter, isinstance(generator.target, ast.Tuple))


def key_of(target: ast.expr) -> str:
    """Return the name of the key in `key` or `key, value`."""
    if isinstance(target, ast.Tuple) and len(target.elts) == 2:
        target = target.elts[0]
    return target.id if isinstance(target, ast.Name) else ""


def _under(nodes: list[ast.AST], key: str) -> list[ast.Subscript]:
    """Return what is read or stored under a key: `row[key]`."""
    found = (each for each in nodes if isinstance(each, ast.Subscript))
    return [each for each in found if isinstance(each.slice, ast.Name) and each.slice.id == key]


def given(machine: Machine, node: ast.expr, pairs: bool) -> list[Value]:
    """Return the keys that are run over, or the pairs of them; nothing where one of them is not known."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in HANDED_ON and node.args:
        return given(machine, node.args[0], pairs)
    rows = _written(machine, node)
    if rows is not None:
        named = [each for each in rows if _is_keyed(each, pairs)]
        return named if len(named) == len(rows) <= MOST else []
    fields = _fields(machine, _owner(node, "items" if pairs else "keys"))
    if len(fields) > MOST:
        return []
    return [Tuple((Const(name), value)) if pairs else Const(name) for name, value in fields.items()]


def _is_keyed(row: Value, pairs: bool) -> bool:
    """Say whether a row is a key that is known, or a pair that begins with one."""
    key = row.items[0] if isinstance(row, Tuple) and pairs and len(row.items) == 2 else row if not pairs else None
    return isinstance(key, Const) and isinstance(key.value, str)


def _written(machine: Machine, node: ast.expr) -> list[Value] | None:
    """Return the rows of a list or a tuple, by itself, under a name or zipped; None where one may be missing."""
    from lintloss.facts.expressions import evaluate

    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id != "zip":
            return None
        columns = [_written(machine, each) for each in node.args]
        known = [each for each in columns if each is not None]
        return [Tuple(row) for row in zip(*known, strict=False)] if len(known) == len(columns) > 1 else None
    held = _items(machine, evaluate(machine, node)) if isinstance(node, WRITTEN) else None
    if held is None:
        return None
    inner = [_items(machine, each) for each in held]
    return [each if row is None else Tuple(tuple(row)) for each, row in zip(held, inner, strict=True)]


def _items(machine: Machine, value: Value) -> list[Value] | None:
    """Return what a tuple holds, or a list to which nothing was added."""
    if isinstance(value, Tuple):
        return list(value.items)
    fields = machine.fields(value) if isinstance(value, Ref) and value.kind == "list" else {}
    names = [str(index) for index in range(len(fields) - 1)]
    whole = "len" in fields and fields["len"].value == Const(len(names)) and all(each in fields for each in names)
    return [fields[each].value for each in names] if whole and names else None


def _owner(node: ast.expr, method: str) -> ast.expr | None:
    """Return the dict whose keys() or items() are run over; one that is run over itself gives its keys."""
    if not isinstance(node, ast.Call):
        return node if method == "keys" else None
    is_read = isinstance(node.func, ast.Attribute) and not node.args
    return node.func.value if isinstance(node.func, ast.Attribute) and is_read and node.func.attr == method else None


def _fields(machine: Machine, node: ast.expr | None) -> dict[str, Value]:
    """Return what a dict holds, or the one of which these are the keys; nothing where it may have others."""
    from lintloss.facts.expressions import evaluate

    for option in options(evaluate(machine, node)) if node is not None else ():
        is_keys = isinstance(option, Opaque) and option.key[-1:] == (ALL_KEYS,)
        held = Ref(option.key[:-1], "dict") if isinstance(option, Opaque) and is_keys else option
        if isinstance(held, Ref):
            fields = machine.fields(held) if held.kind == "dict" else {}
            return {} if any(each in fields for each in OPEN) else {name: slot.value for name, slot in fields.items()}
    return {}
