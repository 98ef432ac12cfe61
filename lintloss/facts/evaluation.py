"""Evaluations: forward passes that are scored and not trained on, with the state of gradients and modules around them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace

from lintloss.facts import above, frameworks, gradients, modes, recording, regions, split_names, training_mode
from lintloss.facts.callers import text_of
from lintloss.facts.differentiating import LEAF, TRAINS
from lintloss.facts.forwards import Forward, Scene
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Observation, Setting
from lintloss.facts.scored_passes import Pass
from lintloss.facts.stochastic import Stochastic
from lintloss.findings import Evidence, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation(Observation):
    """A forward pass of an evaluation.

    gradients: "on" where they are recorded for nothing, else "off". mode: "train" where the model is in training mode,
    by a call or as it was born, "either" where it drops in both modes, else "". model: how it is called; stochastic:
    what in it minds the mode, or drops in both.
    function_row: the row of the `def` to decorate, None where that must not be done. shared: the loop also trains.
    """

    gradients: str = "off"
    mode: str = ""
    mode_place: Evidence | None = None
    model: str = ""
    models: tuple[str, ...] = ()
    stochastic: Stochastic = Stochastic()
    named: str = ""
    function: str = ""
    function_row: int | None = None
    body_row: int | None = None
    switchable: bool = False
    shared: bool = False


def observe(machine: Machine, found: list[Pass]) -> list[Evaluation]:
    """Return one observation a region and trouble: the first forward pass with gradients, the first in training mode.

    A loop inside of a region that has the same trouble is a part of that region.
    """
    by_call: dict[tuple[Span, str], list[Pass]] = {}
    for each in found:
        by_call.setdefault((each.span, each.forward.text), []).append(each)
    seen: dict[tuple[object, ...], tuple[Evaluation, Pass]] = {}
    for _, group in sorted(by_call.items(), key=lambda pair: pair[0]):
        one = _evaluation(machine, group)
        if one is None:
            continue
        for trouble in ("on" if one.gradients == "on" else "", one.mode):
            if trouble:
                seen.setdefault((trouble, group[0].scene.node, _place(group[0])), (one, group[0]))
    around = {(*key[:2], shown.region.loop.key) for key, (_, shown) in seen.items() if shown.region.loop is not None}
    told = [one for key, (one, shown) in seen.items() if not any((*key[:2], outer) in around for outer in shown.outer)]
    return list(dict.fromkeys(told))


def _place(each: Pass) -> object:
    return each.region.node(each.forward)


def _evaluation(machine: Machine, group: list[Pass]) -> Evaluation | None:
    first = group[0]
    is_torch = any(frameworks.is_of_torch(machine, each) for each in group)
    if any(map(frameworks.is_another, group)) or not (is_torch or any(map(frameworks.is_of_mlx, group))):
        return None
    recorded = recording.recorded(machine, group) if is_torch else None
    shown = training_mode.in_training(machine, group) or training_mode.in_training(
        machine, above.unlike(machine, group, training_mode.is_in_training, modes.MODE_OF_PART)
    )
    mode = "train" if shown is not None else "either" if all(map(training_mode.drops_anyway, group)) else ""
    if recorded is None and not mode:
        return None
    seen = _observed(machine, shown or recorded or first, recorded is not None, mode)
    return replace(seen, switchable=seen.switchable and all(map(training_mode.is_in_training, group)))


def _observed(machine: Machine, shown: Pass, records: bool, mode: str) -> Evaluation:
    forward, scene = shown.forward, shown.scene
    node = scene.node if isinstance(scene.node, ast.FunctionDef | ast.AsyncFunctionDef) else None
    span = shown.span
    statement = scene.statement
    rows = (span.row, span.end_row)
    if (
        statement is not None
        and statement.lineno <= span.row <= (statement.end_lineno or span.row)
        and not hasattr(statement, "body")
    ):
        rows = (statement.lineno, statement.end_lineno or span.end_row)
    return Evaluation(
        path=scene.module.path,
        span=span,
        statement_rows=rows,
        scope_rows=machine.anchor(scene.module).scope(span.row),
        setting=Setting(phase="evaluation", function=scene.name),
        stack=tuple(each.call for each in forward.scenes[1:] if each.call is not None),
        gradients="on" if records else "off",
        mode=mode,
        mode_place=forward.mode_place,
        model=forward.text,
        models=_models(node) if node is not None else (),
        stochastic=forward.unswitched if mode == "either" else forward.stochastic,
        named=shown.region.named,
        function=scene.name,
        function_row=_decorable(scene, node) if scene.node not in machine.goes_back else None,
        shared=shown.region.shared,
        body_row=_body_row(node),
        switchable=mode != "either"
        and shown.is_direct
        and scene.node not in machine.goes_back
        and _is_switchable(scene, node, forward),
    )


def _models(node: ast.AST) -> tuple[str, ...]:
    """Return the names of modules that a function runs or switches, as far as names tell."""
    from lintloss.facts.forwards import MODEL_WORDS

    found: dict[str, None] = {}
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name | ast.Attribute):
            text = text_of(each.func)
            if MODEL_WORDS.search(text.rsplit(".", 1)[-1]):
                found[text] = None
    return tuple(found)


def _decorable(scene: Scene, node: ast.FunctionDef | ast.AsyncFunctionDef | None) -> int | None:
    """Return the row of the `def` that may be decorated: it must not train, and `torch` must be bound to torch."""
    if node is None or not frameworks.TORCH_NAME.search(scene.module.code) or isinstance(node, ast.AsyncFunctionDef):
        return None
    if gradients.WORDS.search(text_of(node)):  # an attempt that does not hold: a person decides what was meant
        return None
    if frameworks.OLD.search(scene.module.code):  # it may be run where there is no no_grad
        return None
    if TRAINS.search(text_of(node)) or LEAF.search(text_of(node)):
        return None
    return None if regions.TRAINING.search(split_names.snake(node.name)) else node.lineno


def _is_switchable(scene: Scene, node: ast.FunctionDef | ast.AsyncFunctionDef | None, forward: Forward) -> bool:
    """Say whether `model.eval()` can be put first: one module, no try at it, and training that switches back."""
    if node is None or TRAINS.search(text_of(node)) or regions.TRAINING.search(split_names.snake(node.name)):
        return False
    if forward.stochastic.family or "adapters" in _messages(forward):
        return False
    owner = forward.text.removesuffix(".forward")
    if len(_models(node)) != 1 or not re.fullmatch(r"[\w.]+", owner) or re.search(r"\.(eval|train)\b", text_of(node)):
        return False
    bound = {each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
    if owner.split(".")[0] not in bound and re.search(rf"^\s*{re.escape(owner)}\s*=", text_of(node), re.MULTILINE):
        return False  # made inside: the first statement is too early
    return ".backward(" not in scene.module.code or ".train()" in scene.module.code


def _messages(forward: Forward) -> str:
    return " ".join(place.message for place in forward.stochastic.places)


def _body_row(node: ast.FunctionDef | ast.AsyncFunctionDef | None) -> int | None:
    """Return the row of the first statement of a function below its docstring."""
    if node is None:
        return None
    first = node.body[0]
    documented = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    body = node.body[1:] if documented else node.body
    return body[0].lineno if body and body[0].lineno > node.lineno else None
