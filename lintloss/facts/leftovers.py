"""Leftovers: generators of batches that yield full ones only, and never what remains at the end."""

from __future__ import annotations

import ast

from lintloss.facts.callers import text_of
from lintloss.facts.caps import assigned, defaults
from lintloss.facts.cuts import BATCH, leaves_short, whole_batches

Function = ast.FunctionDef | ast.AsyncFunctionDef


def keeps(function: ast.AST) -> ast.AST | None:
    """Return where a generator gives up full batches only, None where it also gives what is left, or never ends."""
    if not isinstance(function, Function):
        return None
    yields = [node for node in _own(function) if isinstance(node, ast.Yield)]
    if not yields or (
        any(isinstance(node, ast.While) and text_of(node.test) in {"True", "1"} for node in _own(function))
        and not _once(function)
    ):
        return None
    if all(_only_when_full(function, each) for each in yields):
        return yields[0]
    return _whole_steps(function, yields) or _whole_number(function, yields) or _left_when_short(function, yields)


def _whole_number(function: Function, yields: list[ast.Yield]) -> ast.AST | None:
    """Return `range(len(rows) // batch_size)` around all yields: the batches are whole, what remains is not given."""
    for loop in _own(function):
        header = loop.iter if isinstance(loop, ast.For) else None
        if not isinstance(header, ast.Call) or text_of(header.func) != "range" or len(header.args) != 1:
            continue
        bound = header.args[0]
        counts = assigned(function, bound.id) if isinstance(bound, ast.Name) else [bound]
        if len(counts) == 1 and isinstance(loop, ast.For) and whole_batches(counts[0], loop) is not None:
            if all(any(each is found for each in ast.walk(loop)) for found in yields):
                return header
    return None


def _left_when_short(function: Function, yields: list[ast.Yield]) -> ast.AST | None:
    """Return `if len(rows) < batch_size: break` before the only yield of a loop that steps over rows."""
    for loop in _own(function):
        if not isinstance(loop, ast.For) or len(yields) != 1 or not any(each is yields[0] for each in ast.walk(loop)):
            continue
        for test in loop.body:
            if isinstance(test, ast.If) and leaves_short(test) is not None:
                return test
    return None


def _own(function: Function) -> list[ast.AST]:
    """List the nodes of a function, those of functions in it left out."""
    found: list[ast.AST] = []
    stack: list[ast.AST] = list(function.body)
    while stack:
        node = stack.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))
    return found


def _once(function: Function) -> bool:
    """Say whether `while True` is left after one pass when the generator is not for training, or not asked to loop."""
    last = next((node for node in _own(function) if isinstance(node, ast.While)), None)
    if last is None or not last.body:
        return False
    end = last.body[-1]
    if not isinstance(end, ast.If) or not any(isinstance(each, ast.Break | ast.Return) for each in end.body):
        return False
    return "train" in text_of(end.test) or text_of(end.test) in {f"not {name}" for name in _off(function)}


def _off(function: Function) -> list[str]:
    """Return the parameters that are False by default."""
    given = defaults(function).items()
    return [name for name, value in given if isinstance(value, ast.Constant) and value.value is False]


def _only_when_full(function: Function, found: ast.AST) -> bool:
    """Say whether a yield stands in a loop, under a test that a list has reached a size."""
    for loop in _own(function):
        if not isinstance(loop, ast.For | ast.AsyncFor):
            continue
        for test in ast.walk(loop):
            if (
                isinstance(test, ast.If)
                and _asks_for_size(test.test)
                and any(found is each for part in test.body for each in ast.walk(part))
            ):
                return True
    return False


def _asks_for_size(test: ast.expr) -> bool:
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq | ast.GtE):
        return False
    return text_of(test.left).startswith("len(") and "len(" not in text_of(test.comparators[0])


def _whole_steps(function: Function, yields: list[ast.Yield]) -> ast.AST | None:
    """Return `range(0, n - size + 1, size)`: the start of the last, partial batch is not in it."""
    for loop in _own(function):
        if (
            isinstance(loop, ast.For)
            and isinstance(loop.iter, ast.Call)
            and text_of(loop.iter.func).endswith(("range", "permutation"))
        ):
            inner = (
                loop.iter if text_of(loop.iter.func) == "range" else loop.iter.args[0] if loop.iter.args else loop.iter
            )
            if isinstance(inner, ast.Call) and len(inner.args) == 3 and _is_whole(inner):
                if all(any(each is found for each in ast.walk(loop)) for found in yields):
                    return loop.iter
        if isinstance(loop, ast.comprehension) and isinstance(loop.iter, ast.Call):  # the batches are listed first
            if text_of(loop.iter.func) == "range" and len(loop.iter.args) == 3 and _is_whole(loop.iter):
                return loop.iter
    return None


def _is_whole(node: ast.Call) -> bool:
    stop, step = text_of(node.args[1]), text_of(node.args[2])
    return BATCH.search(step) is not None and stop.endswith(f"- {step} + 1")
