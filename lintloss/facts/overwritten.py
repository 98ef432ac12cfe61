"""Overwritten: the entries of a dict of totals that each batch replaces, where it adds to the others.

`losses["kl"] += kl.item()`, and beside it `losses["rate"] = rate.item()`: of the one, the last batch is reported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from lintloss.facts import keeping, of_pass
from lintloss.facts.library import tables
from lintloss.facts.survey import called_name, walk
from lintloss.patterns import regex

# What one batch is asked for by name, or where the pass stands.
MEANT = regex(r"(^|_)(last|latest|current|cur|now|position|pos|offset|index|idx|steps?|iter(ation)?|epoch|lr)(_|$)")


@dataclass(frozen=True, slots=True)
class _Entry:
    """`owner["key"]`, as a statement of a loop's body sets it or adds to it."""

    target: ast.Subscript
    owner: str
    key: object
    value: ast.expr
    adds: bool
    statement: ast.stmt


def entries(scope: keeping.Scope, loop: ast.For | ast.AsyncFor) -> Iterator[tuple[ast.Subscript, bool]]:
    """Yield the entries that a loop over batches sets anew in each, and that are reported behind it as totals.

    Yields: the entry, and whether its value is surely another one in each batch.
    """
    found = list(_entries(loop.body))
    if not any(each.adds for each in found) or all(each.adds for each in found):
        return
    inside = [each for part in loop.body for each in walk(part)]
    this_pass = of_pass.Pass(loop, scope.may_keep)
    for one in found:
        beside = [each for each in found if each.owner == one.owner]
        alone = not any(each is not one and each.key == one.key for each in beside)
        if one.adds or not alone or not any(each.adds and _is_number(each.value) for each in beside):
            continue
        if MEANT.search(str(one.key)):
            continue
        made = this_pass.values.get(id(one.statement), of_pass.Made())
        if not _is_number(one.value) or made.carried or not made.may_vary or one.owner in this_pass.stored:
            continue
        if not made.varies and not _is_called_loss(one):  # a constant of the model, perhaps: its temperature
            continue
        if not _is_read(inside, one.owner, beside) and _starts_at_zero(scope.node, loop, one):
            yield one.target, made.varies


def _entries(body: list[ast.stmt]) -> Iterator[_Entry]:
    """Yield what the statements of a body do to entries of dicts, those under a condition or in a loop left out."""
    for statement in body:
        if isinstance(statement, ast.With | ast.AsyncWith):
            yield from _entries(statement.body)
        adds = isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add)
        target: ast.expr | None = statement.target if isinstance(statement, ast.AugAssign) and adds else None
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
        if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name):
            continue
        if isinstance(target.slice, ast.Constant) and isinstance(statement, ast.Assign | ast.AugAssign):
            yield _Entry(target, target.value.id, target.slice.value, statement.value, adds, statement)


def _is_number(value: ast.expr) -> bool:
    """Say whether a value is made of numbers taken out of tensors: `nats.item()`, `real.item() + fake.item()`."""
    if isinstance(value, ast.BinOp):
        return _is_number(value.left) or _is_number(value.right)
    return isinstance(value, ast.Call) and called_name(value.func) == "item"


def _is_called_loss(one: _Entry) -> bool:
    names = {str(one.key), *(each.id for each in walk(one.value) if isinstance(each, ast.Name))}
    return any(tables.LOSS_NAME.match(each) for each in names)


def _is_read(inside: list[ast.AST], owner: str, beside: list[_Entry]) -> bool:
    """Say whether the loop looks into the dict, beside setting its entries: what is shown of each batch is its own."""
    set_here = {id(each.target.value) for each in beside}
    return any(isinstance(each, ast.Name) and each.id == owner and id(each) not in set_here for each in inside)


def _starts_at_zero(scope: ast.AST, loop: ast.For | ast.AsyncFor, one: _Entry) -> bool:
    """Say whether the entry is put to 0 before the loop, as a total is, and the dict is read behind it."""
    names = [each for each in walk(scope) if isinstance(each, ast.Name) and each.id == one.owner]
    if not any(isinstance(each.ctx, ast.Load) and each.lineno > (loop.end_lineno or 0) for each in names):
        return False
    made = [
        (each.lineno, each.value)
        for each in walk(scope)
        if isinstance(each, ast.Assign)
        and each.lineno < loop.lineno
        and any(isinstance(target, ast.Name) and target.id == one.owner for target in each.targets)
    ]
    return bool(made) and _holds_zero(max(made, key=lambda pair: pair[0])[1], one.key)


def _holds_zero(made: ast.expr, key: object) -> bool:
    if isinstance(made, ast.Dict):
        pairs = zip(made.keys, made.values, strict=True)
        return any(isinstance(name, ast.Constant) and name.value == key and _is_zero(value) for name, value in pairs)
    if not isinstance(made, ast.Call):
        return False
    if called_name(made.func) == "dict":
        return any(each.arg == key and _is_zero(each.value) for each in made.keywords)
    if called_name(made.func) == "fromkeys":
        return len(made.args) == 2 and _is_zero(made.args[1])
    kind = made.args[0] if called_name(made.func) == "defaultdict" and made.args else None
    return isinstance(kind, ast.Name) and kind.id in {"int", "float"}


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0 and not isinstance(node.value, bool)
