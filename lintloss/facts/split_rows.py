"""Split rows: held-out rows that are cut off and never read, while the held-out set is made of the training's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from lintloss.facts import bindings
from lintloss.facts.callers import text_of
from lintloss.facts.split_names import is_evaluation, is_held_out, is_training
from lintloss.facts.survey import called_name, walk
from lintloss.parse import Module
from lintloss.patterns import regex

Found = tuple[ast.AST, str, str]
MADE = regex(r"(loader|data|dataset|set|dl|iter|rows)$", re.IGNORECASE)
SIZES = regex(r"batch_?size$|(^|_)(bs|bsz)$|workers$|collat\w*$", re.IGNORECASE)  # `batch_size=args.eval_batch_size`
HELD_OUT = ("val", "valid", "validation", "dev", "test", "eval")


def observe(module: Module) -> Iterator[Found]:
    """Yield `held_out = Rows(train_rows)`, where `val_rows` was cut off beside `train_rows` and nobody reads it."""
    scopes = (each for each in walk(module.tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    for scope in (module.tree, *scopes):
        bound = bindings.of(scope)
        for name, made in bound.items():
            if not is_evaluation(name) or not MADE.search(name):
                continue
            for call in (each.value for each in made if isinstance(each.value, ast.Call) and not each.picks):
                if any(_unread(module, scope, bound, other) for other in _others(call)):
                    yield call, name, text_of(call)[:70]


def _others(call: ast.Call) -> list[str]:
    """Return what the held-out rows may be called beside the training rows that a call is given."""
    given = [*call.args, *(each.value for each in call.keywords)]
    if any(is_held_out(text_of(each)) and not SIZES.search(text_of(each)) for each in given):
        return []
    trained = [each.id for one in given for each in _rows(one) if is_training(each.id)]
    return [re.sub("(?i)train(ing)?", held_out, name) for name in trained for held_out in HELD_OUT]


def _rows(given: ast.expr) -> Iterator[ast.Name]:
    """Yield what is handed over as it is, or converted first: `torch.tensor(X_train, dtype=torch.float)`."""
    if isinstance(given, ast.Name):
        yield given
    elif isinstance(given, ast.Call):
        converted = given.args[:1]
        if not converted and isinstance(given.func, ast.Attribute):  # `X_train.to_numpy()`
            converted = [given.func.value]
        for each in converted:
            yield from _rows(each)


def _unread(module: Module, scope: ast.AST, bound: dict[str, tuple[bindings.Binding, ...]], name: str) -> bool:
    """Say whether a name is bound in a scope and read nowhere, but for its length that is shown, and to bind it anew."""
    if name not in bound:
        return False
    inside = module.tree if isinstance(scope, ast.Module) else scope
    own = {id(each) for value in _made_anew(inside, name) for each in ast.walk(value)}
    own |= {id(each.args[0]) for each in _lengths_shown(inside)}
    found = (each for each in walk(inside) if isinstance(each, ast.Name) and each.id == name)
    return not any(isinstance(each.ctx, ast.Load) and id(each) not in own for each in found)


def _made_anew(scope: ast.AST, name: str) -> Iterator[ast.expr]:
    """Yield what a name is bound to: `valid = valid.map(f)`, `train, valid = train.map(f), valid.map(f)`."""
    for each in walk(scope):
        if isinstance(each, ast.Assign) and len(each.targets) == 1:
            yield from _given(each.targets[0], each.value, name)


def _given(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, given in zip(target.elts, value.elts, strict=True):
            yield from _given(one, given, name)


def _lengths_shown(scope: ast.AST) -> Iterator[ast.Call]:
    """Yield each len() of a statement that only shows what it is given: `print(len(train), len(valid))`."""
    for each in walk(scope):
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Call):
            for call in walk(each.value):
                if isinstance(call, ast.Call) and called_name(call.func) == "len" and len(call.args) == 1:
                    yield call
