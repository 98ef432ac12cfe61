"""What a loop runs over in the words of the callers: a parameter is followed outwards to what was given for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts.callers import text_of
from lintloss.facts.caps import Function, parameters
from lintloss.facts.forwards import Scene
from lintloss.facts.machine import Machine
from lintloss.facts.scored_passes import Pass
from lintloss.facts.split_names import is_held_out, is_training
from lintloss.facts.survey import at_row


def is_training_data(machine: Machine, found: Pass) -> bool:
    """Say whether the loop of a pass was handed the training data: `train_loss = evaluate(model, train_loader)`."""
    words = [text_of(each) for each, _ in sources(machine, found)]
    return any(is_training(each) and not is_held_out(each) for each in words)


def sources(machine: Machine, found: Pass) -> Iterator[tuple[ast.expr, Scene]]:
    """Yield what the loop iterates, then what its callers gave for it, each with where it is written."""
    loop = found.region.loop
    if loop is None or not isinstance(loop.statement, ast.For):
        return
    source: ast.expr | None = _iterated(loop.statement.iter)
    for index in range(found.region.index, -1, -1):
        if source is None:
            return
        scenes = found.forward.scenes
        yield source, scenes[index]
        source = _given(machine, scenes[index - 1], scenes[index], source) if index else None


def _iterated(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    return node


def _given(machine: Machine, outer: Scene, scene: Scene, source: ast.expr) -> ast.expr | None:
    """Return the argument that stands for a parameter in the call of a function."""
    function = scene.node
    if not isinstance(source, ast.Name) or not isinstance(function, Function):
        return None
    names = parameters(function)
    call = _call(machine, outer, scene) if source.id in names else None
    if call is None or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    if names[0] in {"self", "cls"} and isinstance(call.func, ast.Attribute):
        names = names[1:]
    given = dict(zip(names, call.args, strict=False))
    given.update({each.arg: each.value for each in call.keywords if each.arg is not None})
    return given.get(source.id)


def _call(machine: Machine, outer: Scene, scene: Scene) -> ast.Call | None:
    place = scene.call
    if place is None or place.path != outer.module.path:
        return None
    anchor = machine.anchor(outer.module)
    calls = (node for node in at_row(outer.node, place.span.row) if isinstance(node, ast.Call))
    return next((node for node in calls if anchor.span(node) == place.span), None)
