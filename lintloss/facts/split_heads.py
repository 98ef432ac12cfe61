"""Split heads: held-out rows that are the first of a source, while all of the very same source is trained on.

`val = rows.take(1000)` and `train = rows`, where `rows.skip(1000)` was meant; `val = [next(rows) for …]` of a stream that
the training makes anew, from its beginning.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from lintloss.facts import bindings
from lintloss.facts.callers import text_of
from lintloss.facts.split_names import is_evaluation, is_held_out, is_training
from lintloss.facts.survey import called_name, walk
from lintloss.facts.training_steps import STEPS
from lintloss.parse import Module
from lintloss.patterns import regex

Found = tuple[ast.AST, str, str]
Function = ast.FunctionDef | ast.AsyncFunctionDef
WRAPS = {"DataLoader", "list", "iter", "enumerate", "tqdm", "tuple", "cycle", "Dataset", "TensorDataset"}
CHAINED = {"batch", "map", "shuffle", "repeat", "prefetch", "cache", "with_format", "padded_batch", "to", "copy"}
RANDOM = regex(r"rand|choice|sample|shuffle|permut")
RANGES = {"range", "arange"}


def observe(module: Module) -> Iterator[Found]:
    """Yield what is called held-out data and takes the first rows of what the training takes whole."""
    if STEPS.search(module.code) is None and "train" not in module.code:
        return
    scopes = (each for each in walk(module.tree) if isinstance(each, Function))
    for scope in (module.tree, *scopes):
        for name, bound in bindings.of(scope).items():
            only = bindings.only(bound)
            if only is None or not is_evaluation(name):
                continue
            source = _head(scope, only)
            if source is not None and _is_trained_on(module, scope, source, only):
                yield only, name, text_of(only)[:70]


# -- the held-out rows ------------------------------------------------------------------------------------------------


def _head(scope: ast.AST, value: ast.expr) -> ast.expr | None:
    """Return what an expression takes the first rows of."""
    value = _whole_of(value)
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice):
        cut = value.slice
        begins = cut.lower is None or (isinstance(cut.lower, ast.Constant) and cut.lower.value == 0)
        return (
            value.value if begins and cut.upper is not None and cut.step is None and not _negative(cut.upper) else None
        )
    if isinstance(value, ast.ListComp):
        return _drawn(scope, value)
    if not isinstance(value, ast.Call) or not value.args:
        return None
    called = called_name(value.func)
    if called == "islice" and len(value.args) == 2:
        return _made(scope, value.args[0])
    if called == "Subset" and len(value.args) == 2:
        return value.args[0] if _is_first(value.args[1]) else None
    if isinstance(value.func, ast.Attribute) and len(value.args) == 1:
        first = called == "take" or (called == "select" and _is_first(value.args[0]))
        return _whole_of(value.func.value) if first else None
    return None


def _negative(bound: ast.expr) -> bool:
    """Say whether a slice leaves out the last rows: `rows[:-n]`."""
    return isinstance(bound, ast.UnaryOp)


def _is_first(rows: ast.expr) -> bool:
    if not isinstance(rows, ast.Call):
        return False
    rows = rows.args[0] if called_name(rows.func) == "list" and rows.args else rows
    return isinstance(rows, ast.Call) and called_name(rows.func) in RANGES and len(rows.args) == 1


def _drawn(scope: ast.AST, value: ast.ListComp) -> ast.expr | None:
    """Return the fresh stream of `[next(rows) for _ in range(n)]`."""
    drawn = value.elt
    if not isinstance(drawn, ast.Call) or called_name(drawn.func) != "next" or len(drawn.args) != 1:
        return None
    over = value.generators[0].iter
    counted = isinstance(over, ast.Call) and called_name(over.func) in RANGES
    return _made(scope, drawn.args[0]) if counted else None


def _made(scope: ast.AST, stream: ast.expr) -> ast.expr | None:
    """Return the call that makes a stream anew, by itself or under a name that is bound once."""
    if isinstance(stream, ast.Name):
        stream = bindings.only(bindings.of(scope).get(stream.id, ())) or stream
    if isinstance(stream, ast.Call) and called_name(stream.func) == "iter" and stream.args:
        return stream.args[0]
    return stream if isinstance(stream, ast.Call) else None


# -- the training -----------------------------------------------------------------------------------------------------


def _is_trained_on(module: Module, scope: ast.AST, source: ast.expr, head: ast.expr) -> bool:
    """Say whether all of a source goes by the name of training data, or through a loop that trains."""
    text = text_of(source)
    if not isinstance(source, ast.Name | ast.Attribute | ast.Call) or RANDOM.search(text):
        return False
    if isinstance(source, ast.Call):
        made_by = isinstance(source.func, ast.Name) and source.func.id in _generators(module)
        return made_by and any(_trains_with(each, source) for each in walk(module.tree) if isinstance(each, Function))
    if _is_cut_later(scope, text, head) or is_held_out(text):
        return False
    return any(_takes_whole(node, text) for node in _inside(scope))


def _generators(module: Module) -> set[str]:
    """Return the generators of a module that give the same rows each time that they are called."""
    made = (each for each in walk(module.tree) if isinstance(each, ast.FunctionDef) and bindings.is_generator(each))
    return {each.name for each in made if not RANDOM.search(text_of(each))}


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    for node in walk(scope):
        if node is not scope:
            yield node


def _is_cut_later(scope: ast.AST, text: str, head: ast.expr) -> bool:
    """Say whether the source is bound anew where its head is taken, or behind it: `rows = rows.skip(n)`, `del rows[:n]`."""
    for node in _inside(scope):
        if getattr(node, "lineno", 0) < head.lineno:
            continue
        if isinstance(node, ast.Assign) and any(text in {text_of(part) for part in walk(one)} for one in node.targets):
            return True
        if isinstance(node, ast.Delete) or (isinstance(node, ast.AugAssign) and text_of(node.target) == text):
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and text_of(node.func.value) == text:
            if node.func.attr in {"pop", "skip", "remove", "clear", "popleft"}:
                return True
    return False


def _takes_whole(node: ast.AST, text: str) -> bool:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        name = called_name(node.targets[0])
        return is_training(name) and not is_held_out(name) and text_of(_whole_of(node.value)) == text
    if isinstance(node, ast.keyword) and node.arg is not None:
        named = re.fullmatch(r"train(ing)?_(data)?(set|loader)?", node.arg) is not None
        return named and text_of(_whole_of(node.value)) == text
    if isinstance(node, ast.For):
        return text_of(_whole_of(node.iter)) == text and STEPS.search(text_of(node)) is not None
    return False


def _trains_with(function: Function, source: ast.Call) -> bool:
    """Say whether a function makes the stream anew, and trains on what it draws from it."""
    text = text_of(source)
    loops = [each for each in bindings.own(function) if isinstance(each, ast.For | ast.While)]
    steps = [each for each in loops if STEPS.search(text_of(each))]
    if any(isinstance(each, ast.For) and text_of(_whole_of(each.iter)) == text for each in steps):
        return True
    for name, bound in bindings.of(function).items():
        only = bindings.only(bound)
        if only is not None and only is not source and not is_held_out(name) and text_of(_whole_of(only)) == text:
            drawn = {f"next({name})", f"{name}.__next__()"}
            if any(text_of(node) in drawn for each in steps for node in walk(each) if isinstance(node, ast.Call)):
                return True
            if any(isinstance(each, ast.For) and text_of(_whole_of(each.iter)) == name for each in steps):
                return True
    return False


def _whole_of(node: ast.expr) -> ast.expr:
    """See through what takes all rows of something: a loader, batches, another format."""
    while isinstance(node, ast.Call):
        if called_name(node.func) in WRAPS and node.args:
            node = node.args[0]
        elif isinstance(node.func, ast.Attribute) and node.func.attr in CHAINED:
            node = node.func.value
        else:
            return node
    return node
