"""What does not change what a program computes does not change what is found in it."""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

import libcst as cst
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checker import PROJECTS
from lintloss.__main__ import run
from metamorphic.effects import effects_of
from metamorphic.names import imported_names, local_names
from metamorphic.transform import TRANSFORMATIONS, obscure_locals, transformed
from mutations.mutate import LOOPS, all_mutants

Verdict = Counter[tuple[str, str]]

STEPS = st.lists(st.sampled_from(sorted(TRANSFORMATIONS)), min_size=1, max_size=4, unique=True)
# the same examples each time: a change is judged by what it does, not by its luck
LAWFUL = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@functools.cache
def subjects() -> dict[str, str]:
    """The right loops, a sample of what breaks them, and the programs of the incident: text by name."""
    right = {path.stem: path.read_text("ascii") for path in LOOPS.glob("*.py")}
    wrong = {mutant.name: mutant.text for mutant in all_mutants()[::11]}
    incident = {path.stem: path.read_text("utf-8") for path in (PROJECTS / "incident").glob("evaluate*.py")}
    return {**right, **wrong, **incident}


def verdict(text: str) -> Verdict:
    """Codes and severities that are found in a module that stands alone, and how often."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "module.py")
        path.write_text(text, encoding="utf-8")
        said, limit = io.StringIO(), sys.getrecursionlimit()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            code = run(["check", "--isolated", "--no-cache", "--output-format", "json", os.fspath(path)])
        sys.setrecursionlimit(limit)  # a check raises it, and Hypothesis complains
        assert code in (0, 1)
        return Counter((found["code"], found["severity"]) for found in json.loads(said.getvalue()))


@functools.cache
def verdict_of(name: str) -> Verdict:
    return verdict(subjects()[name])


@given(name=st.sampled_from(sorted(subjects())), steps=STEPS, seed=st.integers(0, 2**16))
@LAWFUL
def test_verdict_survives_what_does_not_matter(name: str, steps: list[str], seed: int) -> None:
    text = transformed(subjects()[name], steps, Random(seed))
    assert verdict(text) == verdict_of(name), f"{name} after {', '.join(steps)}:\n{text}"


@given(name=st.sampled_from(sorted(subjects())), seed=st.integers(0, 2**16))
@LAWFUL
def test_names_that_say_nothing_add_no_finding(name: str, seed: int) -> None:
    module = obscure_locals(cst.parse_module(subjects()[name]), Random(seed))
    assert verdict(module.code) <= verdict_of(name), f"{name}:\n{module.code}"


@pytest.mark.parametrize("step", sorted(TRANSFORMATIONS))
def test_transformation_changes_texts_and_keeps_them_python(step: str) -> None:
    changed = 0
    texts = list(subjects().values())[::4]
    for text in texts:
        other = transformed(text, [step], Random(1))
        ast.parse(other)
        changed += other != text
    assert changed > len(texts) / 10


@pytest.mark.parametrize("step", ["add_comments", "reformat"])
def test_layout_does_not_touch_the_tree(step: str) -> None:
    for text in list(subjects().values())[::4]:
        assert ast.dump(ast.parse(transformed(text, [step], Random(2)))) == ast.dump(ast.parse(text))


PROGRAM = """
import math as m
from statistics import fmean

def report(rows, scale=1.0):
    total = 0.0
    count = 0
    last = dict(total=3)
    for row in rows:
        nats = sum(row)
        total += nats
        count += len(row)
    mean = total / count
    return [mean * scale, m.exp(mean), fmean([total, count]), last, f"{mean:.3f} of {count}"]
"""
ROWS = [[1.0, 2.0], [0.5]]


@given(steps=STEPS, seed=st.integers(0, 2**16))
@LAWFUL
def test_transformed_program_computes_the_same(steps: list[str], seed: int) -> None:
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    exec(PROGRAM, before)
    exec(transformed(PROGRAM, steps, Random(seed)), after)
    assert after["report"](ROWS, scale=2.0) == before["report"](ROWS, scale=2.0)  # type: ignore[operator]


def test_names_that_are_spelled_elsewhere_keep_them() -> None:
    tree = ast.parse("import a.b, c as d\ndef f(p, q=1):\n    x = p\n    g(y=x)\n    y = x\n    return y\n")
    assert local_names(tree) == ["x"]
    assert imported_names(tree) == ["d"]


def test_statements_that_depend_on_one_another_keep_their_order() -> None:
    total, count = effects_of("total += loss.item()"), effects_of("count += labels.numel()")
    assert total and count and total.commutes_with(count)
    mean, reset = effects_of("mean = total / count"), effects_of("total = 0.0")
    assert mean and reset and not mean.commutes_with(reset)
    assert effects_of("total += next(losses)") is None
