"""Measuring: whether a region computes a loss or a metric, and is no test, trial, timing or explanation."""

from __future__ import annotations

import ast
import copy
import os
import re
from functools import lru_cache

from lintloss.facts.callers import text_of
from lintloss.facts.forwards import Forward, Scene
from lintloss.facts.machine import Machine
from lintloss.facts.regions import MEASURES, Region
from lintloss.facts.split_names import snake
from lintloss.facts.survey import walk
from lintloss.parse import Module
from lintloss.patterns import regex

GENERATES = regex(r"next_token|multinomial\(|top_k|top_p|\.generate\(")
TIMES = regex(r"(^|_)(get_time|time_?it|latency|throughput)(_|$)")  # what is measured is how fast a model is
CLOCK = regex(r"perf_counter\(|default_timer\(|\btime\.time\(|cuda\.Event\(|nvtx\.|cudaProfiler")
EXPLAINS = regex(
    r"explain|saliency|attribution|captum|grad_?cam|adversar|attack", re.IGNORECASE
)  # not scored, or on purpose
MADE_UP = regex(r"(torch|random)\.(rand|randn|randint|zeros|ones|full)\(")
ZEROS = regex(r"^torch\.zeros\(")
CRITERION = regex(r"entropy|criterion|loss", re.IGNORECASE)
TEST_FOLDER = regex(r"(^|/)(tests?|testing|unittests?)/|(^|/)conftest\.py$")
TEST_FILE = regex(r"(^|/)(test_[^/]*|[^/]*_test)\.py$")
TEST_WORDS = regex(
    r"\bpytest\b|\bunittest\b|TestCase\b|self\.assert|\bassert_(all)?close|^(async )?def test\w*\(\):", re.MULTILINE
)


def measures(machine: Machine, forward: Forward, found: Region) -> bool:
    """Say whether a region computes a loss or a metric, and nothing that needs gradients."""
    scene = found.scene(forward)
    node = found.node(forward)
    if isinstance(node, ast.Module) or is_unit_test(scene.module):
        return False
    if _explains(scene, forward) or _is_trial(node) or any(TIMES.search(snake(each.name)) for each in forward.scenes):
        return False
    if not isinstance(scene.node, ast.Module) and _takes_time(scene.node):
        return False
    if isinstance(node, ast.For | ast.AsyncFor | ast.While):
        scores = found.loop is not None and found.loop.scores  # a criterion was seen in it, whatever it is called
        if not scores and _generates(text_of(node)):
            return False
        if (
            scores
            or MEASURES.search(text_of(node))
            or any(MEASURES.search(code_of(each.node)) for each in forward.scenes[found.index + 1 :])
        ):
            return True
        collects = re.search(r"\.(append|extend|update|add)\(|\[.*\] = | \+= ", text_of(node))
        return (
            collects is not None
            and not isinstance(scene.node, ast.Module)
            and MEASURES.search(code_of(scene.node)) is not None
        )
    return MEASURES.search(code_of(node)) is not None


@lru_cache(maxsize=512)
def code_of(node: ast.AST) -> str:
    """Return the text of a node without its docstring, which tells what others do as well."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or ast.get_docstring(node, clean=False) is None:
        return text_of(node)
    plain = copy.copy(node)
    plain.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(plain)


def is_unit_test(module: Module) -> bool:
    """Say whether a file tests the code; `train_test.py` and `test_lm.py` may as well evaluate a model."""
    path = module.path.replace(os.sep, "/")
    if TEST_FOLDER.search(path):
        return True
    return TEST_FILE.search(path) is not None and TEST_WORDS.search(module.code) is not None


@lru_cache(maxsize=256)
def _takes_time(function: ast.AST) -> bool:
    """Say whether what a function measures is how long a model takes: on a batch that it makes up, or by its name."""
    text = text_of(function)
    named = "benchmark" in getattr(function, "name", "")
    return CLOCK.search(text) is not None and (named or _makes_up(function))


def _makes_up(function: ast.AST) -> bool:
    """Say whether a function makes a batch up; zeros that it fills, `losses[k] = loss`, or adds to are none."""
    filled: set[str] = set()
    for each in walk(function):
        if isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store):
            filled.add(text_of(each.value))
        elif isinstance(each, ast.AugAssign):
            filled.add(text_of(each.target))
        elif isinstance(each, ast.Assign) and _adds_to_itself(each):
            filled.add(text_of(each.targets[0]))
    held = {
        id(each.value)
        for each in walk(function)
        if isinstance(each, ast.Assign) and ZEROS.match(text_of(each.value)) and text_of(each.targets[0]) in filled
    }
    calls = (each for each in walk(function) if isinstance(each, ast.Call) and id(each) not in held)
    return any(MADE_UP.search(text_of(each.func) + "(") for each in calls)


def _adds_to_itself(node: ast.Assign) -> bool:
    """Say whether a statement is a sum with what it binds, `total = total + loss`: `total += loss` in full."""
    terms, name = [node.value], text_of(node.targets[0])
    while terms:
        each = terms.pop()
        if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Add | ast.Sub):
            terms += [each.left, each.right] if isinstance(each.op, ast.Add) else [each.left]
        elif text_of(each) == name:
            return True
    return False


def _is_trial(node: ast.AST) -> bool:
    """Say whether a function tries a model out, `test_decoder()`: it is given nothing, and makes its batch up."""
    function = node if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else None
    return function is not None and not function.args.args and _makes_up(function)


def _explains(scene: Scene, forward: Forward) -> bool:
    """Say whether a pass is one of an explanation or an attack: `explainer(x=…)` looks at a model and scores nothing."""
    statement = scene.statement
    value = statement.value if isinstance(statement, ast.Assign | ast.Expr) else None
    called = text_of(value.func) if isinstance(value, ast.Call) else ""
    return EXPLAINS.search(forward.text) is not None or EXPLAINS.search(called) is not None


def _generates(text: str) -> bool:
    """Say whether a loop samples; a temperature beside a criterion is a contrastive loss's."""
    found = GENERATES.search(text)
    return found is not None or ("temperature" in text and CRITERION.search(text) is None)
