"""Rows read item by item: `[vocabulary[word] for word in words]` is a row where the words were, padded as they were."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from lintloss.facts import moved
from lintloss.facts.library import features, pieces, shapes
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name
from lintloss.facts.values import UNKNOWN, Const, Opaque, Ref, Tensor, Tuple, Value

NUMBERS = frozenset({"len", "sum", "max", "min"})  # of a row, not of a word
Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


def mapped(machine: Machine, node: Comprehension) -> Value | None:
    """Read a comprehension that makes one id of each word, where the words are a row of known place."""
    from lintloss.facts.expressions import evaluate

    if not isinstance(node, ast.ListComp) or len(node.generators) != 1:
        return None
    generator = node.generators[0]
    if not (_is_row(generator.iter, node.elt) and isinstance(generator.target, ast.Name)) or generator.ifs:
        return None
    row = shapes.typical(evaluate(machine, generator.iter))
    if not isinstance(row, Tensor) or row.form not in {"ids", ""} or row.window is None:
        return None
    if (row.window.axis is None and row.pad is None) or not _reads(node.elt, generator.target.id):
        return None
    made = replace(row, key=machine.key(node, "mapped"), pad=pieces.looked_up(row.pad))
    return made if not isinstance(node.elt, ast.IfExp) else replace(made, pad=None, clean=row.pad is not None)


def each_of_written(machine: Machine, node: Comprehension) -> Tuple | None:
    """Read `(t.transpose(1, 2) for t in (q, k, v))`: a tensor of each of those that are written out, in their order."""
    from lintloss.facts import assign
    from lintloss.facts.expressions import evaluate

    generator = node.generators[0]
    if not isinstance(node, ast.ListComp | ast.GeneratorExp) or len(node.generators) > 1 or generator.ifs:
        return None
    if not isinstance(generator.iter, ast.Tuple | ast.List):
        return None
    given = features.states(evaluate(machine, generator.iter))
    if given is None:
        return None
    names, made = machine.state.names, []
    for each in given:
        machine.state.names = dict(names)
        assign.store(machine, generator.target, each)
        made.append(evaluate(machine, node.elt))
    machine.state.names = names
    return Tuple(tuple(made))


def each_field(machine: Machine, node: Comprehension) -> Ref | None:
    """Read `{name: rows[i] for name, rows in encoded.items()}`: one row of each field, which stays under its own name.

    The same by its key: `{name: encoded[name][i] for name in encoded}`.
    """
    from lintloss.facts import assign
    from lintloss.facts.expressions import evaluate

    if not isinstance(node, ast.DictComp) or len(node.generators) != 1 or node.generators[0].ifs:
        return None
    generator = node.generators[0]
    pair, owner = moved.pair_of_items(generator), moved.owner_of_items(generator) or _keyed(generator)
    name = pair[0] if pair is not None else getattr(generator.target, "id", "")
    if owner is None or not _is(node.key, name):
        return None
    whole = (lambda each: _is(each, pair[1])) if pair is not None else (lambda each: _is_entry(each, owner, name))
    encoded = evaluate(machine, owner) if _takes_row(node.value, whole) else UNKNOWN
    fields = machine.fields(Ref(encoded.key, "dict")) if isinstance(encoded, Opaque) and encoded.key else {}
    if not isinstance(getattr(fields.get("input_ids"), "value", None), Tensor):
        return None
    kept, found = machine.state.names, {}
    for field, slot in list(fields.items()):
        if isinstance(slot.value, Tensor):
            machine.state.names = dict(kept)
            given = Tuple((Const(field), slot.value)) if pair is not None else Const(field)
            assign.store(machine, generator.target, given)
            found[field] = evaluate(machine, node.value)
    machine.state.names = kept
    made = Ref(machine.key(node, "fields"), "dict")
    machine.state.heap.clear(made.id)
    for field, value in found.items():
        machine.put(made, field, value)
    return made


def _keyed(generator: ast.comprehension) -> ast.expr | None:
    """Return x of `for key in x` and `for key in x.keys()`."""
    source = generator.iter
    if isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute) and source.func.attr == "keys":
        return source.func.value
    return source if isinstance(source, ast.Name | ast.Attribute) else None


def _is_entry(node: ast.expr, owner: ast.expr, key: str) -> bool:
    """Say whether an expression is `owner[key]`."""
    return isinstance(node, ast.Subscript) and _is(node.slice, key) and ast.unparse(node.value) == ast.unparse(owner)


def _takes_row(node: ast.expr, is_whole: Callable[[ast.expr], bool]) -> bool:
    """Say whether an expression takes one row of a field, moved, copied or made a tensor of."""
    rows = (each for each in ast.walk(node) if isinstance(each, ast.Subscript) and is_whole(each.value))
    return any(not isinstance(row.slice, ast.Slice | ast.Tuple) for row in rows)


def _is_row(node: ast.expr, element: ast.expr) -> bool:
    """Say whether what is read item by item may be a row: `words`, `words[1:]` and `texts[i]` of which each item is looked up."""
    if not isinstance(node, ast.Subscript):
        return isinstance(node, ast.Name)
    looks_up = isinstance(element, ast.Subscript) or called_name(getattr(element, "func", element)) == "get"
    return looks_up and isinstance(
        node.value, ast.Name if isinstance(node.slice, ast.Slice) else ast.Name | ast.Attribute
    )


def _reads(element: ast.expr, name: str) -> bool:
    """Say whether an item makes an id of a word: no truth of it, as masks are made, and no pair."""
    inner = list(ast.walk(element))
    is_truth = any(isinstance(each, ast.Compare) for each in inner) and not isinstance(element, ast.IfExp)
    if (
        is_truth
        or isinstance(element, ast.Tuple | ast.List)
        or called_name(getattr(element, "func", element)) in NUMBERS
    ):
        return False
    if any(_takes_apart(each, name) for each in inner):
        return False
    return any(isinstance(each, ast.Name) and each.id == name for each in inner)


def _takes_apart(node: ast.AST, name: str) -> bool:
    """Say whether an item is a row itself: its length is taken, a stretch or each of its items; it is made longer."""
    if isinstance(node, ast.Call):
        return called_name(node.func) == "len" and bool(node.args) and _is(node.args[0], name)
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Slice) and _is(node.value, name)
    if isinstance(node, ast.comprehension):
        return _is(node.iter, name)
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add):
        return False
    other = node.right if _is(node.left, name) else node.left if _is(node.right, name) else None
    return other is not None and any(isinstance(each, ast.List) for each in ast.walk(other))


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
