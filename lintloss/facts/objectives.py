"""Objectives: functions whose gradient is taken around them, as JAX and MLX train, and loops that step, whatever they call."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from lintloss.facts.callers import text_of
from lintloss.facts.survey import DEFINITIONS, called_name, walk
from lintloss.parse import Module
from lintloss.patterns import regex

STEP = regex(
    r"\.backward\(|(optim\w*|scheduler|engine|scaler)\.step\(|loss_scaler\(|(?<![a-z])train(ing)?_(step|batch)\(|"
    r"train_on_batch\("
)
FLAG = regex(r"train(?!e[dr])|phase|mode|eval|split|test|optim|valid|backprop|backward|update|infer", re.IGNORECASE)
UPDATES = regex(r"apply_gradients\(|apply_updates\(|(value_and_)?grad\(\w*loss\w*")
HELD_OUT = regex(
    r"(?<![a-z])eval|(?-i:(?<=[a-z])Eval)|(?<![a-z])val(_|loader|data|set|iter)|_val(?![a-z])|valid|test|dev_|(?<![a-z])ppl|perplex",
    re.IGNORECASE,
)
EVALUATES = regex(
    r"\.eval\(\)|no_grad|inference_mode|(?<![a-z])(eval|valid|val|test|estimate|perplex)(?!ue|s?_loader)[a-z]*(_\w+)?\(|"
    r"['\"](val|valid|validation|eval|test|dev)['\"]|(?<![a-z])(val|valid|validation|eval|test|dev)_?(load|data|iter|set|d[ls])",
    re.IGNORECASE,
)
GRADIENTS = frozenset({"grad", "value_and_grad"})


def is_one(module: Module, function: ast.AST) -> bool:
    """Say whether a function is made inside of another, which takes its gradient; one of a module may evaluate as well."""
    return "grad(" in module.code and function in _of(module.tree)


@lru_cache(maxsize=64)
def _of(tree: ast.AST) -> frozenset[ast.AST]:
    found: set[ast.AST] = set()
    for outer in walk(tree):
        if not isinstance(outer, DEFINITIONS):
            continue
        inside = walk(outer)[1:]
        named = {
            argument.id
            for call in inside
            if isinstance(call, ast.Call) and called_name(call.func) in GRADIENTS
            for argument in call.args
            if isinstance(argument, ast.Name)
        }
        found.update(each for each in inside if isinstance(each, DEFINITIONS) and each.name in named)
    return frozenset(found)


@lru_cache(maxsize=256)
def only_trains(function: ast.AST) -> bool:
    """Say whether a function takes a gradient of JAX and a step, and speaks of no evaluation."""
    return UPDATES.search(text_of(function)) is not None and not _speaks_of_evaluation(function)


@lru_cache(maxsize=256)
def only_steps(function: ast.AST) -> bool:
    """Say whether a function takes steps of a training, and speaks of no evaluation."""
    return STEP.search(text_of(function)) is not None and not _speaks_of_evaluation(function)


def _speaks_of_evaluation(function: ast.AST) -> bool:
    return HELD_OUT.search(text_of(function)) is not None


@lru_cache(maxsize=256)
def is_held_out(statement: ast.AST | None) -> bool:
    """Say whether a loop runs over what is called held-out data: with `train_step(batch, lr=0)` it evaluates."""
    return isinstance(statement, ast.For) and HELD_OUT.search(text_of(statement.iter)) is not None


@lru_cache(maxsize=256)
def steps(statement: ast.AST | None) -> bool:
    """Say whether a loop itself, and no loop in it, takes a step of a training, under no flag."""
    return not is_held_out(statement) and any(STEP.search(text_of(each)) for each in _of_loop(statement))


@lru_cache(maxsize=256)
def row_of_step(statement: ast.AST | None) -> int:
    """Return the row at which a loop itself takes the last step of a training, 0 where it takes none."""
    taken = (each.lineno for each in _of_loop(statement) if STEP.search(text_of(each)))
    return max(taken, default=0)


@lru_cache(maxsize=256)
def only_trains_in(statement: ast.AST) -> bool:
    """Say whether a loop takes steps of a training, and calls nothing that evaluates."""
    text = text_of(statement)
    return STEP.search(text) is not None and EVALUATES.search(text) is None


def _of_loop(statement: ast.AST | None) -> Iterator[ast.stmt]:
    """Yield the simple statements that each pass of a loop runs."""
    yield from _open(getattr(statement, "body", []), _written(statement) if statement is not None else frozenset())


@lru_cache(maxsize=256)
def _written(statement: ast.AST) -> frozenset[str]:
    """Return the names and attributes that a loop binds, by their code."""
    kinds = ast.Name | ast.Attribute
    return frozenset(
        text_of(each) for each in walk(statement) if isinstance(each, kinds) and isinstance(each.ctx, ast.Store)
    )


def _open(body: list[ast.stmt], written: frozenset[str]) -> Iterator[ast.stmt]:
    """Yield the simple statements of a block and of the blocks in it, those of loops and of flags left out."""
    for each in body:
        if isinstance(each, ast.With | ast.AsyncWith | ast.Try):
            yield from _open(each.body, written)
        elif isinstance(each, ast.If):
            ways = [list(_open(block, written)) for block in (each.body, each.orelse)]
            if not _is_flag(each.test, written) or all(_takes_step(way) for way in ways):
                yield from (*ways[0], *ways[1])
            elif isinstance(each.body[-1], ast.Continue):  # `if not learning: continue`
                return
        elif not isinstance(each, ast.For | ast.AsyncFor | ast.While | ast.FunctionDef | ast.ClassDef):
            yield each


def _is_flag(test: ast.expr, written: frozenset[str]) -> bool:
    """Say whether a test asks for a phase by its words, or for what stays as it is over the whole loop.

    A step under such a test is one that all passes take, or none: `learning = optimizer is not None`.
    """
    if FLAG.search(text_of(test)):
        return True
    parts = walk(test)
    read = {text_of(each) for each in parts if isinstance(each, ast.Name | ast.Attribute)}
    return not any(isinstance(each, ast.Call | ast.Subscript | ast.BinOp) for each in parts) and not read & written


def _takes_step(way: list[ast.stmt]) -> bool:
    return any(STEP.search(text_of(each)) for each in way)
