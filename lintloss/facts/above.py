"""Above a pass: what the callers of its function say, and passes that have a trouble only for some of those callers."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from lintloss.facts import callers, classes, regions
from lintloss.facts.callers import text_of
from lintloss.facts.forwards import Forward, Scene
from lintloss.facts.machine import Machine
from lintloss.facts.regions import Region
from lintloss.facts.scored_passes import Pass
from lintloss.facts.survey import statements, walk
from lintloss.facts.values import Class


def unlike(
    machine: Machine, group: list[Pass], has_trouble: Callable[[Pass], bool], settles: re.Pattern[str]
) -> list[Pass]:
    """Return the passes of a loop that have a trouble, where those that others call it for have none.

    `test()` turns gradients off around `evaluate(model)`, and the training that calls it as well does not. A function that
    settles it by what it is told, `model.train(dropping)`, has callers who ask for either. Nothing must be trained by what
    such a call gives: no loop around it takes a step, or it is a number.
    """
    if all(map(has_trouble, group)) or any(_settles(each, settles) for each in group):
        return []
    own = (each for each in group if has_trouble(each) and _is_over_data(each.region))
    return [each for each in own if _gives_numbers(machine, each)]


def _is_over_data(region: Region) -> bool:
    """Say whether a region is a loop over data: the steps of a decoder that one sentence is given to evaluate nothing."""
    return region.loop is not None and not (region.is_presumed and region.loop.unit == "step")


def _settles(each: Pass, words: re.Pattern[str]) -> bool:
    """Say whether a function speaks of modes or gradients before the end of its loop: what stands behind sets those of others."""
    end = getattr(each.region.node(each.forward), "end_lineno", None) or 0
    told = (one for one in walk(each.scene.node) if isinstance(one, ast.Call | ast.Assign) and one.lineno <= end)
    return any(words.search(text_of(one)) for one in told)


def _gives_numbers(machine: Machine, each: Pass) -> bool:
    around = {loop.key for loop in each.forward.loops} | {scene.key for scene in each.forward.scenes}
    return (
        around.isdisjoint(machine.trained) or regions.PLAIN.search(text_of(each.region.node(each.forward))) is not None
    )


def asked_of_callers(machine: Machine, forward: Forward, question: object) -> bool:
    """Ask the callers of the function that the interpreter started from; of a script there are none."""
    if len(forward.scenes) < 2:
        return False
    outer = forward.scenes[1]
    if (
        outer.call is None
        or outer.call.span.row != getattr(outer.node, "lineno", 0)
        or outer.call.path != outer.module.path
    ):
        return False
    cls = class_of(outer)
    over = classes.bases(machine, cls)[1:] if cls is not None else []
    above = {each.module.path: each.module for each in over if isinstance(each, Class)}
    above.pop(outer.module.path, None)
    owner = cls.node.name if cls is not None else ""
    assert callable(question)
    return bool(question(machine.project, callers.Asked(outer.module, outer.name, owner, tuple(above.values()))))


def class_of(scene: Scene) -> Class | None:
    for node in statements(scene.module.tree):
        if isinstance(node, ast.ClassDef) and scene.node in node.body:
            return Class(node, scene.module)
    return None
