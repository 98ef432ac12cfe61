"""Evaluation regions: the innermost loop or function around a forward pass that says it evaluates, and does not train."""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass
from functools import lru_cache

from lintloss.facts import bindings, gradients, interludes, modes, plain_totals
from lintloss.facts.callers import text_of
from lintloss.facts.forwards import Forward, Scene
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.split_names import is_evaluation, is_training, says_held_out, snake
from lintloss.facts.survey import called_name
from lintloss.findings import Evidence
from lintloss.patterns import regex

NAME = regex(
    r"(^|_)(eval\w*|val|vali\w*|test|tests|tester|testing|dev|perplexity|ppl|infer\w*|predict\w*|benchmark\w*|holdout|heldout)(?=_|\d|$)"
)
TRAINING = regex(
    r"train|fit(_|$)|finetune|learn|optimi[sz]e|update|attack|adversar|generate|sample|actions|calibrat|distill|warm_?up|profile|search"
)
PLAIN = regex(r"\.item\(\)|float\(|\.detach\(\)|\.data\b|\.cpu\(\)")  # a number that nothing is trained by
FILE = regex(r"(^|_)(eval\w*|validation|validate|perplexity|ppl|benchmark|test_?ppl|inference)(_|$)")
MEASURES = regex(
    r"loss|criterion|\bnll|perplex|ppl\b|entropy|accura|correct|metric|\bauc|f1|bleu|rouge|psnr|ssim|(?<!in)dice|iou\b|\bacc|_acc\b|error|\bmse|\bmae|\bwer\b|\bcer\b|log_?prob|likelihood|\bnats|\bce\b|_ce\b|\bbp[bc]\b",
    re.IGNORECASE,
)
PERPLEXITY = regex(r"perplexity|(?<![a-z])ppl(?![a-z])", re.IGNORECASE)
# Of a file: whatever it may train. `training_steps.STEPS` is what a loop trains by.
LEARNS = regex(r"\.backward\(|optimi[sz]er|\.train\(\)|[tT]rainer\b|\.fit\(")
PHASE = regex(r"(\w+) == '(?:train|training)'$")
MODEL_BASE = regex(r"(^|\.)nn\.(modules\.)?(\w+\.)?\w+$|PreTrainedModel$|GenerationMixin$")
HANDED_OUT = regex(r"load|data|batch(?!_?size)|\bdl\b|_dl\b|iterator", re.IGNORECASE)
# What tells of an evaluation where no name does.
SWITCHED = "eval() was called"
PERPLEXED = "it computes a perplexity"


@dataclass(frozen=True, slots=True)
class Region:
    """What evaluates: a loop of a function, or the function as a whole.

    index: the scene of the forward pass that the region belongs to. named: why it is taken for an evaluation.
    shared: the loop trains as well, when its flag says so; for_caller: it does so for other callers. unnamed: what it
    does with its losses alone says that it evaluates, and nothing says on which data. branch: of a loop that trains.
    """

    index: int
    loop: Loop | None
    named: str
    shared: bool = False
    for_caller: bool = False
    unnamed: bool = False
    branch: ast.If | None = None

    @property
    def is_presumed(self) -> bool:
        """Say whether no name of a function or of data tells of it: eval() is called for a look at a model, too."""
        return self.named == SWITCHED or self.named.startswith("the file") or self.named == PERPLEXED

    def scene(self, forward: Forward) -> Scene:
        return forward.scenes[self.index]

    def node(self, forward: Forward) -> ast.AST:
        if self.branch is not None:
            return self.branch
        if self.loop is not None and self.loop.statement is not None:
            return self.loop.statement
        return self.scene(forward).node


def region(machine: Machine, forward: Forward) -> Region | None:
    """Return the evaluation region around a forward pass, None where it trains or nothing says that it evaluates."""
    found = _told(machine, forward)
    return found if found is not None else _unnamed(machine, forward)


def _unnamed(machine: Machine, forward: Forward) -> Region | None:
    """Return the region of a function that only adds up its losses and returns them, where no name tells of it."""
    for index in range(len(forward.scenes) - 1, -1, -1):
        scene = forward.scenes[index]
        for loop in reversed([each for each in forward.loops if each.frame == index + 1]):
            if loop.key in machine.trained:
                return None
            if _only_adds_up(scene, loop):
                return Region(index, loop, "all that comes of it is plain numbers", unnamed=True)
        if scene.key in machine.trained or TRAINING.search(snake(scene.name)):
            return None
    return None


def _told(machine: Machine, forward: Forward) -> Region | None:
    """Return the region that a name or a mode tells of."""
    switched = (forward.mode == "eval" and forward.mode_place is not None) or is_switched_back(forward)
    nearest: Region | None = None  # a helper without a loop: what calls it may be more of an evaluation
    for index in range(len(forward.scenes) - 1, -1, -1):
        scene = forward.scenes[index]
        for loop in reversed([each for each in forward.loops if each.frame == index + 1]):
            if loop.key in machine.trained:
                branch = _interlude(forward, scene, loop)
                if branch is not None:
                    return Region(index, None, SWITCHED, branch=branch)
                phases = _over_phases(machine, forward, loop)
                return _unless_presumed(nearest) if phases is None else Region(index, loop, phases, shared=True)
            named = _loop_says(loop)
            if named or (switched and loop.unit != "epoch"):
                return _narrowed(forward, Region(index, loop, named or SWITCHED))
            if _is_unrecorded_here(forward, loop):
                return Region(
                    index, loop, "it trains for other callers, and records nothing", shared=True, for_caller=True
                )
        if scene.key in machine.trained:
            return _unless_presumed(nearest)
        named = _scene_says(scene)
        if named or (switched and not isinstance(scene.node, ast.Module)):
            found = _narrowed(forward, Region(index, _own_loop(forward, index), named or SWITCHED))
            own = named and not named.startswith("the file")
            if own or found.loop is not None or _holds(scene, forward.mode_place):
                return found if own or nearest is None or found.loop is not None else nearest
            nearest = nearest or found
        if TRAINING.search(snake(scene.name)):
            return nearest
    return nearest


def _interlude(forward: Forward, scene: Scene, loop: Loop) -> ast.If | None:
    """Return the branch in which a loop that trains stops at this pass for an evaluation, of one batch perhaps."""
    if forward.mode != "eval" or loop.statement is None or scene is not forward.scenes[-1]:
        return None
    return interludes.around(loop.statement, forward.span.row)


def is_switched_back(forward: Forward) -> bool:
    """Say whether train() ends the first pass of a loop over splits, before the next one: who wrote eval() above minds."""
    place = forward.mode_place
    if forward.mode != "train" or place is None or not forward.scenes:
        return False
    around = [loop.statement for loop in forward.loops if loop.statement is not None]
    rows = [(one.lineno, one.end_lineno or 0) for one in around if one.lineno < forward.span.row]
    scene = forward.scenes[-1]
    if place.path != scene.module.path or not any(first < place.span.row <= last for first, last in rows):
        return False
    return place.span.row > forward.span.row and modes.TURNED_OFF.search(text_of(scene.node)) is not None


def _unless_presumed(nearest: Region | None) -> Region | None:
    """Drop a helper that a training calls, and that is an evaluation by the name of its file or by its model's mode alone.

    Parts that are not trained stay in evaluation mode in the training as well.
    """
    presumed = nearest is not None and nearest.is_presumed and nearest.named != PERPLEXED
    return None if presumed else nearest


def _over_phases(machine: Machine, forward: Forward, loop: Loop) -> str | None:
    """Say that a loop trains in one phase only, of those that a loop around it runs over; None otherwise."""
    flag = PHASE.match(machine.flags.get(loop.key, "")) if not machine.trained[loop.key] else None
    for each in forward.loops:
        target = each.statement.target if isinstance(each.statement, ast.For) else None
        if flag is not None and each.frame == loop.frame and isinstance(target, ast.Name) and target.id == flag[1]:
            return f"the loop runs over phases, and only `{flag[0]}` trains"
    return None


def _is_unrecorded_here(forward: Forward, loop: Loop) -> bool:
    """Say whether a loop that can train does not for this caller: it scores, and no gradients are there for backward()."""
    if forward.gradients != gradients.OFF or not loop.scores or loop.trains or loop.may_train or loop.statement is None:
        return False
    return loop.unit != "epoch" and ".backward(" in text_of(loop.statement)


def _only_adds_up(scene: Scene, loop: Loop) -> bool:
    """Say whether a function without an evaluation's name returns the losses that a loop of it adds up as numbers."""
    if not loop.scores or loop.trains or loop.may_train or TRAINING.search(snake(scene.name)):
        return False
    return loop.unit != "epoch" and plain_totals.is_all(scene.node, loop.statement)


def _holds(scene: Scene, place: Evidence | None) -> bool:
    """Say whether a place lies in the function of a scene."""
    first, last = getattr(scene.node, "lineno", 1), getattr(scene.node, "end_lineno", None) or 0
    return place is not None and place.path == scene.module.path and first <= place.span.row <= last


def _narrowed(forward: Forward, found: Region) -> Region:
    """Move a region to the innermost function with a loop over batches: `test()` only calls `iteration(train=False)`."""
    if found.loop is not None:
        return found
    inner = [each for each in forward.loops if each.frame > found.index + 1 and each.unit != "epoch"]
    return Region(inner[-1].frame - 1, inner[-1], found.named) if inner else found


def _own_loop(forward: Forward, index: int) -> Loop | None:
    inner = [each for each in forward.loops if each.frame >= index + 1 and each.unit != "epoch"]
    own = [each for each in inner if each.frame == index + 1]
    return own[-1] if own else None


def _loop_says(loop: Loop) -> str:
    if loop.statement is None:
        return ""
    source = drawn(loop.statement)
    named = _named(loop, source) if source is not None else None
    texts = [text_of(each) for each in (source, named) if each is not None]
    for text in texts:
        if is_evaluation(text):
            return f"the loop runs over `{text[:60]}`"
    total = _held_out_total(loop.statement)
    return f"the loop adds up `{total}`" if total and not any(map(is_training, texts)) else ""


@lru_cache(maxsize=512)
def _held_out_total(loop: ast.For | ast.AsyncFor | ast.While) -> str:
    """Return the name of what a loop adds up as plain numbers, where it is that of held-out data: `val_loss += loss.item()`."""
    for node in (each for statement in loop.body for each in ast.walk(statement)):
        target, value = None, None
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
            target, value = node.target, node.value
        elif isinstance(node, ast.Call) and called_name(node.func) == "append" and len(node.args) == 1:
            target, value = getattr(node.func, "value", None), node.args[0]
        name = getattr(target, "id", getattr(target, "attr", ""))
        if value is not None and says_held_out(name) and not is_training(name):
            if MEASURES.search(text_of(value)) and PLAIN.search(text_of(value)):
                return str(name)
    return ""


def _named(loop: Loop, source: ast.expr) -> ast.expr | None:
    """Return the call that a name was last given, or a bar shows: `bar = tqdm(val_loader)`, `for step, x in enumerate(bar)`."""
    while isinstance(source, ast.Call) and len(source.args) == 1 and isinstance(source.func, ast.Name | ast.Attribute):
        source = source.args[0]
    if not isinstance(source, ast.Name) or loop.function is None or is_training(source.id):
        return None
    bound = bindings.before(bindings.of(loop.function).get(source.id, ()), source.id, source.lineno)
    value = bound[-1].value if bound else None
    return value if isinstance(value, ast.Call) and value.lineno < source.lineno else None


def drawn(loop: ast.For | ast.AsyncFor | ast.While) -> ast.expr | None:
    """Return what a loop takes its batches from: of a `while`, what it calls next() on."""
    if not isinstance(loop, ast.While):
        return loop.iter
    for node in ast.walk(loop):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "next" and node.args:
            return node.args[0]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "__next__":
            return node.func.value
    return None


def _scene_says(scene: Scene) -> str:
    name = snake(scene.name)
    if name and NAME.search(name) and not TRAINING.search(name):
        return f"the function is called {scene.name}()"
    stem = snake(os.path.splitext(os.path.basename(scene.module.path))[0])
    if FILE.search(stem) and not TRAINING.search(name) and ".backward(" not in scene.module.code:
        return f"the file is called {stem}"
    if not TRAINING.search(name) and _computes_perplexity(scene.node, scene.module.code):
        return PERPLEXED
    return ""


def is_inside_a_model(forward: Forward, found: Region) -> bool:
    """Say whether a model only runs parts of itself: `self.decoder(x)` in its predict(); who calls that evaluates it.

    A method that loops over a loader evaluates, whatever class it is in.
    """
    scene = found.scene(forward)
    if not _is_method(scene.node) or not any(MODEL_BASE.search(base) for base in scene.owner):
        return False
    loop = found.loop.statement if found.loop is not None else None
    if not isinstance(loop, ast.For | ast.AsyncFor):
        return True
    header = text_of(loop.iter)
    return not HANDED_OUT.search(header) or re.match(r"range\([^()]*\.(size|shape)\b", header) is not None


def _is_method(node: ast.AST) -> bool:
    arguments = node.args.args if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else []
    return bool(arguments) and arguments[0].arg == "self"


@lru_cache(maxsize=512)
def _computes_perplexity(node: ast.AST, text: str) -> bool:
    """Say whether a function speaks of a perplexity, in a file that trains nothing. Asked of every forward pass."""
    return PERPLEXITY.search(text_of(node)) is not None and LEARNS.search(text) is None
