"""The loss that a model's own forward() computes: where a Trainer evaluates it, that is its eval_loss."""

from __future__ import annotations

from lintloss.facts import forwards, modes
from lintloss.facts.library import trainer_losses, trainer_reports
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Class, Const, Func, Opaque, Ref, Tuple, Value, options
from lintloss.parse import Module
from lintloss.patterns import regex

MAKES = regex(r"(?<![\w.])\w*Trainer\(")
LABELS = "labels"


def is_one(machine: Machine, function: Func) -> bool:
    """Say whether a method is the forward() of a model that a Trainer is seen to evaluate by what it returns."""
    owner = function.self_value
    takes = [each.arg for each in function.node.args.args]
    if getattr(function.node, "name", "") != "forward" or LABELS not in takes or not isinstance(owner, Ref):
        return False
    if owner.cls is None or not forwards.is_module(machine, owner):
        return False
    return any(_evaluates(machine, each) for each in _making(machine, owner.cls))


def _making(machine: Machine, cls: Class) -> list[Module]:
    """Return the files that name a model's class and may make a trainer: its own, and others around it."""
    return [cls.module, *machine.project.using(cls.module.path, cls.node.name, ("Trainer(",))]


def _evaluates(machine: Machine, module: Module) -> bool:
    """Say whether a file evaluates with a Trainer of the library, or one that leaves the loss to the model."""
    code = module.code
    told = trainer_losses.EVALUATES.search(code) and MAKES.search(code) and "transformers" in code
    if not told or "compute_loss" in code:
        return False
    made = {called_name(each.func) for each in walk(module.tree) if hasattr(each, "func")}
    trainers = [name for name in made if name.endswith("Trainer")]
    own = (each.code for name in trainers for each in machine.project.defining(module.path, name))
    return not any("compute_loss" in each for each in own)


def given(machine: Machine, function: Func) -> dict[str, Value]:
    """Return what the library gives a model: a batch, with its labels; the model is in evaluation mode."""
    owner = function.self_value
    if isinstance(owner, Ref):
        trainer_reports.forget_switches(machine, owner)
        modes.switch(machine, owner, Const(False), None)
    names = [each.arg for each in function.node.args.args[1:]]
    return {name: Opaque(machine.key(function.node, name), name) for name in dict.fromkeys((*names[:1], LABELS))}


def note_returned(machine: Machine, function: Func, returned: Value) -> None:
    """Note the loss of an output, unless the trainer may report the plain one beside it."""
    from lintloss.facts.expressions import member

    owner = function.self_value
    cls = owner.cls if isinstance(owner, Ref) else None
    if cls is None or trainer_reports.may_hold_plain(machine, _making(machine, cls)):
        return
    found = [
        (each.items[0] if each.items else each)
        if isinstance(each, Tuple)
        else member(machine, each, "loss", function.node)
        for each in options(returned)
    ]
    trainer_reports.note(machine, function.node, found)
