"""Trained whole: whether the training takes all rows of a source of which the first are held out.

By the name of training data, which is then not cut; by a loop that trains; or by a stream that is made anew.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from lintloss.facts import binders, bindings
from lintloss.facts.callers import text_of
from lintloss.facts.same_values import are_given_same, exclude, sees_same
from lintloss.facts.split_names import is_held_out, is_training
from lintloss.facts.survey import called_name, walk
from lintloss.facts.training_steps import STEPS
from lintloss.parse import Module
from lintloss.patterns import regex

Function = ast.FunctionDef | ast.AsyncFunctionDef
WRAPS = {"DataLoader", "list", "iter", "enumerate", "tqdm", "tuple", "cycle", "Dataset", "TensorDataset"}
CHAINED = {"batch", "map", "shuffle", "repeat", "prefetch", "cache", "with_format", "padded_batch", "to", "copy"}
RANDOM = regex(r"rand|choice|sample|shuffle|permut")
TRAINS_ON = regex(r"train(ing)?_(data)?(set|loader)?")
REMOVES = frozenset({"pop", "skip", "remove", "clear", "popleft"})
CUTS = frozenset({"Subset", "random_split", "train_test_split", "islice", "skip", "select", "filter", "drop", "shard"})


def is_trained_on(module: Module, scope: ast.AST, source: ast.expr, head: ast.expr) -> bool:
    """Say whether all of a source goes by the name of training data, or through a loop that trains."""
    text = text_of(source)
    if not isinstance(source, ast.Name | ast.Attribute | ast.Call) or RANDOM.search(text):
        return False
    if isinstance(source, ast.Call):
        if not isinstance(source.func, ast.Name) or source.func.id not in _generators(module):
            return False
        return any(_trains_with(module, each, source) for each in _functions(module))
    root = _root(source)
    if not root or is_held_out(text) or _is_cut_later(module, scope, text, head):
        return False
    whole = (node for node in walk(scope) if node is not scope and _takes_whole(module, node, text))
    return any(
        sees_same(module, head, node, root) and not _is_stored(module, scope, source, head, node) for node in whole
    )


def unwrapped(node: ast.expr) -> ast.expr:
    """See through what takes all rows of something: a loader, batches, another format."""
    while isinstance(node, ast.Call):
        if called_name(node.func) in WRAPS and node.args:
            node = node.args[0]
        elif isinstance(node.func, ast.Attribute) and node.func.attr in CHAINED:
            node = node.func.value
        else:
            return node
    return node


def _root(source: ast.expr) -> str:
    while isinstance(source, ast.Attribute):
        source = source.value
    return source.id if isinstance(source, ast.Name) else ""


# -- rows under a name ------------------------------------------------------------------------------------------------


def _is_stored(module: Module, scope: ast.AST, source: ast.expr, head: ast.expr, node: ast.AST) -> bool:
    """Say whether an attribute is given something else between its head and where the training takes it."""
    if not isinstance(source, ast.Attribute):
        return False
    first, last = sorted((head.lineno, getattr(node, "lineno", head.lineno)))
    text = text_of(source)
    return any(first < each.lineno <= last for each in _targets(scope) if text_of(each) == text and each is not node)


def _targets(scope: ast.AST) -> Iterator[ast.expr]:
    """Yield what a scope assigns to, each of the parts of it."""
    for node in walk(scope):
        if isinstance(node, ast.Assign):
            yield from (part for each in node.targets for part in walk(each) if isinstance(part, ast.expr))
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            yield node.target


def _is_cut_later(module: Module, scope: ast.AST, text: str, head: ast.expr) -> bool:
    """Say whether rows leave the source where its head is taken, or behind it: `rows = rows.skip(n)`, `del rows[:n]`."""
    for each in _targets(scope):
        if each.lineno >= head.lineno and _owner(each) == text:
            return True
        if each.lineno == head.lineno and text_of(each) == text:
            return True
    behind = (node for node in walk(scope) if getattr(node, "lineno", 0) >= head.lineno)
    return any(_removes(node, text) for node in behind)


def _owner(target: ast.AST) -> str:
    """Return of what a part is written over: rows of `rows[:n] = …` and `rows.ids = …`."""
    return text_of(target.value) if isinstance(target, ast.Subscript | ast.Attribute) else ""


def _removes(node: ast.AST, text: str) -> bool:
    if isinstance(node, ast.Delete):
        return any(text in (text_of(each), _owner(each)) for each in node.targets)
    if isinstance(node, ast.AugAssign):
        return text_of(node.target) == text
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr in REMOVES and text_of(called.value) == text


def _takes_whole(module: Module, node: ast.AST, text: str) -> bool:
    """Say whether a statement or an argument gives all of the rows that go by a text to the training."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        name = called_name(node.targets[0])
        if not is_training(name) or is_held_out(name) or text_of(unwrapped(node.value)) != text:
            return False
        return _stays_whole(module, node.targets[0], text)
    if isinstance(node, ast.keyword) and node.arg is not None:
        return TRAINS_ON.fullmatch(node.arg) is not None and text_of(unwrapped(node.value)) == text
    return isinstance(node, ast.For) and text_of(unwrapped(node.iter)) == text and _trains_on_all(node)


def _trains_on_all(loop: ast.For | ast.While) -> bool:
    """Say whether a loop trains, and passes over no row: `if index < held_out: continue`."""
    passes_over = any(isinstance(each, ast.Continue) for each in walk(loop))
    return not passes_over and STEPS.search(text_of(loop)) is not None


def _stays_whole(module: Module, target: ast.expr, text: str) -> bool:
    """Say whether what goes by the name of training data is bound to all of the rows each time, and never cut."""
    name = text_of(target)
    if isinstance(target, ast.Name):
        home = binders.of_name(module, target, name)
        bound: list[ast.expr] = list(binders.stores(module, home, name))
    else:
        home = module.tree
        bound = [each for each in _targets(module.tree) if text_of(each) == name]
    made = [binders.parents(module).get(each) for each in bound]
    values = [each.value if isinstance(each, ast.Assign | ast.AnnAssign) else None for each in made]
    whole = all(each is not None and text_of(unwrapped(each)) in {name, text} for each in values)
    return whole and not any(_cuts(node, name) for node in walk(home))


def _cuts(node: ast.AST, name: str) -> bool:
    """Say whether rows are left out of what goes by a name: `rows[n:]`, `rows.skip(n)`, `Subset(rows, …)`."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        return node.slice.lower is not None and node.slice.upper is None and text_of(node.value) == name
    if not isinstance(node, ast.Call):
        return _removes(node, name)
    if called_name(node.func) == "range" and len(node.args) > 1:
        from_first = isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
        return not from_first and f"len({name})" == text_of(node.args[1])
    given = node.args[:1] if not isinstance(node.func, ast.Attribute) else [node.func.value, *node.args[:1]]
    return called_name(node.func) in CUTS | REMOVES and any(text_of(unwrapped(each)) == name for each in given)


# -- a stream that is made anew ---------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _functions(module: Module) -> tuple[Function, ...]:
    return tuple(each for each in walk(module.tree) if isinstance(each, Function))


@lru_cache(maxsize=8)
def _generators(module: Module) -> frozenset[str]:
    """Return the generators of a module that give the same rows each time that they are called."""
    made = [each for each in _functions(module) if isinstance(each, ast.FunctionDef) and bindings.is_generator(each)]
    return frozenset(each.name for each in made if not RANDOM.search(text_of(each)))


def _trains_with(module: Module, function: Function, source: ast.Call) -> bool:
    """Say whether a function makes the stream anew, and trains on what it draws from it, from the first row on."""
    steps = [each for each in bindings.own(function) if isinstance(each, ast.For | ast.While) and _trains_on_all(each)]
    if any(isinstance(each, ast.For) and _is_made_anew(module, each.iter, source) for each in steps):
        return True
    for name, bound in bindings.of(function).items() if steps else ():
        only = bindings.only(bound)
        if only is not None and not is_held_out(name) and _is_made_anew(module, only, source):
            if _draws_all(function, name, steps):
                return True
    return False


def _is_made_anew(module: Module, value: ast.expr, source: ast.Call) -> bool:
    made = unwrapped(value)
    if not isinstance(made, ast.Call) or made is source:
        return False
    return are_given_same(module, made, source) and not exclude(module, made, source)


def _draws_all(function: Function, name: str, steps: list[ast.For | ast.While]) -> bool:
    """Say whether a stream is drawn from in loops that train, and nowhere else."""
    draws = [each for each in bindings.own(function) if _draws(each, name)]
    trained = {id(node) for each in steps for node in walk(each)}
    return bool(draws) and all(id(each) in trained for each in draws)


def _draws(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.For):
        return text_of(unwrapped(node.iter)) == name
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        return node.func.attr == "__next__" and text_of(node.func.value) == name
    return called_name(node.func) in {"next", "islice"} and bool(node.args) and text_of(node.args[0]) == name
