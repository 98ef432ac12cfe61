"""Rows put together by cat: of pieces of the same lengths in the same order, they sit side by side.

A stretch of -100 that is made like the prompt stands where the prompt stands in the input.
"""

from __future__ import annotations

import ast

from lintloss.facts import label_ids
from lintloss.facts.library.tables import TENSOR_MOVES
from lintloss.facts.linear import Linear
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name
from lintloss.facts.values import Key, Opaque, Ref, Tensor, Tuple, Value, Window


def joined(machine: Machine, node: ast.AST, items: tuple[Value, ...]) -> Tensor | None:
    """Read `torch.cat([torch.full_like(prompt, -100), answer])` beside `torch.cat([prompt, answer])`."""
    listed = node.args[0] if isinstance(node, ast.Call) and node.args else None
    if not isinstance(listed, ast.List | ast.Tuple) or len(listed.elts) != len(items):
        return None
    likes = [_ignored_like(machine, each) for each in listed.elts]
    keys = [
        like or _whole(machine, *pair) for like, pair in zip(likes, zip(listed.elts, items, strict=True), strict=True)
    ]
    if not all(keys) or len(keys) < 2 or all(likes):
        return None
    source = machine.identity(("cat", *keys))
    prompt = (Window(source, upper=Linear.of(("piece", *(likes[0] or ())))),) if likes[0] else ()
    return Tensor("ids", Window(source), None, machine.key(node, "cat"), ignored=prompt)


def _ignored_like(machine: Machine, node: ast.expr) -> Key:
    """Return the identity of the row that `full_like(row, -100)` is as long as."""
    from lintloss.facts.expressions import evaluate

    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TENSOR_MOVES:
        node = node.func.value
    if not isinstance(node, ast.Call) or called_name(node.func) != "full_like" or len(node.args) < 2:
        return ()
    if not label_ids.is_ignored(evaluate(machine, node.args[1])):
        return ()
    return _whole(machine, node.args[0], evaluate(machine, node.args[0]))


def _whole(machine: Machine, node: ast.expr, value: Value) -> Key:
    """Return the identity of a row that is taken as a whole; ids that are written out are told by what is written."""
    if isinstance(value, Tensor):
        window = value.window
        known = window is not None and not window.is_cut and not window.marks and value.form in {"ids", ""}
        return window.source if known and window is not None and value.pad is None else ()
    if isinstance(value, Ref | Tuple):
        return ("written", machine.text(node)) if isinstance(node, ast.Call) else ()
    return value.key if isinstance(value, Opaque) else ()
