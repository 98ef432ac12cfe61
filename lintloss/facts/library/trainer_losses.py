"""The loss of a Trainer's own class: compute_loss() runs in evaluation too, and the mean of what it returns is eval_loss."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import callers, classes, modes
from lintloss.facts.library import trainer_reports
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Class, Const, Func, Lib, Opaque, Quantity, Ref, Tuple, Value, options
from lintloss.parse import Module
from lintloss.patterns import regex

TRAINER = regex(r"^(transformers|trl|unsloth)\b.*\b(Seq2Seq|SFT|Unsloth)?Trainer$")
EVALUATES = regex(
    r"\.evaluate\(|\beval(uation)?_strategy\s*=\s*[\"'](epoch|steps)|IntervalStrategy\.(EPOCH|STEPS)|\bdo_eval\s*=\s*True"
)
CALLS = ("evaluate(", "eval_strategy", "evaluation_strategy", "do_eval")  # what asks a file's bytes for them
# heads whose own loss is a cross entropy: with a Trainer, what is called `outputs.loss` is theirs
HEADS = regex(r"For(CausalLM|MaskedLM|ConditionalGeneration|Seq2SeqLM|(Sequence|Token|Image|Audio)Classification)\b")
LOOPS = (
    "prediction_step",
    "evaluation_loop",
    "prediction_loop",
    "evaluate",
)  # another one of these may score by itself
OFF = (Const(0), Const(0.0), Const(None), Const(False))
Definition = ast.FunctionDef | ast.AsyncFunctionDef


def is_one(machine: Machine, function: Func) -> bool:
    """Say whether a method is the compute_loss() of a Trainer's class which somebody is seen to evaluate with."""
    owner = function.self_value
    if getattr(function.node, "name", "") != "compute_loss" or not isinstance(owner, Ref) or owner.cls is None:
        return False
    found = classes.bases(machine, owner.cls)
    if not any(isinstance(each, Lib) and TRAINER.search(each.name) for each in found):
        return False
    return not any(_scores_by_itself(each) for each in found) and bool(_evaluating(machine, owner.cls))


def _scores_by_itself(cls: Class | Lib) -> bool:
    """Say whether a class evaluates by a loop or a step of its own, which asks neither the library's nor compute_loss()."""
    methods = cls.node.body if isinstance(cls, Class) else ()
    own = [each for each in methods if isinstance(each, Definition) and each.name in LOOPS]
    return any(not _goes_back(each) for each in own)


def _goes_back(method: Definition) -> bool:
    called = {called_name(each.func) for each in walk(method) if isinstance(each, ast.Call)}
    return bool(called & {"super", "compute_loss"})


def _evaluating(machine: Machine, cls: Class) -> list[Module]:
    """Return the files that name a trainer's class and evaluate: its own, or others around it."""
    home = cls.module
    using = machine.project.using(home.path, cls.node.name, CALLS)
    return [each for each in (home, *using) if EVALUATES.search(each.code)]


def given(machine: Machine, function: Func) -> dict[str, Value]:
    """Return what the library gives the method in an evaluation: the model, in evaluation mode, and a batch."""
    owner = function.self_value
    if not isinstance(owner, Ref):
        return {}
    _forget_defaults(machine, owner)
    trainer_reports.forget_switches(machine, owner)
    model = Opaque((*owner.id, ".model"), "model")
    machine.put(owner, "model", model)
    modes.switch(machine, model, Const(False), None)
    takes = [each.arg for each in function.node.args.args[1:]]
    inputs = Opaque(machine.key(function.node, "inputs"), "inputs")
    found: dict[str, Value] = dict(zip(takes, (model, inputs), strict=False))
    return {**found, "return_outputs": Const(True)} if "return_outputs" in takes else found


def _forget_defaults(machine: Machine, owner: Ref) -> None:
    """Let the options that are off by default be unknown where somebody who makes a trainer sets them."""
    cls = owner.cls
    off = [name for name, slot in machine.fields(owner).items() if slot.value in OFF]
    made = callers.calls(machine.project, cls.module, cls.node.name) if cls is not None and off else ()
    words = [word for call in made for word in call.keywords]
    told = {word.arg for word in words if not isinstance(word.value, ast.Constant) or word.value.value}
    for name in off:
        if name.lstrip("_") in told:
            machine.put(owner, name, Opaque((*owner.id, "." + name), name))


def note_returned(machine: Machine, function: Func, returned: Value) -> None:
    """Note the loss that an evaluation averages and reports, unless what it is made of is told beside it."""
    owner = function.self_value
    if not isinstance(owner, Ref) or owner.cls is None or trainer_reports.logs_parts(function.node):
        return
    told = _evaluating(machine, owner.cls)
    making = machine.project.using(owner.cls.module.path, owner.cls.node.name, (trainer_reports.GIVEN,))
    if trainer_reports.may_hold_plain(machine, (owner.cls.module, *making)):
        return
    is_told = any(HEADS.search(each.code) for each in told)
    losses = [each.items[0] if isinstance(each, Tuple) and each.items else each for each in options(returned)]
    found = [one for each in losses for one in options(each)]
    trainer_reports.note(machine, function.node, map(_known, found) if is_told else found)


def _known(loss: Value) -> Value:
    """Return what is a loss by its name as one of a model whose head says that it is a cross entropy."""
    if not isinstance(loss, Quantity) or loss.scoring is None or not loss.scoring.presumed:
        return loss
    return replace(loss, scoring=replace(loss.scoring, presumed=False))
