"""What trains, by the look of it: loops that step, functions that take a gradient, and the flags that leave it open."""

from __future__ import annotations

import ast

import pytest

from lintloss.facts import objectives
from lintloss.parse import parse_text

STEPPING = """\
for batch in loader:
    loss = criterion(model(batch))
    {call}
"""


def loop(text: str) -> ast.stmt:
    return ast.parse(text).body[0]


@pytest.mark.parametrize(
    "call",
    [
        "loss.backward()",
        "engine.step()",
        "with autocast():\n        loss.backward()",
        "if step % 4 == 0:\n        optimizer.step()",
        "loss = self.training_step(batch)",
    ],
)
def test_a_loop_that_steps_trains(call: str) -> None:
    assert objectives.steps(loop(STEPPING.format(call=call)))


@pytest.mark.parametrize(
    "call",
    [
        "total += loss.item()",
        "if train:\n        loss.backward()",
        "if phase == 'train':\n        optimizer.step()",
        "for part in batch:\n        part.backward()",
        "pretrain_step(batch)",
        "model.zero_grad()",  # copied along with the rest
    ],
)
def test_flags_inner_loops_and_other_words_leave_it_open(call: str) -> None:
    assert not objectives.steps(loop(STEPPING.format(call=call)))


def test_the_objective_inside_of_a_step_and_no_other_function() -> None:
    text = """\
def loss_fn(params):
    return params.sum()


def train_step(state):
    def objective(params):
        return params.sum()

    return jax.value_and_grad(objective)(state.params), jax.grad(loss_fn)(state.params)
"""
    module = parse_text(text, "step.py")
    outer, step = module.tree.body
    assert isinstance(step, ast.FunctionDef)
    assert objectives.is_one(module, step.body[0])
    assert not objectives.is_one(module, outer)  # of the module: an evaluation may call it as well


def test_a_function_that_steps_and_speaks_of_no_evaluation_only_trains() -> None:
    alone = loop("def train(loader):\n    for batch in loader:\n        optimizer.step()\n")
    both = loop("def train(loader, val_loader):\n    for batch in loader:\n        optimizer.step()\n")
    assert objectives.only_steps(alone)
    assert not objectives.only_steps(both)
