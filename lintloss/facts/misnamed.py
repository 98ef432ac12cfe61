"""Misnamed: what is called the training loss, shown in the words of an evaluation that has a loss of its own.

`print("val loss %.3f" % train_loss)` behind `val_loss = evaluate(model, val_loader)`: nothing has to be run to see it.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from lintloss.facts import bindings, captions, liveness, shown_texts
from lintloss.facts.split_names import is_training, says_held_out, snake
from lintloss.facts.survey import DEFINITIONS, walk
from lintloss.parse import Module


def observe(module: Module) -> Iterator[ast.Name]:
    """Yield the training losses of a module that are shown as those of its evaluation."""
    if "train_" not in module.code and "tr_" not in module.code:
        return
    for scope in (module.tree, *(each for each in walk(module.tree) if isinstance(each, DEFINITIONS))):
        told = [each for each in bindings.own(scope) if isinstance(each, ast.Expr) and isinstance(each.value, ast.Call)]
        seen = [list(shown(each)) for each in told]
        own = list(_own_losses(scope)) if any(seen) else []
        for pairs in seen:  # one text that shows it twice is one slip
            wrong = (name for caption, name in pairs if _has_its_own(own, caption, name))
            yield from itertools.islice(wrong, 1)


def shown(statement: ast.AST) -> Iterator[tuple[str, ast.Name]]:
    """Yield what is called a training loss and shown in the words of an evaluation, with these words."""
    for caption, value in shown_texts.shown(statement):
        name, words = _name(value), caption.lower()
        if name is not None and says_held_out(caption) and "train" not in words and is_training_loss(name.id):
            yield caption, name


def is_training_loss(name: str) -> bool:
    return is_training(name) and not says_held_out(name) and shown_texts.SAID.search(snake(name)) is not None


def _name(value: ast.expr) -> ast.Name | None:
    """Return the name that a number is made of: `math.exp(train_loss)`, `round(train_loss, 3)`, `train_loss.item()`."""
    while isinstance(value, ast.Call):
        method = isinstance(value.func, ast.Attribute) and not value.args
        if method and isinstance(value.func, ast.Attribute):
            value = value.func.value
        elif value.args:
            value = value.args[0]
        else:
            return None
    return value if isinstance(value, ast.Name) else None


def _own_losses(scope: ast.AST) -> Iterator[tuple[int, bool]]:
    """Yield the rows in which a scope is returned a loss of its evaluation, and whether nothing reads it."""
    for node in bindings.own(scope):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        target = node.targets[0]
        if isinstance(target, ast.Name) and captions.CAPTION.search(snake(target.id)) and "train" not in target.id:
            yield node.lineno, liveness.is_dead(scope, target)


def _has_its_own(own: list[tuple[int, bool]], caption: str, name: ast.Name) -> bool:
    """Say whether a loss of the evaluation is there to be shown: one that is read elsewhere asks for plainer words."""
    above = [is_dead for row, is_dead in own if row < name.lineno]
    return any(above) or (bool(above) and captions.names_one(caption))
