"""Evaluations: forward passes that are scored and not trained on, with the state of gradients and modules around them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from lintloss.facts import (
    callers,
    classes,
    differentiating,
    frameworks,
    gradients,
    measuring,
    modes,
    outcomes,
    passing_methods,
    regions,
    runtimes,
    split_names,
    strangers,
    unswitched,
)
from lintloss.facts.callers import text_of
from lintloss.facts.differentiating import LEAF, TRAINS
from lintloss.facts.forward_methods import run_by_forward
from lintloss.facts.forwards import Forward, Scene
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Observation, Setting
from lintloss.facts.project import Project
from lintloss.facts.regions import Region
from lintloss.facts.stochastic import Stochastic
from lintloss.facts.survey import statements, walk
from lintloss.facts.values import Class, Lib, Ref, options
from lintloss.findings import Evidence, Span
from lintloss.parse import Module
from lintloss.patterns import regex

HOOK = regex(r"^(validation|valid|val|test|predict|eval|evaluation|inference)_step$")
PLAIN_BASE = regex(r"(^|\.)(object|ABC|Generic|Protocol|Enum)$|^torch\.|(^|\.)nn\.")


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


@dataclass(frozen=True, slots=True)
class Pass:
    """A forward pass with the region that it belongs to."""

    forward: Forward
    region: Region

    @property
    def scene(self) -> Scene:
        return self.region.scene(self.forward)

    @property
    def outer(self) -> frozenset[object]:
        """Return the loops around the region: those that its own loop is in."""
        if self.region.loop is None:
            return frozenset()
        keys = [loop.key for loop in self.forward.loops]
        return frozenset(keys[: keys.index(self.region.loop.key)]) if self.region.loop.key in keys else frozenset()

    @property
    def is_direct(self) -> bool:
        return self.region.index == len(self.forward.scenes) - 1

    @property
    def span(self) -> Span:
        """Return what is shown: the call of the model, or the call in the region that leads there."""
        call = None if self.is_direct else self.forward.scenes[self.region.index + 1].call
        return call.span if call is not None else self.forward.span


def passes(machine: Machine, module: Module) -> list[Pass]:
    """Return the forward passes of the evaluations in a module."""
    found = []
    for forward in machine.forwards.values():
        region = regions.region(machine, forward)
        if region is None or region.scene(forward).module is not module or regions.is_inside_a_model(forward, region):
            continue
        if forward.method and not passing_methods.runs_model(machine, forward):
            continue
        if measuring.measures(machine, forward, region) and _evaluates(forward, region):
            found.append(Pass(forward, region))
    return found


def _evaluates(forward: Forward, region: Region) -> bool:
    """Say whether something comes of a pass; where no name tells of an evaluation, that must be a number, or outputs kept.

    One prompt that is run to compare two models, or before one is traced, is no evaluation.
    """
    if not outcomes.is_used(forward, region):
        return False
    scene = region.scene(forward)
    return not region.is_presumed or outcomes.is_measured(scene.node, scene.statement, in_loop=region.loop is not None)


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
    recorded = _recorded(machine, group) if is_torch else None
    shown = _mode(machine, group) or _mode(machine, _unlike(machine, group, _is_in_training, modes.MODE_OF_PART))
    mode = "train" if shown is not None else "either" if all(map(_drops_anyway, group)) else ""
    if recorded is None and not mode:
        return None
    seen = _observed(machine, shown or recorded or first, recorded is not None, mode)
    return replace(seen, switchable=seen.switchable and all(map(_is_in_training, group)))


def _unlike(
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


def _is_recorded(each: Pass) -> bool:
    return each.forward.gradients == gradients.ON


def _is_in_training(each: Pass) -> bool:
    forward = each.forward
    return forward.mode == "train" or (forward.mode == "" and forward.stochastic.fresh)


def _drops_anyway(each: Pass) -> bool:
    """Say whether a model drops whatever its mode, and nobody calls that what is measured here."""
    names = " ".join(scene.name for scene in each.forward.scenes)
    return each.forward.unswitched.sure != "no" and unswitched.MEANT.search(names) is None


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


# -- gradients --------------------------------------------------------------------------------------------------------


def _recorded(machine: Machine, group: list[Pass]) -> Pass | None:
    """Return a pass that records gradients, if all of a call do, or all of those that some callers leave to it."""
    if all(map(_is_recorded, group)):
        return group[0] if _records(machine, group) else None
    left = [each for each in _unlike(machine, group, _is_recorded, gradients.WORDS) if _records(machine, [each])]
    return left[0] if left else None


def _records(machine: Machine, group: list[Pass]) -> bool:
    for each in group:
        forward = each.forward
        if frameworks.is_old(machine, each) or differentiating.needs_gradients(machine, forward, each.region):
            return False
        if runtimes.runs_in_one(machine, forward) or _is_hook(machine, forward):
            return False
        if forward.given_to and (strangers.may_have_frozen(forward.given_to) or not machine.trained):
            return False
        if _is_frozen(each.scene.module, forward.text) or _turns_off_itself(forward):
            return False
        if _asked_of_callers(machine, forward, callers.gradients_off):
            return False
        if _asked_of_callers(machine, forward, callers.is_handed_on):
            return False
        if each.region.loop is None and _asked_of_callers(machine, forward, _trains_in_base):
            return False
        if (each.region.loop is None or _is_step(forward)) and _asked_of_callers(machine, forward, _has_no_callers):
            return False  # a step of a loop that is somewhere else
    return True


def _turns_off_itself(forward: Forward) -> bool:
    """Say whether the model's own class turns gradients off, in what its forward() runs: its `sample()` does not count."""
    classes = [option.cls for option in options(forward.model) if isinstance(option, Ref) and option.cls is not None]
    return any(gradients.WORDS.search(text) for cls in classes for text in _run_by_forward(cls.node))


def _run_by_forward(node: ast.ClassDef) -> list[str]:
    """Return the text of forward() and of the methods that it calls; of a class without one, of all of it."""
    methods = run_by_forward(node)
    if not methods or any(gradients.WORDS.search(text_of(each)) for each in node.decorator_list):
        return [text_of(node)]
    return ["\n".join(map(text_of, (*each.decorator_list, each))) for each in methods]


def _is_frozen(module: Module, text: str) -> bool:
    """Say whether a loop over all parameters, or requires_grad_(False), freezes the model somewhere in the file."""
    if "requires_grad" not in module.code:
        return False
    name = text.removesuffix(".forward").rsplit(".", 1)[-1]
    for node in statements(module.tree):
        if isinstance(node, ast.For) and "parameters()" in text_of(node.iter) and _same(text_of(node.iter), name):
            if any(
                re.search(r"requires_grad(_\(| = )False", text_of(each))
                for each in node.body
                if not isinstance(each, ast.If)
            ):
                return True
        if (
            isinstance(node, ast.Expr | ast.Assign)
            and "requires_grad_(False)" in text_of(node)
            and _same(text_of(node), name)
        ):
            return True
    return False


def _same(text: str, name: str) -> bool:
    return re.search(
        rf"(^|[.\s(]){re.escape(name)}(\.module)?\.(eval\(\)\.)?(named_parameters|parameters|requires_grad_)\(", text
    ) is not None or (
        re.search(r"(^|[.\s(])(model|net|network)\.(named_parameters|parameters|requires_grad_)\(", text) is not None
    )


def _asked_of_callers(machine: Machine, forward: Forward, question: object) -> bool:
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
    cls = _class_of(outer)
    over = classes.bases(machine, cls)[1:] if cls is not None else []
    above = {each.module.path: each.module for each in over if isinstance(each, Class)}
    above.pop(outer.module.path, None)
    owner = cls.node.name if cls is not None else ""
    assert callable(question)
    return bool(question(machine.project, callers.Asked(outer.module, outer.name, owner, tuple(above.values()))))


def _trains_in_base(project: Project, asked: callers.Asked) -> bool:
    """Say whether a class over that of a method calls it to train: `loss = self.compute_loss(batch); loss.backward()`."""
    found = (around for each in asked.above for _, around in callers.in_module(each, asked.name))
    functions = (node for around in found for node in around if isinstance(node, ast.FunctionDef))
    return any(TRAINS.search(text_of(each)) for each in functions)


def _is_hook(machine: Machine, forward: Forward) -> bool:
    """Say whether a step of an evaluation, `predict_step(batch, batch_idx)`, may be one that a class out of sight calls."""
    for scene in forward.scenes[1:]:
        cls = _class_of(scene) if HOOK.search(scene.name) else None
        names = [each.name for each in classes.bases(machine, cls) if isinstance(each, Lib)] if cls is not None else []
        if any(not PLAIN_BASE.search(each) for each in names):
            return True
    return False


def _is_step(forward: Forward) -> bool:
    """Say whether the interpreter started from a method such as valid_step(): one batch of a loop of somebody else."""
    return len(forward.scenes) > 1 and forward.scenes[1].name.endswith("_step")


def _has_no_callers(project: Project, asked: callers.Asked) -> bool:
    """Say whether nobody calls a function but functions of its own name, which hand on what overrides it."""
    sites = callers.sites(project, asked.module, asked.name, asked.owner)
    return all(callers.is_inside(around, asked.name) for _, around in sites)


def _class_of(scene: Scene) -> Class | None:
    for node in statements(scene.module.tree):
        if isinstance(node, ast.ClassDef) and scene.node in node.body:
            return Class(node, scene.module)
    return None


# -- modes ------------------------------------------------------------------------------------------------------------


def unswitched_here(machine: Machine, module: Module, found: list[Pass]) -> set[str]:
    """Return the functions and classes of a module that evaluate models of other files, in a file that sets no mode.

    Whether such a model minds its mode, and is left in training mode, the files show that make it and call them.
    """
    if callers.MODE.search(module.code) is not None:
        return set()
    return {
        name
        for each in found
        if each.forward.mode in {"", "train"}
        and each.forward.stochastic.sure == "unknown"
        and not frameworks.is_another(each)
        for name in _top_level(module, each.scene.node)
        if not _asked_of_callers(machine, each.forward, callers.evaluation_mode)
    }


def _top_level(module: Module, node: ast.AST) -> list[str]:
    """Return the name of the function or class of a module that a function is, or stands in."""
    row = getattr(node, "lineno", 0)
    tops = (
        each for each in module.tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    )
    return [each.name for each in tops if each.lineno <= row <= (each.end_lineno or row)]


def _says_so(call: ast.Call) -> bool:
    """Say whether the call itself asks for evaluation, as Keras models take it: `model(x, training=False)`."""
    return any(
        each.arg == "training" and isinstance(each.value, ast.Constant) and not each.value.value
        for each in call.keywords
    )


def _mode(machine: Machine, group: list[Pass]) -> Pass | None:
    """Return a pass in training mode, if all of a call are; one that is not makes the mode the callers' business."""
    for each in group:
        forward = each.forward
        if _says_so(forward.node):
            return None
        born = forward.mode == "" and forward.stochastic.fresh
        back = regions.is_switched_back(forward)
        minds = forward.stochastic.sure in {"yes", "maybe"} or (back and forward.stochastic.sure == "unknown")
        if not (born or forward.mode == "train") or not minds:
            return None
        if runtimes.runs_in_one(machine, forward):  # it has no modes
            return None
        if back:  # whatever the callers have set
            continue
        if _asked_of_callers(machine, forward, callers.evaluation_mode):
            return None
        if _asked_of_callers(machine, forward, callers.is_handed_on):
            return None
    return group[0] if group else None
